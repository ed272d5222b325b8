"""A step of a run: what every phase of a scenario can tell of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from harness.config import units
from harness.config.bench import NetPort, Way
from harness.config.fields import Strict
from harness.config.loads import Trials

Place = tuple[str | int, ...]  # where in a phase's file a field stands


class Phase(Strict, ABC):
    """A step of a run; `gives` are the metrics that it yields besides those it names."""

    gives: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def measured_ns(self) -> int:
        """How long it measures when nothing is repeated."""

    def metric_ids(self) -> tuple[str, ...]:
        return self.gives

    def describe(self) -> Iterator[str]:
        """A line for each thing it does."""
        return iter(())

    def ways(self) -> Iterator[tuple[Place, Way]]:
        """How its loads travel, each with its place in the file."""
        return iter(())

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        """The names of its loads, which no other load of the run may have."""
        return iter(())

    def ports(self, default: NetPort) -> Iterator[NetPort]:
        """The kinds of ports that it opens on a bench with a network, whose own is `default`."""
        yield from (way.port or default for _, way in self.ways())


class TrialPhase(Phase):
    """A phase that is a list of trials."""

    trials: Trials

    def measured_ns(self) -> int:
        return sum(trial.total_ns for trial in self.trials)

    def metric_ids(self) -> tuple[str, ...]:
        return (*self.gives, *(name for trial in self.trials for name in trial.measures.ids()))

    def describe(self) -> Iterator[str]:
        for trial in self.trials:
            rate, length = (
                units.format_rate(trial.rate_per_s),
                units.format_duration(trial.duration_ns),
            )
            yield (
                f"{trial.id}: {trial.feed} at {rate} {trial.schedule}, {trial.repeats} x {length} "
                f"after {units.format_duration(trial.warmup_ns)} of warm-up"
                + (f", {trial.stall.describe()}" if trial.stall else "")
            )

    def ways(self) -> Iterator[tuple[Place, Way]]:
        yield from ((("trials", i), trial) for i, trial in enumerate(self.trials))

    def load_ids(self) -> Iterator[tuple[Place, str]]:
        yield from ((("trials", i, "id"), trial.id) for i, trial in enumerate(self.trials))
