"""A drill, as a file: who takes part, for how long, and what goes wrong."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from engine.exchange.drill import Drill
from harness.config.fields import Duration, Identifier, PositiveDuration, Rate, Share, Strict
from harness.config.mischief import PER_SHARE, MischiefConfig
from harness.config.units import NS_PER_S


def _whole_seconds(value: int) -> int:
    if value % NS_PER_S:
        raise ValueError("heartbeats are whole seconds")
    return value


class DrillConfig(Strict):
    """The file's own seed is what makes two runs the same."""

    name: Identifier
    seed: Annotated[int, Field(ge=0, lt=1 << 63)]
    desks: Annotated[int, Field(ge=1, le=16)]
    instruments: Annotated[int, Field(ge=1, le=64)]
    duration_ns: Annotated[PositiveDuration, Field(alias="duration", le=3600 * NS_PER_S)]
    step_ns: Annotated[PositiveDuration, Field(alias="step", le=10_000_000)]
    actions_per_s: Annotated[Rate, Field(alias="actions", le=1_000_000)]
    heartbeat_ns: Annotated[
        Duration,
        Field(alias="heartbeat", ge=NS_PER_S, le=60 * NS_PER_S),
        AfterValidator(_whole_seconds),
    ]
    market_data_loss: Share = 0
    mischief: MischiefConfig = MischiefConfig()

    def engine(self) -> Drill:
        """As the engine takes it."""
        return Drill(
            seed=self.seed,
            n_desks=self.desks,
            n_instruments=self.instruments,
            duration_ns=self.duration_ns,
            step_ns=self.step_ns,
            actions_per_s=self.actions_per_s,
            md_loss_chance=self.market_data_loss * PER_SHARE,
            heartbeat_s=self.heartbeat_ns // NS_PER_S,
        )
