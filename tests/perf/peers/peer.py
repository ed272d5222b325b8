"""The timing of peers/peer.hpp for peers that are written in Python.

A clock read in Python costs as much as some of what it times, and it cannot be fenced: percentiles
of single calls hold it, replays do not.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.market import STREAM_REC

REPLAYS, REPLAY_OPS = 9, 1000
MASK = (1 << 64) - 1
NOT_PARSED = 0xBAD


def fold(answer: int, tag: int, value: int) -> int:
    return ((answer << 9 | answer >> 55) + value + (tag << 40)) & MASK


def fold_text(answer: int, tag: int, text: bytes) -> int:
    return fold(answer, tag, len(text) << 16 | text[0] << 8 | text[-1])


def mix(x: int) -> int:
    x ^= x >> 30
    x = x * 0xBF58476D1CE4E5B9 & MASK
    x ^= x >> 27
    x = x * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def nano(text: bytes) -> int:
    """A decimal in 1e-9, without floats; rounded to nearest, halves away from zero."""
    whole, _, part = text.partition(b".")
    sign = -1 if whole.startswith(b"-") else 1
    value = abs(int(whole)) * 10**9 + int(part[:9].ljust(9, b"0")) + (part[9:10] >= b"5")
    return sign * value & MASK


def main(
    about: str, step: Callable[[bytes], int], answer: Callable[[list[bytes], int], int]
) -> None:
    """Measure `step` as argv says and print what came of it.

    `answer` makes the answer of the messages and of the sum of the steps' answers.
    """
    prefix, cpu, tsc_hz, seconds = sys.argv[-4:]
    os.sched_setaffinity(0, {int(cpu)})
    data = Path(prefix + ".bytes").read_bytes()
    recs = np.frombuffer(Path(prefix + ".recs").read_bytes(), dtype=STREAM_REC)
    ends = (recs["offset"] + recs["n_bytes"]).tolist()
    messages = [data[a:b] for a, b in zip(recs["offset"].tolist(), ends, strict=True)]
    chunks = [messages[i : i + REPLAY_OPS] for i in range(0, len(messages), REPLAY_OPS)]
    gc.disable()
    clock = time.perf_counter_ns
    took: list[list[int]] = []
    sums = set()
    for _ in range(1 + REPLAYS):  # the first one warms up
        total, times = 0, []
        for chunk in chunks:
            began = clock()
            for message in chunk:
                total += step(message)
            times.append(clock() - began)
        sums.add(total & MASK)
        took.append(times)
    singles: Counter[int] = Counter()
    until = clock() + int(float(seconds) * 1e9)
    while clock() < until:
        for message in messages:
            began = clock()
            step(message)
            singles[clock() - began] += 1
    ticks = int(tsc_hz) / 1e9
    per_op: Counter[int] = Counter()
    for ns, n in singles.items():
        per_op[round(ns * ticks)] += n
    print(
        json.dumps(
            {
                "about": about,
                "n_ops": len(messages),
                "fastest_ticks": sum(map(min, zip(*took[1:], strict=True))) * ticks,
                "mean_ticks": sum(map(sum, took[1:])) / REPLAYS * ticks,
                "answer": f"{answer(messages, sums.pop()):016x}",
                "n_wrong": len(sums),
                "per_op": per_op,
            }
        )
    )
