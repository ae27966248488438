"""What the options of recognition are worth: character error rates, one option changed at a time.

`PYTHONPATH=. python tests/bench/bench_recognition.py [FOLDER] [--each N] [--only NAME]`

FOLDER holds recordings with their truth (NAME.json with `turns`), `samples/` if none is given;
`--each` takes each Nth. Words are compared as they were heard, without speakers.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import faster_whisper
import numpy as np

from detector import listen as listening
from detector import transcript
from detector.audio import open_recording
from detector.listen import listen
from detector.speech import SpeechOptions
from detector.survey import survey
from detector.transcript import PLAIN, Change, Recogniser, RecogniserOptions
from detector.whisper_models import resolve
from models.audio_scores import edit_distance, spoken
from models.evaluate_audio import find

SAMPLES = Path(__file__).parents[2] / "samples"
SHORT = "以下是普通话的电话录音。"
WORDS = "催收 逾期 欠款 还款 起诉 通讯录 上门 老赖 征信 网贷"
TRANSCRIBE = faster_whisper.BatchedInferencePipeline.transcribe


class NoVoices:
    """Voices are not told apart."""

    def feed(self, *_):
        pass

    def finish(self, *_):
        return None


def louder(samples):
    """Return samples at one loudness, -23 dB of full scale."""
    power = float(np.square(samples).mean()) or 1.0
    return np.clip(samples * np.sqrt(10**-2.3 / power), -1, 1).astype(np.float32)


def brighter(samples):
    return transcript._changed(samples, Change(emphasis=0.6))


# name: options of the recogniser, of Whisper, of speech activity, change of sound,
# what is put in place of functions of `detector.transcript`
VARIANTS = {
    "as shipped": ({}, {}, {}, None, {}),
    "noise left in": ({}, {}, {}, None, {"less_noise": lambda samples: samples}),
    "padding to 30 s": ({}, {}, {}, None, {"room": lambda *_: 30}),
    "1 beam": ({"beam_size": 1}, {}, {}, None, {}),
    "10 beams": ({"beam_size": 10}, {}, {}, None, {}),
    "patience 2": ({}, {"patience": 2}, {}, None, {}),
    "short prompt": ({"prompt": SHORT}, {}, {}, None, {}),
    "hotwords": ({}, {"hotwords": WORDS}, {}, None, {}),
    "without times": ({}, {"without_timestamps": True}, {}, None, {}),
    "repetition penalty 1.1": ({}, {"repetition_penalty": 1.1}, {}, None, {}),
    "no 5-gram twice": ({}, {"no_repeat_ngram_size": 5}, {}, None, {}),
    "one loudness": ({}, {}, {}, louder, {}),
    "brighter": ({}, {}, {}, brighter, {}),
    "speech from 0.5 to 0.35": ({}, {}, {"threshold": 0.5, "end_threshold": 0.35}, None, {}),
    "speech from 0.5": ({}, {}, {"threshold": 0.5}, None, {}),
    "speech from 0.25 to 0.15": ({}, {}, {"threshold": 0.25, "end_threshold": 0.15}, None, {}),
    "regions end after 0.5 s": ({}, {}, {"min_silence_s": 0.5}, None, {}),
    "regions end after 1.5 s": ({}, {}, {"min_silence_s": 1.5}, None, {}),
    "less around speech": ({}, {}, {"pad_s": 0.1}, None, {}),
    "more around speech": ({}, {}, {"pad_s": 0.5}, None, {}),
}


def measure(recordings, variant):
    """Return wrong and true characters, and wall seconds."""
    options, whisper, speech, sound, changed = variant
    recogniser = Recogniser(resolve(None), RecogniserOptions(**options))

    class Changed:
        workers = recogniser.workers

        def __call__(self, windows, change=PLAIN):
            if sound:
                windows = [replace(w, samples=sound(w.samples)) for w in windows]
            return recogniser(windows, change)

    def transcribe(self, *args, **more):
        return TRANSCRIBE(self, *args, **{**more, **whisper})

    wrong = true = 0
    began = time.monotonic()
    with (
        patch.object(listening, "Diarizer", NoVoices),
        patch.dict(vars(transcript), changed),
        patch.object(faster_whisper.BatchedInferencePipeline, "transcribe", transcribe),
    ):
        for call, path in recordings:
            opened = open_recording(path)
            heard = listen(opened, survey(opened), Changed(), speech=SpeechOptions(**speech))
            words = [word for channel in heard.channels for word in channel.words]
            words.sort(key=lambda word: word.start_s)
            truth = spoken([turn["text"] for turn in call["turns"]])
            wrong += edit_distance(truth, spoken(["".join(word.text for word in words)]))
            true += len(truth)
    return wrong, true, time.monotonic() - began


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=SAMPLES)
    parser.add_argument("--each", type=int, default=1)
    parser.add_argument("--only", action="append", choices=list(VARIANTS))
    args = parser.parse_args()
    recordings = find(args.folder)[:: args.each]
    for name in args.only or VARIANTS:
        wrong, true, seconds = measure(recordings, VARIANTS[name])
        print(f"{name:24s} {100 * wrong / true:6.1f} %  {seconds:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
