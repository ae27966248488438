"""Why a recording could not be scanned, as it is told to its owner."""

import re

from api.errors import ServiceError

__all__ = ["failure"]

_KINDS = {
    "bad_input": (422, "Not usable as a recording", "这个文件不能作为录音分析。",
                  "The file cannot be used as a recording."),
    "timed_out": (500, "Took too long", "分析用时过长,已放弃;可重新上传再试。",
                  "The scan took too long and was given up; upload it again to retry."),
    "crashed": (500, "Scan ended", "分析这个文件的进程多次意外终止;可重新上传再试。",
                "The process that scanned it died repeatedly; upload it again to retry."),
    "failed": (500, "Unexpected error", "分析时程序出错,请报告这个问题;可重新上传再试。",
               "An unexpected error; please report it. Upload it again to retry."),
    "lost": (500, "Files are missing", "服务器上的文件已缺失或损坏,请重新上传。",
             "The stored files are missing or damaged; please upload it again."),
}  # fmt: skip
REPEATABLE = ("timed_out", "crashed", "failed", "lost")
"""After these the same recording may be sent again; the others would end the same way."""
_ENGLISH = re.compile(r"\(([\x20-\x7e]+)\)[\u3002.]?\s*$")


def failure(kind: str | None, sentence: str | None) -> ServiceError:
    """Return what is said of a kind of failure; the scanner's own sentence goes before ours."""
    status, title, detail, detail_en = _KINDS.get(kind or "", _KINDS["failed"])
    if sentence:
        detail = sentence
        if found := _ENGLISH.search(sentence):
            detail_en = found[1][:1].upper() + found[1][1:] + "."
    return ServiceError(detail, detail_en, status=status, title=title)
