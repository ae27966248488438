"""The documents of a case: Word, PDF, spreadsheet and text."""

from pathlib import Path

from detector.evidence.model import Case

__all__ = ["write_documents"]


def write_documents(case: Case, folder: Path) -> list[Path]:
    """Write all documents of a case into its folder and return them, in order.

    Files of the same name are replaced, each as a whole. Clips are read from `folder/clips`.

    Raises:
        OutputError: a file cannot be written.
    """
    from detector.evidence.documents.write import write_all

    return write_all(case, folder)
