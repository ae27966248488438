"""A summary of made-up recordings to look at: what a reader gets of a real folder.

`PYTHONPATH=.:tests/detector/batch python tests/bench/look_summary.py OUT [COUNT]` scans COUNT (300)
recordings with the fake scanner of the tests and leaves summary.html, .xlsx and .json in OUT.
Then, say, `chromium --headless --screenshot OUT/summary.html` and `soffice --convert-to pdf`.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import fake_scan

from detector.batch.run import Batch, run_batch
from detector.batch.show import Show
from detector.case import CaseFacts
from detector.evidence.decisions import decide
from detector.labels import SUBTYPES, severity
from detector.report import read_report
from detector.scan import ScanOptions

SAID = (
    "您好,这里是某某金融,您的账单已经逾期了,请问今天能处理吗",
    "你再不还钱,我们明天就安排人到你家门口去等你,你自己掂量掂量",
    "你这个人怎么这么不要脸,借钱的时候跪着,还钱的时候装死",
    "我已经联系了你的单位领导和你爱人,让他们都知道你欠钱不还",
)
BACK = ("我下个月发工资就还", "你们别再打了", "我听不清楚", "请不要给我家里人打电话")
NUMBERS = ("02100000001", "02100000002", "95500000", "13900001111", "")


def make(folder: Path, count: int) -> None:
    """Write recordings of some months, and what lies about in a real folder."""
    dice = random.Random(7)
    kinds = [(c, s) for c, subtypes in SUBTYPES.items() for s in subtypes]
    for n in range(count):
        day, hour = (
            dice.randrange(60),
            dice.choice((8, 9, 9, 10, 10, 11, 14, 15, 16, 19, 21, 22, 7)),
        )
        when = f"2025{3 + day // 30:02}{1 + day % 30:02}{hour:02}{dice.randrange(60):02}00"
        number = dice.choice(NUMBERS)
        name = f"通话录音@{number}_{when}.amr" if number else f"新录音 {n}.m4a"
        if n % 97 == 5:
            name = f"很长很长的文件名{'与客户经理的通话记录' * 6}{n}.mp3"
        flags = []
        for _ in range(dice.choice((0, 0, 0, 0, 1, 1, 2, 5))):
            category, subtype = dice.choice(kinds)
            flags.append([category, subtype, severity(category, subtype)])
        said = [["collector", dice.choice(SAID)], ["debtor", dice.choice(BACK)]]
        fake_scan.recording(
            folder / ("微信" if n % 5 == 0 else "手机/通话录音") / name, n=n, flags=flags, say=said,
            duration_s=dice.uniform(5, 900),
        )  # fmt: skip
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    for n in range(6):
        shutil.copy(files[n * 7], folder / f"副本 {n}.amr")
    for n in range(3):
        fake_scan.recording(folder / f"坏 {n}.amr", do="bad", n=n)
    (folder / "空.wav").touch()
    (folder / "说明.txt").write_text("不是录音")
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - 100,) * 2)


def main() -> None:
    out, count = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 300
    facts = {"lender_type": "consumer_finance", "parties": {"lender": "某某消费金融有限公司"}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "张女士的手机"
        make(folder, count)
        batch = Batch(
            folder, out, ScanOptions(case=CaseFacts(facts)), html=False, task="fake_scan:load"
        )
        run_batch(batch, Show(True))
        dice = random.Random(8)
        for report in sorted((out / "reports").rglob("*.json"))[:60]:
            for flag in read_report(report).flags:
                action = dice.choice(("confirm", "confirm", "reject"))
                decide(report, read_report(report), action, flag.id, by="李复核")
        run_batch(batch, Show(True))


if __name__ == "__main__":
    main()
