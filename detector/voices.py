"""What a voice sounds like, as a vector: CAM++ (https://arxiv.org/abs/2303.00332)."""

import numpy as np

from detector.artifacts import onnx_session
from detector.audio import RATE, Samples
from detector.segmentation import Frames

__all__ = ["voice_vector"]


def voice_vector(samples: Samples) -> Frames:
    """Return the unit-length vector (192,) of some speech (n,), half a second to two seconds.

    It is used within one recording and never written.
    """
    import kaldi_native_fbank as knf

    options = knf.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = 80
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(RATE, samples)
    fbank.input_finished()
    features = np.stack([fbank.get_frame(i) for i in range(fbank.num_frames_ready)])
    features = (features - features.mean(axis=0)).astype(np.float32)
    # one thread: for so little work more of them only wait for each other
    session = onnx_session("speaker_embedding.onnx", threads=1)
    out = session.run(None, {"input": features[None]})[0][0]
    return np.asarray(out / max(float(np.linalg.norm(out)), 1e-9), np.float32)
