"""An hour and a half of call: little memory, and the same two people to the end."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from detector.audio import RATE, Decoder, open_recording

ROOT = Path(__file__).parent.parent.parent
CALL = ROOT / "samples" / "lawful_debtor.mp3"
MINUTES, MOST_MB = 90, 500

LISTEN = """
import json, sys
sys.path.insert(0, "tests/detector")
from test_listen import EveryWord
from detector.audio import open_recording
from detector.listen import listen
from detector.scan import told_apart
from detector.survey import survey
recording = open_recording(sys.argv[1])
heard = listen(recording, survey(recording), EveryWord())
spoken, _ = told_apart(heard)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) // 1024  # ru_maxrss would be that of the parent, too
print(json.dumps([heard.duration_s, peak, [[s.speaker, s.start_s, s.end_s] for s in spoken]]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ninety_minutes(tmp_path: Path) -> None:
    call = np.concatenate(list(Decoder(open_recording(CALL))), axis=1)
    every = 300 * RATE  # the people talk, put the receiver down, and come back
    whole = np.zeros((1, MINUTES * 60 * RATE), np.float32)
    for at in range(0, whole.shape[1], every):
        whole[:, at : at + call.shape[1]] = call
    whole += np.random.default_rng(0).standard_normal(whole.shape[1], np.float32) * 3e-4
    path = tmp_path / "long.flac"
    soundfile.write(path, whole[0], RATE)
    done = subprocess.run(
        [sys.executable, "-c", LISTEN, str(path)],
        capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    duration_s, peak_mb, spoken = json.loads(done.stdout)
    assert duration_s == pytest.approx(MINUTES * 60, abs=1)
    assert peak_mb < MOST_MB
    assert {who for who, _, _ in spoken} == {"A", "B"}
    first = [who for who, start, _ in spoken if start < 300]
    last = [who for who, start, _ in spoken if start >= (MINUTES - 5) * 60]
    assert last == first
