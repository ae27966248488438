"""What makes two installations of this program say the same of one recording."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from detector.batch.settings import program

__all__ = ["Program", "this_program"]

_PACKAGES = ("detector", "api")
_CODE = (".py", ".json", ".css", ".js")


@dataclass(frozen=True, slots=True)
class Program:
    """An installation: version and hash of the program, its libraries and models."""

    version: str
    code: str
    libraries: Mapping[str, str]
    models: Mapping[str, str]

    def differences(self, other: "Program") -> list[str]:
        """Return in words what another installation has that is not as here."""
        found = []
        if self.version != other.version:
            found.append(f"程序版本 {other.version},本机 {self.version}")
        elif self.code != other.code:
            found.append(f"程序代码 {other.code[:8]},本机 {self.code[:8]}")
        for what, mine, theirs in (
            ("", self.libraries, other.libraries),
            ("模型 ", self.models, other.models),
        ):
            for name in sorted({*mine, *theirs}):
                here, there = mine.get(name, "无"), theirs.get(name, "无")
                if here != there:
                    found.append(f"{what}{name} {there[:12]},本机 {here[:12]}")
        return found


def _code() -> str:
    """Hash the files of the packages from which tasks come."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    found = (path for package in _PACKAGES for path in (root / package).rglob("*"))
    names = {path.relative_to(root).as_posix(): path for path in found if path.suffix in _CODE}
    for name, path in sorted(names.items()):
        digest.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def this_program(whisper_model: str | None) -> Program:
    """Describe this installation.

    Raises:
        ModelError: it has no such Whisper model, or a model is missing.
    """
    from detector.artifacts import artifact_hash
    from detector.scan import ARTIFACTS, library_versions
    from detector.whisper_models import resolve

    whisper = resolve(whisper_model)
    return Program(
        program(),
        _code(),
        {
            name: found
            for name, found in library_versions().items()
            if name != "harassment-detector"
        },
        {"whisper": whisper.sha256, **{name: artifact_hash(name) for name in ARTIFACTS}},
    )
