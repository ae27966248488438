"""Writing every document of a case, with one set of faces for all PDFs."""

from pathlib import Path

from detector.evidence.documents.complaints import LETTERS
from detector.evidence.documents.docx import to_docx
from detector.evidence.documents.evidence_list import evidence_list
from detector.evidence.documents.fonts import make_fonts
from detector.evidence.documents.model import in_script, texts
from detector.evidence.documents.pack import COMPLAINTS, excerpt, make_packs
from detector.evidence.documents.pdf import to_pdf
from detector.evidence.documents.readme_txt import readme
from detector.evidence.documents.sheet import sheet
from detector.evidence.documents.transcript import transcript
from detector.evidence.model import Case
from detector.output import write_error, write_file

__all__ = ["write_all"]


def write_all(case: Case, folder: Path) -> list[Path]:
    """Write all documents of a case into its folder; see `write_documents`."""
    printed = {"录音整理稿": transcript(case), "证据目录": evidence_list(case)}
    printed = {name: in_script(document) for name, document in printed.items()}
    # an excerpt may have every clip or none: together they have every character
    excerpts = [in_script(excerpt(case, inside, case.confirmed)) for inside in (case.confirmed, ())]
    fonts = make_fonts(pair for one in (*printed.values(), *excerpts) for pair in texts(one))
    files: dict[str, bytes] = {}
    for name, document in printed.items():
        files[f"{name}.docx"] = to_docx(document, case.made_at)
        files[f"{name}.pdf"] = to_pdf(document, fonts)
    for name, letter in LETTERS.items():
        files[f"{COMPLAINTS}/{name}.docx"] = to_docx(in_script(letter(case)), case.made_at)
    packs = make_packs(case, folder / "clips", fonts)
    files |= {f"{COMPLAINTS}/{name}": data for name, data in packs.items()}
    files["flags.xlsx"] = sheet(case)
    files["说明.txt"] = readme(case, tuple(packs)).encode("utf-8-sig")
    try:
        (folder / COMPLAINTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_error(error, folder) from None
    for name, data in files.items():
        write_file(folder / name, data)
    return [folder / name for name in files]
