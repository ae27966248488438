"""A case folder as one zip file, to be handed over."""

import os
import zipfile
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from detector.errors import OptionError
from detector.evidence import custody
from detector.evidence.files import files_under, hash_file
from detector.evidence.lock import locked
from detector.evidence.manifest import MANIFEST
from detector.evidence.signing import signing_key
from detector.output import write_error

__all__ = ["archive_path", "check_archive", "write_archive"]

_STORED = (".m4a", ".mp3", ".amr", ".3gp", ".ogg", ".opus", ".aac", ".docx", ".xlsx", ".pdf")
"""Compressed already."""


def archive_path(case: Path) -> Path:
    """Return where the archive of a case folder goes."""
    return case.with_name(case.name + ".zip")


def check_archive(case: Path) -> None:
    """Refuse, before any work, to replace a zip file that is no archive of this case.

    Raises:
        OptionError: it is something else.
    """
    path = archive_path(case)
    if not os.path.lexists(path):
        return
    try:
        with zipfile.ZipFile(path) as file:
            ours = f"{case.name}/{MANIFEST}" in file.namelist()
    except (OSError, zipfile.BadZipFile):
        ours = False
    if not ours:
        raise OptionError(
            f"{path} 已存在,而且不是这个案件的压缩包,不会覆盖;请先移走它 (exists already)。"
        )


def write_archive(case: Path, actor: str) -> Path:
    """Write the archive, streaming, and log it; one from before is replaced by a whole one only.

    The log in the archive ends before the line on the archive itself.

    Raises:
        OptionError: another file is in the way.
        OutputError: it cannot be written, as when the disk is full.
    """
    check_archive(case)
    path = archive_path(case)
    partial = path.with_name(f".detector-{uuid4().hex[:12]}.part")
    with locked(case):
        try:
            _write(case, partial)
            os.replace(partial, path)
        except OSError as error:
            raise write_error(error, path) from None
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
        custody.append(case, "zip", actor, {path.name: hash_file(path)[0]})
        custody.sign_log(case, signing_key())
    return path


def _write(case: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", strict_timestamps=False) as file:
        for relative, place in files_under(case):
            if not place.is_symlink():
                stored = place.suffix.lower() in _STORED
                how = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                file.write(place, f"{case.name}/{relative}", how)
