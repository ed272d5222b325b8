"""A user's own engine: how it is started and stopped, and the phase that puts it on the bench.

What it must understand and say is docs/guides/your-own-engine.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from harness.config import units
from harness.config.bench import NetPort
from harness.config.fields import PositiveDuration, Strict, Text
from harness.config.impair import Impairment
from harness.config.loader import FieldFault
from harness.config.phase import Place, TrialPhase

PLACES = ("market_data", "orders", "imbalance_permille", "every", "lot", "max_spread_nano")


# What a table decides packet by packet: of nothing else it is known which messages never came.
FATES = frozenset({"loss", "duplicate", "corrupt", "bad_checksum", "blackhole", "every"})


class StopOrder(Strict):
    """How the engine is told to stop, and the youngest message that it may still answer then."""

    signal: Literal["SIGUSR1", "SIGUSR2", "SIGTERM"] = "SIGUSR2"
    within_ns: Annotated[PositiveDuration, Field(alias="within")] = 10_000_000


class Engine(Strict):
    """A program that takes the place of the engine.

    In `command` a name in braces is replaced: {market_data} and {orders} by HOST:PORT, the others
    by the numbers of the scenario's strategy. `rule: own` says that it does not follow that: then
    its orders are timed and counted, and nobody knows which are missing.
    """

    command: Annotated[tuple[Text, ...], Field(min_length=1)]
    market_data: Literal["itch-moldudp64"]
    orders: Literal["fix44-tcp"]
    rule: Literal["reference", "own"] = "reference"
    connect_ns: Annotated[PositiveDuration, Field(alias="connect")] = 10_000_000_000
    stop: StopOrder = StopOrder()

    def describe(self) -> str:
        """What is started, what it is held to and how it is stopped, on a line."""
        rule = "held to the reference rule" if self.rule == "reference" else "by a rule of its own"
        within = units.format_duration(self.stop.within_ns)
        return f"program {self.command[0]}, {rule}, {self.stop.signal} stops it within {within}"

    @model_validator(mode="after")
    def _places_are_known(self) -> Engine:
        for i, word in enumerate(self.command):
            try:
                word.format(**dict.fromkeys(PLACES, ""))
            except (KeyError, IndexError, ValueError):
                known = ", ".join(PLACES)
                raise FieldFault(("command", i), f"names in braces are {known}: {word!r}") from None
        return self


class BlackBox(TrialPhase):
    """Trials of the scenario's `engine`, each in a process of its own that is stopped at its end.

    What happens inside it nobody here can know: only `wire` is measured.
    """

    phase: Literal["black_box"]

    @model_validator(mode="after")
    def _is_seen_from_outside(self) -> BlackBox:
        for i, trial in enumerate(self.trials):
            for what, why in (
                ("feed", trial.feed != "itch" and "is itch for a program, so far"),
                ("measures", trial.measures.buf and "buf: the engine does not say"),
                ("port", trial.port and "is udp for market data, tcp for orders"),
                ("stall", trial.stall and "is not of a program's trials, so far"),
            ):
                if why:
                    raise FieldFault(("trials", i, what), str(why))
            if trial.impairment is not None:
                _can_be_told(trial.impairment, ("trials", i, "impairment"))
        return self

    def ports(self, default: NetPort) -> Iterator[NetPort]:
        """Sockets of the kernel, whatever else the bench has."""
        yield from ("udp", "tcp")

    def describe(self) -> Iterator[str]:
        for trial in self.trials:
            rate = units.format_rate(trial.rate_per_s)
            length = units.format_duration(trial.duration_ns)
            faults = ", its packets faulty" if trial.impairment else ""
            yield (
                f"{trial.id}: the program at {rate} {trial.schedule}, {trial.repeats} x "
                f"{length}{faults}, then stopped"
            )


def _can_be_told(impairment: Impairment, where: Place) -> None:
    """FieldFault for what nobody could hold the program's orders against."""
    for i, entry in enumerate(impairment.impair):
        place = (*where, "impair", i)
        if entry.line != "market":
            raise FieldFault((*place, "line"), f"is market for a program: {entry.line!r}")
        if entry.direction != "to-engine":
            text = f"is to-engine for a program: {entry.direction!r}"
            raise FieldFault((*place, "direction"), text)
        for effect in entry.effects():
            if effect not in FATES:
                known = ", ".join(sorted(FATES))
                raise FieldFault((*place, effect), f"is not of a program's trials: {known} are")
