"""A derived listening copy (mp3): for players and browsers that do not open phone formats.

It is an aid, labelled 试听副本,非证据; the evidence is the original recording.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np

from detector.audio import RATE, Decoder, Recording

__all__ = ["LISTENING", "MIME", "write_listening_copy"]

MIME = "audio/mpeg"
LISTENING = ".试听副本-非证据.mp3"
"""What the name of every listening copy ends with."""
BIT_RATE = 32_000


def write_listening_copy(recording: Recording, target: Path | io.BytesIO) -> None:
    """Write a mono mp3 of 16 kHz, streaming; times equal those of the original."""
    import av

    out: Any = str(target) if isinstance(target, Path) else target
    with av.open(out, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=RATE)
        stream.bit_rate = BIT_RATE
        stream.layout = "mono"
        fifo = av.AudioFifo()
        size = stream.codec_context.frame_size or 576
        at = 0
        for block in Decoder(recording):
            pcm = (block.mean(axis=0) * 32767).astype(np.int16)[None]
            frame = av.AudioFrame.from_ndarray(pcm, format="s16p", layout="mono")
            frame.sample_rate = RATE
            frame.pts = at
            at += pcm.shape[1]
            fifo.write(frame)
            while (piece := fifo.read(size)) is not None:
                container.mux(stream.encode(piece))
        if (rest := fifo.read()) is not None:
            container.mux(stream.encode(rest))
        container.mux(stream.encode(None))
