"""What the recogniser makes of spoken corpus calls: recognised text beside each source turn.

    python -m models.hear FOLDER... [-o models/corpus/heard/NAME.jsonl] [--calls CALLS.jsonl]

FOLDER holds recordings with their truth (NAME.json with `start` and `end`, in seconds, on every
turn, as `models.evaluate_audio` takes them). They are recognised as `detector scan` does, and each
word goes to the true turn in which it was said. Goes on where it stopped: recordings that the
output already names are passed over. `--calls` writes the calls with recognised instead of source
text, for `models.evaluate`.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from detector.audio import open_recording
from detector.listen import Heard, listen
from detector.survey import survey
from detector.transcript import Recogniser, Word
from detector.utterances import Spoken
from detector.whisper_models import resolve
from models.calls import read
from models.evaluate_audio import find

Json = dict[str, Any]
REACH_S = 1.5
"""A word this far outside of every turn belongs to none."""


def _distance(word: Word, turn: Json) -> float:
    middle = min((word.start_s + word.end_s) / 2, word.start_s + 0.5)  # last words are stretched
    return max(float(turn["start"]) - middle, middle - float(turn["end"]), 0.0)


def align(call: Json, heard: Heard) -> list[str]:
    """Return what was recognised in each turn of a call, empty where nothing was.

    In a recording with a speaker a channel only that speaker's turns are looked at.
    """
    words: list[list[Word]] = [[] for _ in call["turns"]]
    for channel in heard.channels:
        mine = list(range(len(call["turns"])))
        if side := call.get("collector_channel"):
            collector = int(side == "right")
            number = heard.channels.index(channel)
            mine = [
                i for i in mine
                if (call["turns"][i]["speaker"] == "collector") == (number == collector)
            ]  # fmt: skip
        for word in channel.words:
            best = min(mine, key=lambda i: _distance(word, call["turns"][i]), default=None)
            if best is not None and _distance(word, call["turns"][best]) <= REACH_S:
                words[best].append(word)
    in_order = (sorted(ws, key=lambda w: w.start_s) for ws in words)
    return [Spoken("", tuple(ws)).text for ws in in_order]


def hear(folders: Sequence[Path], done: set[tuple[str, str]]) -> Iterator[tuple[Json, Json]]:
    """Yield each call with its record: what was said and heard, turn by turn."""
    recogniser = Recogniser(resolve(None))
    for folder in folders:
        for call, path in find(folder):
            name = f"{folder.name}/{path.name}"
            if (call["call_id"], name) in done:
                continue
            recording = open_recording(path)
            layout = survey(recording)
            texts = align(call, listen(recording, layout, recogniser))
            record = {"call_id": call["call_id"], "recording": name, "layout": layout.layout}
            said = [turn["text"] for turn in call["turns"]]
            yield call, {**record, "said": said, "heard": texts}


def joined(call: Json, record: Json) -> Json:
    """Return a call with recognised text; turns that were not heard keep a sign for it."""
    texts = (text or "…" for text in record["heard"])
    turns = [
        {k: v for k, v in turn.items() if k not in ("start", "end")} | {"text": text}
        for turn, text in zip(call["turns"], texts, strict=True)
    ]
    return {**call, "turns": turns}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--calls", type=Path, help="also write the calls with recognised text")
    args = parser.parse_args(argv)
    records = read(args.output) if args.output.exists() else []
    args.output.parent.mkdir(parents=True, exist_ok=True)
    with args.output.open("a", encoding="utf-8") as out:
        done = {(r["call_id"], r["recording"]) for r in records}
        for _, record in hear(args.folders, done):
            out.write(json.dumps(record, ensure_ascii=False) + "\n")
            out.flush()
            records.append(record)
            print(record["recording"], flush=True)
    if args.calls:
        by_name = {f"{f.name}/{path.name}": call for f in args.folders for call, path in find(f)}
        with args.calls.open("w", encoding="utf-8") as out:
            for record in records:
                if record["recording"] in by_name:
                    call = joined(by_name[record["recording"]], record)
                    out.write(json.dumps(call, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
