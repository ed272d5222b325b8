"""Days at a venue, drawn by seed: what goes wrong, how often and how badly, until something breaks.

A day is the text of a drill's file, so one that breaks is a file for whoever looks into it. It is
made smaller first: a fault is taken out, or the day is halved, as long as it still breaks.

Source: delta debugging, Zeller and Hildebrandt 2002, one change at a time.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from engine.exchange.drill import Outcome, drill
from harness.config.drill import DrillConfig
from harness.config.loader import parse

Day = Mapping[str, Any]
Trial = Callable[[Day], Outcome]
MISCHIEF = "mischief"
SHORTEST_MS = 100


@dataclass(slots=True)
class Tried:
    """What became of the days: of each row how much was injected and on how many days."""

    n_days: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    days_of: Counter[str] = field(default_factory=Counter)
    texts: dict[str, str] = field(default_factory=dict)
    broken: Day | None = None

    def add(self, outcome: Outcome) -> None:
        self.n_days += 1
        for row in outcome.rows:
            self.texts[row.name] = row.text
            self.injected[row.name] += abs(row.injected)
            self.days_of[row.name] += row.injected != 0

    @property
    def untried(self) -> list[str]:
        """Kinds of faults that no day had: of them nothing was learnt."""
        return [name for name in self.texts if not self.injected[name]]


def draw(seed: int) -> Day:
    """The day of a seed: some of the faults, within what can be told apart (drill.h)."""
    pick = random.Random(seed)
    answer_ms = pick.choice((0, 1, 5))
    slow_ms = answer_ms + pick.randint(5, 40)
    late_ms = slow_ms + answer_ms + pick.randint(10, 80)
    duration_ms = pick.randint(500, 2500)
    faults: dict[str, Any] = {
        "slow_answers": {"chance": _share(pick), "by": f"{slow_ms}ms"},
        "late_fills": {"chance": _share(pick), "by": f"{late_ms}ms"},
        "duplicate_fills": _share(pick),
        "swapped_fills": _share(pick),
        "busts": {
            "chance": _share(pick),
            "after": f"{answer_ms + slow_ms + late_ms + pick.randint(10, 100)}ms",
        },
        "reject_bursts": {"chance": _share(pick, 50), "orders": pick.randint(1, 20)},
        "halts": [
            {"at": f"{pick.randint(0, duration_ms)}ms", "for": f"{pick.randint(10, 300)}ms"}
            for _ in range(pick.randint(1, 3))
        ],
        "garbage": {"chance": _share(pick, 50), "bytes": pick.randint(1, 64)},
        "resets": _share(pick, 20),
        "silences": {"chance": _share(pick, 5), "for": f"{pick.randint(4, 8)}s"},
        "clock": {pick.choice(("ahead", "behind")): "3ms", "drift": pick.randint(-100, 100)},
    }
    chosen = {name: faults[name] for name in faults if pick.random() < pick.choice((0.3, 0.8))}
    chosen["latency"] = {"request": f"{pick.randint(0, 4000)}us", "answer": f"{answer_ms}ms"}
    return {
        "name": f"nemesis_{seed}",
        "seed": seed,
        "desks": pick.randint(1, 6),
        "instruments": pick.randint(1, 12),
        "duration": f"{duration_ms}ms",
        "step": pick.choice(("200us", "500us", "1ms")),
        "actions": f"{pick.choice((100, 400, 800))}/s",
        "heartbeat": "1s",
        "market_data_loss": pick.choice(("0%", _share(pick))),
        MISCHIEF: chosen,
    }


def _share(pick: random.Random, most: int = 400) -> str:
    """A chance, in hundredths of a percent."""
    return f"{pick.randint(1, most) / 100:.2f}%"


def text_of(day: Day) -> str:
    """The day as a drill's file."""
    return str(yaml.safe_dump(dict(day), sort_keys=False))


def perform(day: Day) -> Outcome:
    """Live through it. ConfigError, EngineError: it is none."""
    config = parse(text_of(day), DrillConfig, name=str(day["name"]))
    return drill(config.engine(), config.mischief.engine(config.seed))


def try_days(seeds: range, trial: Trial = perform) -> Iterator[Tried]:
    """What was tried so far, after each day; the last one has the first day that broke, if any."""
    tried = Tried()
    for seed in seeds:
        day = draw(seed)
        outcome = trial(day)
        tried.add(outcome)
        if not outcome.holds:
            tried.broken = smaller(day, trial)
            yield tried
            return
        yield tried


def smaller(day: Day, trial: Trial = perform) -> Day:
    """A day that still breaks and from which nothing can be taken."""
    while True:
        for less in _one_less(day):
            if not trial(less).holds:
                day = less
                break
        else:
            return day


def _one_less(day: Day) -> Iterator[Day]:
    faults = day[MISCHIEF]
    for name in faults:
        yield {**day, MISCHIEF: {key: value for key, value in faults.items() if key != name}}
    if day["market_data_loss"] != "0%":
        yield {**day, "market_data_loss": "0%"}
    for name in ("desks", "instruments"):
        if day[name] > 1:
            yield {**day, name: day[name] // 2}
    half_ms = int(day["duration"].removesuffix("ms")) // 2
    if half_ms >= SHORTEST_MS:
        yield {**day, "duration": f"{half_ms}ms"}
