"""What the machine did during a long run, one lane a quantity: from series.jsonl to the chart.

A counter is drawn as what was added between two lines, a level as it is; a field that holds one
value a thread gives a lane a thread. Times are those of the record: real seconds times `factor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from harness.report.charts_time import Lane
from harness.report.evidence import Json
from harness.report.figures import short_count
from harness.report.svg import Floats

# What is drawn, top to bottom: label, the fields that are added up, whether they count up, and how
# the number reads. A field of one value a thread gives a lane a thread.
_LANES: tuple[tuple[str, tuple[str, ...], bool, Callable[[float], str]], ...] = (
    ("sent", ("n_sent",), True, short_count),
    ("orders timed", ("n",), False, short_count),
    ("lost", ("loss",), True, short_count),
    ("RSS", ("rss_bytes",), False, lambda v: f"{v / 2**20:.1f} MiB"),
    ("PSS", ("pss_bytes",), False, lambda v: f"{v / 2**20:.1f} MiB"),
    ("page faults", ("minflt", "majflt"), True, short_count),
    ("switches", ("nvcsw", "nivcsw"), True, short_count),
    ("interrupts", ("irqs",), True, short_count),
    ("softirqs", ("softirqs",), True, short_count),
    ("stolen ticks", ("steal_ticks",), True, short_count),
    ("frequency", ("freq_khz",), False, lambda v: f"{v / 1e6:.3f} GHz"),
    ("ring depth", ("ring_depth",), False, short_count),
    ("sequence gaps", ("gaps",), True, short_count),
    ("bad input", ("bad_messages", "bad_orders"), True, short_count),
    ("descriptors", ("n_fds",), False, short_count),
)


def lanes(lines: Sequence[Json], health: Sequence[Json], factor: float) -> list[Lane]:
    """Every quantity that was recorded, on the time axis of the record."""
    drawn = []
    for label, keys, counts, text in _LANES:
        source = health if any(key in h for h in health[:1] for key in keys) else lines
        real_s = _values(source, ("t_s",), "")
        for who in _parts(source, keys):
            values = _values(source, keys, who)
            if not np.isfinite(values).any():
                continue
            shown, name = values, f"{label} {who}".rstrip()
            if counts:
                shown = added(values)
            if keys == ("n_sent",):
                shown, name, text = shown / _steps(real_s), "throughput", _rate
            drawn.append(Lane(name, real_s * factor, shown, text))
    return drawn


def _rate(per_s: float) -> str:
    return f"{short_count(per_s)}/s"


def _parts(lines: Sequence[Json], keys: Sequence[str]) -> list[str]:
    """Whose values these are: each thread's, or ("" alone) the process's."""
    found = [line[k] for line in lines[:1] for k in keys if line.get(k) is not None]
    threads = [str(name) for value in found if isinstance(value, Mapping) for name in value]
    return list(dict.fromkeys(threads)) or [""]


def _values(lines: Sequence[Json], keys: Sequence[str], who: str) -> Floats:
    """The sum of some fields on each line; NaN where a line has none of them."""
    values = []
    for line in lines:
        found = [line.get(key) for key in keys]
        if who:
            found = [f.get(who) if isinstance(f, Mapping) else None for f in found]
        known = [float(f) for f in found if number(f)]
        values.append(sum(known) if known else np.nan)
    return np.array(values, dtype=np.float64)


def number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def added(counter: Floats) -> Floats:
    """What each line added to a counter; one that was started again adds nothing."""
    return np.concatenate([counter[:1] * np.nan, np.maximum(np.diff(counter), 0)])


def _steps(t_s: Floats) -> Floats:
    """Time since the line before; the first has none."""
    steps = np.concatenate([t_s[:1] * np.nan, np.diff(t_s)])
    return np.where(steps > 0, steps, np.nan)
