"""Store the most frequent reading of each character as `artifacts/pinyin.txt`.

    pip install pypinyin
    python -m models.pinyin_table

Source: the character table of pypinyin (MIT). One line a syllable (no tone): the syllable, a
space, its characters.
"""

import unicodedata
from collections import defaultdict

from models.artifacts_file import publish


def plain(reading: str) -> str:
    """Strip the tone: ``lǜ`` -> ``lv``."""
    decomposed = unicodedata.normalize("NFD", reading.replace("ü", "v"))
    kept = (c for c in decomposed if not unicodedata.combining(c) or c == "\u0308")
    return "".join(kept).replace("u\u0308", "v")


def main() -> int:
    from pypinyin import __version__, pinyin_dict

    lines: dict[str, str] = defaultdict(str)
    for code, readings in sorted(pinyin_dict.pinyin_dict.items()):
        if 0x3400 <= code <= 0x9FFF:
            lines[plain(readings.split(",")[0])] += chr(code)
    text = "".join(f"{syllable} {characters}\n" for syllable, characters in sorted(lines.items()))
    publish("pinyin.txt", text.encode("utf-8"), f"pypinyin {__version__} (MIT)")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
