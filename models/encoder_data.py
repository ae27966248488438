"""What the call encoder is trained on: its vocabulary, views of calls, batches. No torch here."""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from detector.encoder import Tables
from detector.features import ROLES as ROLES_OF
from detector.pinyin import syllables
from detector.text import normalise, simplify
from models.calls import LABEL_OF, LABELS, Call
from models.confusion import align, recognised, sounding
from models.extract_e5 import E5File
from models.roughen import PUNCTUATION, roughen_call
from models.vectorise import listener_of

__all__ = [
    "HEADS",
    "OUTPUTS",
    "ROLES",
    "Window",
    "batches",
    "collate",
    "layout",
    "lines",
    "spoken",
    "view",
    "vocabulary",
]

ROLES = tuple(ROLES_OF)
HEADS = (*LABELS, *LABEL_OF)
"""What is learned of a turn besides who speaks: categories, then sub-types."""
OUTPUTS = len(HEADS) + len(ROLES)
ROUGH, BARE = 0.75, 0.3
"""How many views are misheard; how many of the others have no punctuation."""
HIDDEN, PARTLY_HIDDEN, LISTENER_HIDDEN = 0.3, 0.15, 0.3
EXCERPT = (1, 1, 2, 3, 5, 8)
LINES = 2
"""So many of the collector's turns of each call are also seen with nothing around them."""
RECOGNISED = 0.6
"""How many of the misheard views of a call that was spoken are what the recogniser gave."""
# what markers start from: <pad> <unk> <s> </s>, speakers collector to someone, listeners
_SPEAKERS = (("催", "收", ":"), ("我", "人", ":"), ("他", "人", ":"), ("谁", ":"))
_LISTENERS = ("你", "他", "谁")
SAME = 0.15
"""So many of the characters that were heard right are also to be told."""
NOT_ASKED = -1

Window = dict[str, Any]


def _sound(token: str) -> str:
    """Return how a character sounds, nothing for other signs."""
    sound = syllables(token)[0]
    return "" if sound == token else sound


def vocabulary(e5: E5File, calls: Iterable[Call]) -> tuple[dict[str, Any], list[list[int]]]:
    """Choose the tokens: simplified characters that e5 knows, ASCII, all that the calls use.

    Returns:
        The data of `detector.encoder.Tables`, and for each token, markers included, the rows
        of e5 to start from. A character that e5 does not know starts from those that sound
        like it.
    """
    row = {piece: i for i, piece in enumerate(e5.pieces)}
    used = {c for call in calls for turn in call["turns"] for c in normalise(turn["text"])}
    known = {
        piece
        for piece in e5.pieces
        if len(piece) == 1 and "一" <= piece <= "鿿" and _sound(piece) and simplify(piece) == piece
    }
    lower = {c for c in map(chr, range(33, 127)) if not c.isupper()}
    tokens = sorted(known | {c for c in used | lower | set(PUNCTUATION) if c in row})
    alike: dict[str, list[int]] = defaultdict(list)
    for token in tokens:
        alike[_sound(token)].append(row[token])
    rows = [[row[token]] for token in tokens]
    for token in sorted(c for c in used if c not in row and _sound(c)):
        tokens.append(token)
        rows.append(alike.get(_sound(token)) or [e5.unknown])
    number = {s: i for i, s in enumerate(sorted({"", *map(_sound, tokens)}))}
    markers = [[e5.pad], [e5.unknown], [e5.start], [e5.end]]
    markers += [[row[piece] for piece in pieces] for pieces in _SPEAKERS]
    markers += [[row[piece], e5.end] for piece in _LISTENERS]
    data = {"tokens": tokens, "sound_of": [number[_sound(token)] for token in tokens]}
    return data, markers + rows


def targets(turn: dict[str, Any]) -> list[float]:
    """Return 1 for the categories and sub-types that a turn has, 0 for the others."""
    has = {*turn["labels"], *turn["subtypes"]}
    return [float(name in has) for name in HEADS]


def misheard(call: Call, rng: random.Random) -> tuple[list[str], list[bool]]:
    """Return a call's texts as recognised, where it was spoken, or as roughened.

    And for each turn whether its labels can be told from what was heard.
    """
    versions = recognised().get(call["call_id"])
    if versions and rng.random() < RECOGNISED:
        texts, clear = zip(*rng.choice(versions), strict=True)
        return list(texts), list(clear)
    rough = roughen_call(call, seed=rng.getrandbits(32))["turns"]
    return [turn["text"] for turn in rough], [True] * len(rough)


def meant(said: str, heard: str, tables: Tables, rng: random.Random) -> list[int]:
    """Return for each character of a misheard text the token of what was said there.

    NOT_ASKED where nothing was said, where it is no Chinese character, and for most of those
    that were heard right.
    """
    out = [NOT_ASKED] * len(heard)
    (said_at, said_as), (heard_at, heard_as) = (sounding(text) for text in (said, heard))
    i = j = 0
    for own, other in align(said_as, heard_as):
        if own is not None and other is not None:
            right = said[said_at[i]] == heard[heard_at[j]]
            if not right or rng.random() < SAME:
                out[heard_at[j]] = tables.encode(said[said_at[i]])[0]
        i += own is not None
        j += other is not None
    return out


def spoken(calls: Iterable[Call]) -> list[Call]:
    """Return the calls of which it is known what the recogniser made of them."""
    return [call for call in calls if call["call_id"] in recognised()]


def view(
    call: Call, tables: Tables, rng: random.Random, cut: float = 0.0, rough: float = ROUGH
) -> list[Window]:
    """Return the windows of a call as they are seen once in training.

    `rough` is the share of views that are misheard. The roles are often hidden, and so is who
    listens: the recogniser may not know. With the chance `cut` only a few turns are seen, so that
    the rest of the call is not leant on.
    """
    turns = call["turns"]
    clear = [True] * len(turns)
    said = [normalise(turn["text"]) for turn in turns]
    if rng.random() < rough:
        texts, clear = misheard(call, rng)
        texts = [normalise(text) for text in texts]
        told = [meant(*pair, tables, rng) for pair in zip(said, texts, strict=True)]
    else:
        texts = said
        if rng.random() < BARE:
            texts = ["".join(c for c in text if c not in PUNCTUATION) or text for text in texts]
        told = [[NOT_ASKED] * len(text) for text in texts]
    if rng.random() < cut:
        first = rng.randrange(len(turns))
        part = slice(first, first + rng.choice(EXCERPT))
        turns, texts, clear, told = turns[part], texts[part], clear[part], told[part]
    roles = [ROLES_OF[turn["speaker"]] for turn in turns]
    if rng.random() < HIDDEN:
        roles = ["U"] * len(roles)
    elif rng.random() < PARTLY_HIDDEN:
        roles = [role if rng.random() < 0.5 else "U" for role in roles]
    listener = "U" if rng.random() < LISTENER_HIDDEN else listener_of(call)
    return layout(turns, texts, roles, listener, tables, clear, told)


def lines(call: Call, tables: Tables, rng: random.Random) -> list[Window]:
    """Return the windows of some of the collector's turns, each alone."""
    own = [turn for turn in call["turns"] if turn["speaker"] == "collector"]
    # without its name, as what was heard of a call goes by all of its turns
    calls = [{**call, "call_id": "", "turns": [turn]} for turn in own]
    chosen = rng.sample(calls, min(LINES, len(calls)))
    return [window for one in chosen for window in view(one, tables, rng)]


def layout(
    turns: Sequence[dict[str, Any]],
    texts: Sequence[str],
    roles: Sequence[str],
    listener: str,
    tables: Tables,
    clear: Sequence[bool] | None = None,
    told: Sequence[Sequence[int]] | None = None,
) -> list[Window]:
    """Return windows with what is to be learned of each unit, and of each token (`meant`).

    Of a unit that is `heads` (units, 23), the true `roles` as numbers, `hidden`: 1 where the
    marker does not tell the role, and `valid`: 0 where nothing is to be learned (not `clear`).
    """
    windows = tables.windows(list(zip(roles, texts, strict=True)), listener)
    for window in windows:
        owner = window["owner"]
        window["heads"] = np.array([targets(turns[i]) for i in owner], np.float32)
        window["roles"] = np.array([ROLES.index(turns[i]["speaker"]) for i in owner])
        window["hidden"] = np.array([roles[i] == "U" for i in owner], np.float32)
        window["valid"] = np.array([clear is None or clear[i] for i in owner], np.float32)
        window["meant"] = np.full(len(window["ids"]), NOT_ASKED)
        if told is None:
            continue
        ends = [*window["marks"][1:], len(window["ids"]) - 1]
        for i, at, mark, end in zip(owner, window["part"], window["marks"], ends, strict=True):
            window["meant"][mark + 1 : end] = told[i][at : at + end - mark - 1]
    return windows


def batches(windows: Sequence[Window], tokens: int, rng: random.Random) -> list[list[Window]]:
    """Group windows of like length into batches of about so many tokens, in random order."""
    sizes = {id(window): len(window["ids"]) for window in windows}
    groups: list[list[Window]] = []
    longest = 0
    for window in sorted(windows, key=lambda w: sizes[id(w)] * rng.uniform(0.9, 1.1)):
        longest = max(longest, sizes[id(window)])
        if not groups or (len(groups[-1]) + 1) * longest > tokens:
            groups.append([])
            longest = sizes[id(window)]
        groups[-1].append(window)
    rng.shuffle(groups)
    return groups


def collate(windows: Sequence[Window]) -> dict[str, np.ndarray]:
    """Pad windows to one batch; `valid` is 1 where a unit is one."""
    length = max(len(window["ids"]) for window in windows)
    units = max(len(window["marks"]) for window in windows)
    size = len(windows)
    batch = {
        "ids": np.zeros((size, length), np.int64),
        "sounds": np.zeros((size, length), np.int64),
        "turns": np.full((size, length), -1, np.int64),
        "meant": np.full((size, length), NOT_ASKED, np.int64),
        "marks": np.zeros((size, units), np.int64),
        "heads": np.zeros((size, units, len(HEADS)), np.float32),
        "roles": np.zeros((size, units), np.int64),
        "hidden": np.zeros((size, units), np.float32),
        "valid": np.zeros((size, units), np.float32),
    }
    for i, window in enumerate(windows):
        for name, values in batch.items():
            own = window[name]
            values[i, : len(own)] = own
    return batch
