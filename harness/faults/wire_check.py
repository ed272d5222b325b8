"""What a wire is asked for on the command line, as the impairment that a file would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.config import units
from harness.config.impair import Impairment
from harness.config.impair_units import parse_bit_rate, parse_chance
from harness.config.loader import ConfigError, parse

LINE = "market"

# The options of an entry, and who reads each.
OPTIONS: Mapping[str, Callable[[object], int]] = {
    "delay": units.positive(units.parse_duration),
    "jitter": units.positive(units.parse_duration),
    "reorder": units.positive(parse_chance),
    "skew": units.positive(units.parse_duration),
    "loss": units.positive(parse_chance),
    "duplicate": units.positive(parse_chance),
    "corrupt": units.positive(parse_chance),
    "rate": units.positive(parse_bit_rate),
    "burst": units.positive(units.parse_size),
    "queue": units.positive(units.parse_duration),
}


def wire_impairment(
    *, seed: int = 1, tolerance: str = "100us", **options: str | None
) -> Impairment:
    """One entry for the wire, to the engine; OPTIONS are its keys. ConfigError names the option.

    Without any it is a wire that passes everything on as soon as it can.
    """
    given = {name: text for name, text in options.items() if text is not None}
    for name, text in (*given.items(), ("tolerance", tolerance)):
        try:
            OPTIONS.get(name, units.parse_duration)(text)
        except units.UnitError as error:
            raise ConfigError(f"--{name}: {error}") from None
    # A delay of nothing is an entry that does nothing, which a file may not have.
    entry = given or {"delay": "1ns"}
    words = ", ".join(f"{name}: {text}" for name, text in entry.items())
    text = (
        f"seed: {seed}\ntolerance: {tolerance}\n"
        f"impair:\n  - {{line: {LINE}, mechanism: wire, {words}}}\n"
    )
    try:
        return parse(text, Impairment, name="options of the wire")
    except ConfigError as error:
        raise ConfigError(*(f"--{line.split('impair.0.')[-1]}" for line in error.faults)) from None
