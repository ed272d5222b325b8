"""Units of impairments alone: chances exact to a millionth, rates of a line in bits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from harness.config import units

MILLION = 1_000_000
MIN_BPS = 1000
MAX_WAIT_NS = 60_000_000_000  # no time of an impairment is longer

_CHANCE = units.Kind("a chance", "parts per million", "0.5% or 200ppm", {"ppm": 1, "%": 10_000})
_BIT_RATE = units.Kind(
    "a bit rate",
    "bits per second",
    "100Mbit/s or 1.5Gbit/s",
    {"bit/s": 1, "kbit/s": 1_000, "Mbit/s": 1_000_000, "Gbit/s": 1_000_000_000},
)


def parse_chance(text: object) -> int:
    """Parts per million: '0.25%' and '2500ppm' are both 2500."""
    return units.parse_kind(text, _CHANCE)


def format_chance(ppm: int) -> str:
    return units.format_kind(ppm, _CHANCE)


def parse_bit_rate(text: object) -> int:
    """Bits per second, 1000 or more: '100Mbit/s'."""
    bps = units.parse_kind(text, _BIT_RATE)
    if bps < MIN_BPS:
        raise units.UnitError(f"must be at least {format_bit_rate(MIN_BPS)}: {text!r}")
    return bps


def format_bit_rate(bps: int) -> str:
    return units.format_kind(bps, _BIT_RATE)


def at_most(
    parse: Callable[[object], int], limit: int, shown: Callable[[int], str]
) -> Callable[[object], int]:
    """The same parser, refusing more than `limit`."""

    def checked(text: object) -> int:
        value = parse(text)
        if value > limit:
            raise units.UnitError(f"must be at most {shown(limit)}: {text!r}")
        return value

    return checked


def _schema(description: str, unit: str, example: str) -> WithJsonSchema:
    pattern = rf"^[0-9]+(\.[0-9]+)? ?({unit})$"
    return WithJsonSchema(
        {"type": "string", "description": description, "pattern": pattern, "examples": [example]}
    )


Chance = Annotated[  # parts per million of packets, more than none
    int,
    BeforeValidator(at_most(units.positive(parse_chance), MILLION, format_chance)),
    PlainSerializer(format_chance),
    _schema("a part of all packets, in percent or parts per million", "%|ppm", "0.5%"),
]
BitRate = Annotated[  # bits per second
    int,
    BeforeValidator(parse_bit_rate),
    PlainSerializer(format_bit_rate),
    _schema("bits per second", "bit/s|kbit/s|Mbit/s|Gbit/s", "100Mbit/s"),
]


def _wait(parse: Callable[[object], int]) -> BeforeValidator:
    return BeforeValidator(at_most(parse, MAX_WAIT_NS, units.format_duration))


_DURATION = _schema("a length of time of at most a minute", "ns|us|ms|s|min", "10us")
Moment = Annotated[  # nanoseconds, 0 allowed
    int, _wait(units.parse_duration), PlainSerializer(units.format_duration), _DURATION
]
Wait = Annotated[  # nanoseconds
    int, _wait(units.positive(units.parse_duration)), PlainSerializer(units.format_duration),
    _DURATION,
]  # fmt: skip
