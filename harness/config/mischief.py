"""What shall go wrong at an exchange, as a part of a configuration file.

latency: {request: 1ms, answer: {histogram: answers.hlog}}
late_fills: {chance: 3%, by: 80ms}
resets: 0.05%
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from engine.exchange.mischief import Mischief
from harness.config.fields import Count, Duration, PositiveDuration, Strict, Text
from harness.config.fields import Share as AnyShare
from harness.config.loader import ConfigError, FieldFault, project_data

PER_SHARE = 100  # of a million, in a basis point
N_QUANTILES = 1000

Share = Annotated[AnyShare, Field(le=10_000)]  # basis points: a chance


class Sampled(Strict):
    """A latency that varies: values of one's own, or a histogram log that is replayed."""

    sample_ns: Annotated[tuple[Duration, ...] | None, Field(alias="sample")] = None
    histogram: Text | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Sampled:
        if self.sample_ns is not None and (not self.sample_ns or self.histogram is not None):
            raise FieldFault(("sample",), "one value or more, and no histogram beside them")
        return self


def _constant(value: object) -> object:
    """`1ms` is a sample of one."""
    return {"sample": (value,)} if isinstance(value, str | int) else value


Latency = Annotated[Sampled, BeforeValidator(_constant, json_schema_input_type=Duration | Sampled)]


class Latencies(Strict):
    """From order entry to matching, and from matching to the session."""

    request: Latency = Sampled()
    answer: Latency = Sampled()


class Delayed(Strict):
    """How often, and by how much."""

    chance: Share
    by_ns: Annotated[PositiveDuration, Field(alias="by")]


class Busts(Strict):
    """Trades taken back: how often, and how long after."""

    chance: Share
    after_ns: Annotated[Duration, Field(alias="after")]


class RejectBursts(Strict):
    """How often an order begins a burst, and how many are refused in it."""

    chance: Share
    orders: Count


class Halt(Strict):
    """When trading stops, from the start, and for how long."""

    at_ns: Annotated[Duration, Field(alias="at")]
    for_ns: Annotated[PositiveDuration, Field(alias="for")]


class Garbage(Strict):
    """How often bytes that are no message come first, and how many at most."""

    chance: Share
    bytes: Annotated[int, Field(ge=1, le=64)]


class Silences(Strict):
    """How often a connection goes half open, and for how long."""

    chance: Share
    for_ns: Annotated[PositiveDuration, Field(alias="for")]


class Clock(Strict):
    """How wrong the venue's clock is; drift in parts of a million. `at`: it steps, so long after
    the start.
    """

    ahead_ns: Annotated[Duration, Field(alias="ahead")] = 0
    behind_ns: Annotated[Duration, Field(alias="behind")] = 0
    at_ns: Annotated[Duration, Field(alias="at")] = 0
    drift_ppm: Annotated[int, Field(alias="drift", ge=-1000, le=1000)] = 0


class MischiefConfig(Strict):
    """All that can go wrong; what is left out does not."""

    latency: Latencies = Latencies()
    slow_answers: Delayed | None = None
    late_fills: Delayed | None = None
    duplicate_fills: Share = 0
    swapped_fills: Share = 0
    busts: Busts | None = None
    reject_bursts: RejectBursts | None = None
    halts: Annotated[tuple[Halt, ...], Field(max_length=16)] = ()
    garbage: Garbage | None = None
    resets: Share = 0
    silences: Silences | None = None
    clock: Clock = Clock()

    def engine(self, seed: int, beside: Path | None = None) -> Mischief:
        """As the engine takes it; files are looked for beside the one that names them."""
        slow, late, silences = self.slow_answers, self.late_fills, self.silences
        return Mischief(
            seed=seed,
            request_ns=_values(self.latency.request, beside),
            answer_ns=_values(self.latency.answer, beside),
            duplicate_fill_chance=self.duplicate_fills * PER_SHARE,
            swap_chance=self.swapped_fills * PER_SHARE,
            reset_chance=self.resets * PER_SHARE,
            halts=tuple((halt.at_ns, halt.for_ns) for halt in self.halts),
            skew_ns=self.clock.ahead_ns - self.clock.behind_ns,
            skew_at_ns=self.clock.at_ns,
            drift_per_mega=self.clock.drift_ppm,
            slow_chance=slow.chance * PER_SHARE if slow else 0,
            slow_ns=slow.by_ns if slow else 0,
            late_fill_chance=late.chance * PER_SHARE if late else 0,
            late_fill_ns=late.by_ns if late else 0,
            silence_chance=silences.chance * PER_SHARE if silences else 0,
            silence_ns=silences.for_ns if silences else 0,
            **_bursts(self.busts, self.reject_bursts, self.garbage),
        )


def _bursts(
    busts: Busts | None, rejects: RejectBursts | None, garbage: Garbage | None
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if busts:
        found |= {"bust_chance": busts.chance * PER_SHARE, "bust_after_ns": busts.after_ns}
    if rejects:
        found |= {
            "reject_burst_chance": rejects.chance * PER_SHARE,
            "reject_burst": rejects.orders,
        }
    if garbage:
        found |= {
            "garbage_chance": garbage.chance * PER_SHARE,
            "garbage_bytes": garbage.bytes,
        }
    return found


def _values(latency: Sampled, beside: Path | None) -> tuple[int, ...]:
    if latency.sample_ns is not None:
        return latency.sample_ns
    if latency.histogram is None:
        return (0,)
    from harness.measure.hlog import HlogError, read_hlog

    path = project_data(latency.histogram, beside=beside)
    try:
        total = read_hlog(path).total()
    except HlogError as error:
        raise ConfigError(str(error)) from None
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    if total.n == 0:
        raise ConfigError(f"{path}: no samples in it")
    return tuple(total.quantile(Fraction(2 * i + 1, 2 * N_QUANTILES)) for i in range(N_QUANTILES))
