"""The call encoder in torch: the first layers of multilingual-e5-small with heads for turns.

Reads a window of a call (`detector.encoder.Tables`) and gives the logits of each turn:
categories, sub-types, role of the speaker.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.calls import LABELS
from models.encoder_data import OUTPUTS, ROLES
from models.extract_e5 import E5File

__all__ = ["Block", "CallModel", "Corrector", "from_e5", "load", "of_weights", "save"]

HEAD = 32
"""Width of one attention head."""
POSITIONS = 512
LAYERS = 6
"""Of the twelve of e5. The first six learned faster than every second one."""


class Block(nn.Module):
    """One BERT layer, norms behind."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-12), nn.LayerNorm(width, eps=1e-12)
        self.drop = 0.0

    def _drop(self, x: Tensor) -> Tensor:
        """Drop whole channels of a window: far cheaper on a CPU than single values."""
        if not self.training or not self.drop:
            return x
        kept = (torch.rand(x.shape[0], 1, x.shape[2]) > self.drop).to(x.dtype)
        return x * (kept / (1 - self.drop))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, length, width); mask (batch, 1, 1, length), added to the attention."""
        batch, length, width = x.shape

        def split(y: Tensor) -> Tensor:
            return y.reshape(batch, length, -1, HEAD).transpose(1, 2)

        query, key, value = split(self.query(x)), split(self.key(x)), split(self.value(x))
        # written out: in bfloat16 half the time that scaled_dot_product_attention takes
        score = (query * (1 / math.sqrt(HEAD))) @ key.transpose(2, 3)
        mixed = torch.softmax(score + mask.to(score.dtype), dim=-1) @ value
        mixed = mixed.transpose(1, 2).reshape(batch, length, width)
        x = self.norm1(x + self._drop(self.out(mixed)))
        return self.norm2(x + self._drop(self.down(functional.gelu(self.up(x)))))


class CallModel(nn.Module):
    """Tokens of a window and how they sound to the logits of its units."""

    def __init__(self, rows: int, sounds: int, layers: int, width: int, inner: int) -> None:
        super().__init__()
        self.word = nn.Embedding(rows, width)
        self.sound = nn.Embedding(sounds, width)
        self.position = nn.Embedding(POSITIONS, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.blocks = nn.ModuleList(Block(width, inner) for _ in range(layers))
        self.hidden = nn.Linear(2 * width, width)
        self.head = nn.Linear(width, OUTPUTS)

    def set_dropout(self, rate: float) -> None:
        """Set how many channels are dropped in training."""
        for block in self.blocks:
            block.drop = rate

    def forward(self, ids: Tensor, sounds: Tensor, turns: Tensor, marks: Tensor) -> Tensor:
        """Return (batch, units, outputs).

        Args:
            ids: tokens (batch, length), 0 where padded.
            sounds: how they sound, same shape.
            turns: the unit of each token, -1 none, same shape.
            marks: where the marker of each unit stands (batch, units).
        """
        return self.of_units(self.of_tokens(ids, sounds), turns, marks)

    def of_tokens(self, ids: Tensor, sounds: Tensor) -> Tensor:
        """Return what the last layer makes of each token (batch, length, width)."""
        x = self.word(ids) + self.position.weight[: ids.shape[1]] + self.sound(sounds)
        x = self.norm(x)
        mask = (ids == 0).to(torch.float32)[:, None, None, :] * -1e4
        for block in self.blocks:
            x = block(x, mask)
        return x if torch.onnx.is_in_onnx_export() else x.float()

    def of_units(self, x: Tensor, turns: Tensor, marks: Tensor) -> Tensor:
        """Return the logits of the units (batch, units, outputs)."""
        at_mark = torch.gather(x, 1, marks[:, :, None].expand(-1, -1, x.shape[2]))
        own = (turns[:, None, :] == torch.arange(marks.shape[1])[None, :, None]).to(x.dtype)
        mean = own @ x / own.sum(2, keepdim=True).clamp(min=1.0)
        return self.head(functional.gelu(self.hidden(torch.cat([at_mark, mean], dim=2))))


class Corrector(nn.Module):
    """Tells from the last layer which character was said; only training needs it."""

    def __init__(self, model: CallModel) -> None:
        super().__init__()
        rows, width = model.word.weight.shape
        self.hidden = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.word = nn.Linear(width, rows)
        with torch.no_grad():
            self.word.weight.copy_(model.word.weight * (2 / model.word.weight.norm(dim=1).mean()))
            self.word.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (characters, tokens) of what the last layer made of them."""
        return self.word(self.norm(functional.gelu(self.hidden(x))))


def from_e5(e5: E5File, rows: list[list[int]], sound_of: list[int]) -> CallModel:
    """Return a model that starts from e5.

    Args:
        e5: the weights.
        rows: for each token the rows of e5 whose mean it starts from.
        sound_of: how each token sounds, 0 nothing.
    """
    width, layers = e5.width, min(LAYERS, e5.layers)
    model = CallModel(len(rows), max(sound_of) + 1, layers, width, e5.inner)
    needed = sorted({row for own in rows for row in own})
    place = {row: i for i, row in enumerate(needed)}
    dense = e5.matrix("emb.word", width, np.array(needed))
    word = np.stack([dense[[place[row] for row in own]].mean(0) for own in rows])
    position = e5.vector("emb.pos").reshape(-1, width)[:POSITIONS]
    kind = e5.vector("emb.type").reshape(-1, width)[0]
    # a sound starts at half of what its characters have in common
    of = np.array(sound_of)
    common = word[of > 0].mean(0)
    sound = np.zeros((max(sound_of) + 1, width), np.float32)
    for number in range(1, len(sound)):
        sound[number] = 0.5 * (word[of == number].mean(0) - common)
    with torch.no_grad():
        for parameter, values in (
            (model.word.weight, word),
            (model.sound.weight, sound),
            (model.position.weight, position + kind),
            (model.norm.weight, e5.vector("emb.ln.w")),
            (model.norm.bias, e5.vector("emb.ln.b")),
        ):
            parameter.copy_(torch.from_numpy(values))
        model.head.bias[: len(LABELS)] = -2.2  # about the share of turns with a label
        model.head.bias[len(LABELS) : -len(ROLES)] = -4.0
    for number, block in enumerate(model.blocks):
        block.load_state_dict({k: torch.from_numpy(v) for k, v in e5.layer(number).items()})
    return model


def save(path: Any, model: CallModel, vocabulary: dict[str, Any], corrector: Corrector) -> None:
    """Keep weights and vocabulary, for `load`."""
    kept = {"model": model.state_dict(), "data": vocabulary, "corrector": corrector.state_dict()}
    torch.save(kept, path)


def load(path: Any) -> tuple[CallModel, dict[str, Any], Corrector]:
    """Return the model, the vocabulary and the corrector kept by `save`.

    The corrector starts anew where none was kept.
    """
    kept = torch.load(path, weights_only=True)
    model, data = of_weights(kept["model"], kept["data"])
    corrector = Corrector(model)
    if "corrector" in kept:
        corrector.load_state_dict(kept["corrector"])
    return model, data, corrector


def of_weights(
    weights: dict[str, Tensor], data: dict[str, Any]
) -> tuple[CallModel, dict[str, Any]]:
    """Return the model that has these weights, and its vocabulary without what else `data` holds.

    How large the model is follows from the weights.
    """
    rows, width = weights["word.weight"].shape
    layers = len({name.split(".")[1] for name in weights if name.startswith("blocks.")})
    inner = len(weights["blocks.0.up.bias"])
    model = CallModel(rows, len(weights["sound.weight"]), layers, width, inner)
    model.load_state_dict(weights)
    return model, {name: data[name] for name in ("tokens", "sound_of")}
