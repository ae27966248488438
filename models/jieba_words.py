"""The word list that jieba cuts with: its own dictionary without the rare words.

    python -m models.jieba_words

Reading the whole dictionary (349,046 entries) would be most of what `detector classify` of one
line costs; four fifths of it stand fewer than 20 times in the texts that jieba counted.
"""

from importlib.metadata import version
from importlib.resources import files

from models.artifacts_file import publish

OFTEN = 20


def main() -> int:
    lines = (files("jieba") / "dict.txt").read_text("utf-8").splitlines()
    kept = [line for line in lines if int(line.split(" ")[1]) >= OFTEN]
    text = "".join(f"{word} {count}\n" for word, count, _ in (line.split(" ") for line in kept))
    source = f"jieba {version('jieba')} (MIT), words that stand at least {OFTEN} times"
    publish("jieba.txt", text.encode("utf-8"), source, words=len(kept))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
