"""Curves of the held-out evaluation as small PNG files under `models/figures/`."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from models.calls import LABELS
from models.keyword_baseline import keyword_labels
from models.word_scores import Measured

mpl.use("Agg")
FOLDER = Path(__file__).parent / "figures"
COLOURS = dict(zip(LABELS, ("#b3341f", "#1f5fb3", "#2c7d4f"), strict=True))
MIN_IN_BIN = 5


def _save(figure: plt.Figure, name: str, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / name, dpi=110, metadata={"Software": None})
    plt.close(figure)


def reliability(measured: Measured, folder: Path) -> None:
    """Draw how often each score was right, with how many scores each point stands for."""
    figure, (curve, counts) = plt.subplots(
        2, 1, figsize=(5.2, 5.6), height_ratios=(3, 1), sharex=True, layout="constrained"
    )
    curve.plot((0, 1), (0, 1), color="#999999", linewidth=1, linestyle="--", label="perfect")
    for label, entry in measured.calibration(measured.collector).items():
        if label not in COLOURS:
            continue
        n, total, true = np.array(entry["bins"]).T
        shown = n >= MIN_IN_BIN
        curve.plot(
            total[shown] / n[shown], true[shown] / n[shown], marker="o", markersize=4,
            color=COLOURS[label], label=f"{label} (ECE {entry['ece']['value']:.3f})",
        )  # fmt: skip
        counts.plot(total[shown] / n[shown], n[shown], marker="o", markersize=3,
                    color=COLOURS[label])  # fmt: skip
    curve.set(ylabel="share in truth", xlim=(0, 1), ylim=(0, 1))
    curve.legend(frameon=False, fontsize=8)
    counts.set(xlabel="score (mean of the bin)", ylabel="scores", yscale="log")
    _save(figure, "reliability.png", folder)


def precision_recall(measured: Measured, folder: Path) -> None:
    """Draw precision over recall by label, with the decisions and the list of words as points."""
    figure, axes = plt.subplots(figsize=(5.2, 5.2), layout="constrained")
    rows = measured.collector
    said = measured.grid(lambda t, label: label in keyword_labels(t.turn["text"]))
    for k, label in enumerate(LABELS):
        true, scores = measured.true[rows, k], measured.scores[rows, k]
        order = np.argsort(-scores, kind="stable")
        hits, found = np.cumsum(true[order]), np.arange(1, len(order) + 1)
        last = np.append(np.diff(scores[order]) != 0, True)  # one point for equal scores
        axes.plot(hits[last] / true.sum(), hits[last] / found[last], color=COLOURS[label],
                  linewidth=1.5, label=label)  # fmt: skip
        points = (
            (measured.flagged[rows, k], "o"),
            ((measured.flagged | measured.review)[rows, k], "s"),
            (said[rows, k], "x"),
        )
        for predicted, marker in points:
            right = (predicted & true).sum()
            axes.plot(right / true.sum(), right / max(1, predicted.sum()), marker=marker,
                      markersize=7, color=COLOURS[label], linestyle="")  # fmt: skip
    for marker, meaning in (("o", "flagged"), ("s", "flagged or to review"), ("x", "word list")):
        axes.plot([], [], marker=marker, color="#555555", linestyle="", label=meaning)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    figure.legend(frameon=False, fontsize=8, loc="outside lower center", ncols=2)
    _save(figure, "precision_recall.png", folder)


def draw(measured: Measured, folder: Path = FOLDER) -> None:
    """Draw all figures."""
    reliability(measured, folder)
    precision_recall(measured, folder)
