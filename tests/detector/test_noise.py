"""Steady noise is turned down, speech stays, and a clear recording is left alone."""

from pathlib import Path

import numpy as np
import pytest

from detector.audio import RATE, Decoder, open_recording
from detector.noise import less_noise

SAMPLE = Path(__file__).parents[2] / "samples" / "abusive_debtor.m4a"


def noise(seconds, level=0.02):
    return np.random.default_rng(0).normal(0, level, round(seconds * RATE)).astype(np.float32)


def tones(seconds=10.0):
    """Half-second bursts with as much silence between, as loud as speech."""
    at = np.arange(round(seconds * RATE)) / RATE
    return (0.2 * np.sin(2 * np.pi * 800 * at) * (at % 1 < 0.5)).astype(np.float32)


def power_db(samples):
    return 10 * np.log10(np.square(samples, dtype=np.float64).mean())


def test_noise_between_words_goes_and_what_is_said_stays():
    said = tones()
    heard = less_noise(said + noise(10))
    speaks = (np.arange(len(said)) / RATE) % 1
    during, between = (speaks > 0.1) & (speaks < 0.4), (speaks > 0.6) & (speaks < 0.9)
    assert power_db(heard[between]) < power_db(noise(10)[between]) - 8
    assert abs(power_db(heard[during]) - power_db(said[during])) < 0.5


def test_what_is_left_of_the_noise_is_not_digital_silence():
    heard = less_noise(tones() + noise(10))
    between = (np.arange(len(heard)) / RATE) % 1 > 0.6
    assert power_db(heard[between]) > power_db(noise(10)[between]) - 14


@pytest.mark.parametrize("level", [0.0, 1e-4])
def test_a_clear_recording_is_left_alone(level):
    clear = tones() + noise(10, level)
    assert less_noise(clear) is clear


def test_loudness_does_not_matter():
    noisy = tones() + noise(10)
    assert np.allclose(less_noise(0.01 * noisy), 0.01 * less_noise(noisy), atol=1e-7)


@pytest.mark.parametrize("length", [0, 1, 511, 8_000, 8_001, 8_255, 8_256, 48_017, 30 * RATE])
def test_nothing_is_added_or_cut_off(length):
    samples = noise(31)[:length]
    heard = less_noise(samples)
    assert heard.shape == samples.shape and heard.dtype == np.float32
    assert np.isfinite(heard).all()


def test_silence_stays_silence():
    assert not less_noise(np.zeros(RATE, np.float32)).any()


def test_the_place_of_every_sound_is_kept():
    decoder = Decoder(open_recording(SAMPLE))
    samples = np.concatenate([block.mean(axis=0) for block in decoder])[: 25 * RATE]
    heard = less_noise(samples)
    assert heard is not samples
    # nowhere else would the two be as alike
    likeness = [float(np.dot(samples[8:-8], np.roll(heard, n)[8:-8])) for n in range(-8, 9)]
    assert int(np.argmax(likeness)) == 8
