"""New folders appear whole or not at all, and an old one stays until its successor is whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from detector.errors import OptionError
from detector.evidence.files import remove_tree
from detector.evidence.lock import beside
from detector.output import write_error

__all__ = ["check_new", "clear_leftovers", "parents_made", "publish", "staged"]

_OLD = ".old"
"""The old folder while it is being replaced, beside the new one."""


def check_new(target: Path, sources: list[Path]) -> None:
    """Refuse, before any work, a target that exists or lies within a source.

    Raises:
        OptionError: with what to do instead.
    """
    from detector.evidence.manifest import is_case

    for parent in target.resolve().parents:
        if is_case(parent):
            raise OptionError(
                f"-o 不能放在已有的案件文件夹 {parent} 里面,请换一个位置 (inside another case)。"
            )
    for source in sources:
        if target.resolve() == source.resolve():
            raise OptionError("-o 不能是录音或报告本身 (the output would replace its source)。")
        if source.resolve() in target.resolve().parents:
            raise OptionError(f"-o 不能在 {source} 里面,请换一个位置 (inside its source)。")
    if not os.path.lexists(target):
        return
    if is_case(target):
        raise OptionError(
            f"{target} 已是案件文件夹,不会覆盖;要按复核结果更新它,请运行 detector evidence "
            f"{target};要另建,请换一个名字 (the case exists already)。"
        )
    if target.is_symlink() or not target.is_dir() or any(target.iterdir()):
        raise OptionError(
            f"{target} 已存在,不会覆盖;请换一个名字 (exists already, and is not empty)。"
        )


@contextmanager
def parents_made(target: Path) -> Iterator[None]:
    """Make the folders above a target; if the work fails, take away those that were made."""
    made = [p for p in target.parents if not p.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise write_error(error, target) from None
    finally:
        if not os.path.lexists(target):
            for folder in made:
                with suppress(OSError):
                    folder.rmdir()


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give a folder beside the target, of the same name, that is gone afterwards.

    Raises:
        OutputError: it cannot be written, as when the disk is full.
    """
    root = beside(target, uuid4().hex[:8])
    stage = root / target.name
    try:
        root.mkdir()
        stage.mkdir()
        yield stage
    except OSError as error:
        raise write_error(error, target) from None
    finally:
        if not (root / _OLD).exists():  # else a replacement could not be undone: keep it
            with suppress(OSError):
                remove_tree(root)


def publish(stage: Path, target: Path) -> None:
    """Put a staged folder in its place; one that is there is removed after that."""
    old = stage.parent / _OLD
    replacing = target.is_dir() and any(target.iterdir())
    if replacing:
        os.rename(target, old)
    elif target.is_dir():
        target.rmdir()
    try:
        os.rename(stage, target)
    except OSError:
        if replacing:
            os.rename(old, target)
        raise
    if replacing:
        with suppress(OSError):
            remove_tree(old)


def clear_leftovers(target: Path) -> None:
    """Mend what a run that was killed left behind; to be called under the lock."""
    for root in sorted(target.parent.glob(beside(target, "*").name)):
        if not root.is_dir():
            continue
        if (root / _OLD).is_dir() and not os.path.lexists(target):
            os.rename(root / _OLD, target)
        with suppress(OSError):
            remove_tree(root)
