"""How well the same call is known again by its sound.

`PYTHONPATH=. python tests/bench/bench_sound.py FOLDER…`

Every recording is put through phone codecs, cut and made quieter; prints the least agreement
with itself, the most with any other recording, what is found and what is found wrongly, and how
many times faster than real time a fingerprint is made.
"""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import av
import numpy as np

from detector.audio import RATE, Decoder, open_recording
from detector.batch.duplicates import find_alike
from detector.batch.sound import compare, fingerprint, unpack

CODECS = {
    "amr 12.2k": ("amr", "libopencore_amrnb", 8_000, 12_200),
    "amr 4.75k": ("amr", "libopencore_amrnb", 8_000, 4_750),
    "mp3 16k": ("mp3", "libmp3lame", 16_000, 16_000),
    "opus 12k": ("ogg", "libopus", 16_000, 12_000),
    "aac 24k": ("ipod", "aac", 16_000, 24_000),
}


def samples_of(path):
    return np.concatenate([b.mean(axis=0) for b in Decoder(open_recording(path))])


def transcode(samples, target, container, codec, rate, bit_rate):
    with av.open(str(target), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="mono")
        stream.bit_rate = bit_rate
        size = stream.codec_context.frame_size or 0
        form = stream.codec_context.codec.audio_formats[0].name
        resampler = av.AudioResampler(format=form, layout="mono", rate=rate, frame_size=size)
        frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--most", type=int, default=12)
    args = parser.parse_args()
    paths = [p for folder in args.folders for p in sorted(folder.glob("*.wav"))[: args.most]]
    prints, seconds, took = {}, 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(paths):
            began = time.perf_counter()
            prints[number, "original"] = fingerprint(open_recording(path))
            took += time.perf_counter() - began
            samples = samples_of(path)
            seconds += len(samples) / RATE
            for name, codec in CODECS.items():
                target = Path(folder) / f"{number}.{codec[0]}"
                transcode(0.4 * samples[round(1.237 * RATE) :], target, *codec)
                prints[number, name] = fingerprint(open_recording(target))
    sounds = {key: unpack(data) for key, data in prints.items()}
    for name in CODECS:
        found = [
            compare(sounds[n, "original"], sounds[n, name], round(1.237 / 0.064)).agreement
            for n in range(len(paths))
        ]
        print(f"{name}: least agreement {min(found):.3f}, median {np.median(found):.3f}")
    other = [
        match.agreement
        for a, b in itertools.combinations(range(len(paths)), 2)
        for offset in (-20, 0, 20, 60)
        if (match := compare(sounds[a, "original"], sounds[b, "original"], offset))
    ]
    print(f"different calls: {len(other)} comparisons, most agreement {max(other):.3f}")
    names = {f"{n:05}|{kind}": data for (n, kind), data in prints.items()}
    began = time.perf_counter()
    alike = find_alike(lambda: sorted(names.items()), names.__getitem__)
    wrong = [p for p in alike if p.first.split("|")[0] != p.second.split("|")[0]]
    versions = len(CODECS) + 1
    whole = len(paths) * versions * (versions - 1) // 2
    print(
        f"pairs of one call found {len(alike) - len(wrong)} of {whole}, of different calls "
        f"{len(wrong)}; search {time.perf_counter() - began:.2f} s"
    )
    print(f"fingerprint: {seconds / took:.0f} times real time")


if __name__ == "__main__":
    main()
