"""Which recordings are the same call by their sound.

Candidates are recordings that share rare pairs of fingerprint frames at one offset; they are
then compared bit by bit. Two recordings are taken for one call where nearly all of the shorter
is found in the longer. A recorded announcement that was played in several calls sounds the same
every time: recordings whose own start times are known and differ are never taken for one call.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.batch.discover import shown
from detector.batch.plan import Unit
from detector.batch.sound import Match, Sound, compare, unpack

__all__ = ["SoundPair", "find_alike", "group", "listed"]

_GAP = 8  # frames between the two codes of a key
_CHOSEN = 2  # one key in so many, by its code
_PART = 4_000_000  # keys held at a time
_COMMON = 64
_VOTES = 3
SAME = 0.70
"""Share of equal bits from which on two recordings sound the same. Measured
(tests/bench/bench_sound.py): the same call through other codecs and noise 0.79 and more,
different calls 0.54 and less."""
_COVERED, _ALIKE, _LEAST_S = 0.9, 0.9, 8.0
_SAME_START_S = 600.0


@dataclass(frozen=True, slots=True)
class SoundPair:
    """Two recordings (by hash) that sound the same, and how sure that is."""

    first: str
    second: str
    match: Match


Read = Callable[[], Iterable[tuple[str, bytes]]]


def _keys(sound: Sound, part: int, parts: int) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Return the keys of a recording that fall into a part, and their frames."""
    codes = sound.codes.astype(np.uint32)
    first, second = codes[:-_GAP], codes[_GAP:]
    mixed = (first * np.uint32(40_503) >> np.uint32(3)) & np.uint32(0xFFFF)
    chosen = sound.loud[:-_GAP] & sound.loud[_GAP:] & (mixed % (_CHOSEN * parts) == part)
    frames = np.flatnonzero(chosen)
    keys, places = np.unique((first << np.uint32(16) | second)[frames], return_index=True)
    return keys, frames[places].astype(np.int32)


def _pairs(
    keys: NDArray[np.uint32], files: NDArray[np.int32], frames: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]]:
    """Yield files, files and offsets of equal keys; keys that are all too common are left out."""
    order = np.argsort(keys, kind="stable")  # within a key by file, as they came
    keys, files, frames = keys[order], files[order], frames[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    sizes = np.diff(np.r_[starts, len(keys)])
    rare = np.repeat(sizes <= _COMMON, sizes)
    keys, files, frames = keys[rare], files[rare], frames[rare]
    for lag in range(1, _COMMON):
        same = np.flatnonzero(keys[lag:] == keys[:-lag]) if lag < len(keys) else np.zeros(0, int)
        if not len(same):
            return
        yield files[same], files[same + lag], frames[same] - frames[same + lag]


def _candidates(read: Read) -> tuple[list[str], dict[tuple[int, int], int]]:
    """Return the hashes, and for pairs of them the offset (in frames) with most votes."""
    names, total = [], 0
    for sha256, data in read():
        names.append(sha256)
        total += len(data) // 2
    parts = max(1, -(-total // (_CHOSEN * _PART)))
    votes: dict[tuple[int, int, int], int] = {}
    for part in range(parts):
        columns: list[tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.int32]]] = []
        for number, (_, data) in enumerate(read()):
            sound = unpack(data)
            if sound is None or len(sound.codes) <= _GAP:
                continue
            keys, frames = _keys(sound, part, parts)
            columns.append((keys, np.full(len(keys), number, np.int32), frames))
        if not columns:
            continue
        keys, files, frames = (np.concatenate(column) for column in zip(*columns, strict=True))
        for left, right, offsets in _pairs(keys, files, frames):
            found, counts = np.unique(
                np.stack([left, right, offsets // 2]), axis=1, return_counts=True
            )
            for (a, b, offset), count in zip(found.T.tolist(), counts.tolist(), strict=True):
                votes[a, b, offset] = votes.get((a, b, offset), 0) + count
    best: dict[tuple[int, int], tuple[int, int]] = {}
    for (a, b, offset), count in sorted(votes.items()):
        near = count + votes.get((a, b, offset + 1), 0)
        if near >= _VOTES and near > best.get((a, b), (0, 0))[0]:
            best[a, b] = near, 2 * offset + 1
    return names, {pair: offset for pair, (_, offset) in best.items()}


def find_alike(read: Read, sound_of: Callable[[str], bytes]) -> list[SoundPair]:
    """Return the pairs of recordings that sound the same, by their hashes in order.

    Args:
        read: yields hash and fingerprint of all recordings, by hash; called more than once.
        sound_of: returns one recording's fingerprint.
    """
    names, candidates = _candidates(read)
    found = []
    for (a, b), offset in sorted(candidates.items()):
        first, second = unpack(sound_of(names[a])), unpack(sound_of(names[b]))
        match = compare(first, second, offset) if first and second else None
        if (
            match
            and match.agreement >= SAME
            and match.covered >= _COVERED
            and match.alike >= _ALIKE
            and match.overlap_s >= _LEAST_S
        ):
            found.append(SoundPair(names[a], names[b], match))
    return found


def group(pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the groups that pairs hold together, each and all in order."""
    leader: dict[str, str] = {}

    def lead(name: str) -> str:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for first, second in pairs:
        low, high = sorted((lead(first), lead(second)))
        leader[high] = low
    groups: dict[str, list[str]] = {}
    for name in sorted(leader):
        groups.setdefault(lead(name), []).append(name)
    return list(groups.values())


def _apart(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Tell whether two starts are both well known and differ."""
    if not {first["reliability"], second["reliability"]} <= {"stated", "high", "medium"}:
        return False
    starts = [dt.datetime.fromisoformat(start["value"]) for start in (first, second)]
    apart = abs((starts[0] - starts[1]).total_seconds())
    # a container may hold local time as if it were UTC, and the end in place of the start
    return min(abs(apart - zone) for zone in (0.0, 8 * 3600.0)) > _SAME_START_S


def listed(
    units: Iterable[Unit], pairs: Iterable[SoundPair]
) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Return what the summary lists of duplicates, and the groups (of hashes) that are merged."""
    done = {unit.sha256: unit for unit in units}
    found: list[dict[str, Any]] = [
        {"kind": "identical", "files": [shown(path) for path in unit.paths], "merged": True,
         "text": "内容逐字节相同(SHA-256 相同),只分析一次"}
        for unit in done.values()
        if unit.copies
    ]  # fmt: skip
    merged = []
    for pair in pairs:
        both = [done[sha] for sha in (pair.first, pair.second)]
        results = [unit.result for unit in both]
        starts = [result.entry["start"] for result in results if result and result.entry]
        apart = len(starts) == 2 and _apart(*starts)
        if not apart:
            merged.append((pair.first, pair.second))
        match = pair.match
        sure = f"重合的 {match.overlap_s:.0f} 秒里声音特征有 {match.agreement:.0%} 一致"
        text = (
            f"听起来相同,但各自的开始时间不同,可能是同一段录好的语音,未合并;{sure}"
            if apart
            else f"听起来是同一通电话,计数时合并;{sure}(不同的电话约 50%)"
        )
        found.append(
            {
                "kind": "same_sound",
                "files": [shown(unit.file.path) for unit in both],
                "merged": not apart,
                "agreement": match.agreement,
                "overlap_s": match.overlap_s,
                "covered": match.covered,
                "offset_s": match.offset_s,
                "text": text,
            }
        )
    return found, group(merged)
