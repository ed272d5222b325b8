"""What the models of configuration files are made of: a strict frozen base, and fields with units.

A field is named twice: the file says `duration: 10s`, the program reads `duration_ns`. Written out
again a field has its unit again, so that a resolved scenario loads as the same scenario.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from harness.config import units


class Strict(BaseModel):
    """Frozen; unknown keys are refused; nothing is converted behind one's back."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, serialize_by_alias=True)


def _schema(description: str, unit: str, example: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "string",
            "description": description,
            "pattern": rf"^[0-9]+(\.[0-9]+)? ?({unit})$",
            "examples": [example],
        }
    )


def _day(text: object) -> date:
    """One way to write a day. A day of week or of year would be a second way."""
    if isinstance(text, date):
        return text
    try:
        if not isinstance(text, str) or len(text) != len("2026-01-31"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"not a day: {text!r} (write it like 2026-01-31)") from None


_NANOSECONDS = _schema("a length of time with its unit", "ns|us|ms|s|min|h", "10s")
_PER_SECOND = _schema("events per second", "/s|k/s|M/s|G/s", "1M/s")

Duration = Annotated[  # nanoseconds, 0 allowed
    int,
    BeforeValidator(units.parse_duration),
    PlainSerializer(units.format_duration),
    _NANOSECONDS,
]
PositiveDuration = Annotated[  # nanoseconds
    int,
    BeforeValidator(units.positive(units.parse_duration)),
    PlainSerializer(units.format_duration),
    _NANOSECONDS,
]
Rate = Annotated[  # events per second, at least 1
    int,
    BeforeValidator(units.positive(units.parse_rate)),
    PlainSerializer(units.format_rate),
    _PER_SECOND,
]
Size = Annotated[  # bytes
    int,
    BeforeValidator(units.positive(units.parse_size)),
    PlainSerializer(units.format_size),
    _schema("a number of bytes with its unit", "B|KiB|MiB|GiB", "1MiB"),
]
Share = Annotated[  # basis points
    int,
    BeforeValidator(units.parse_share),
    PlainSerializer(units.format_share),
    _schema("a part of a whole, in percent or basis points", "%|bp", "5%"),
]
Price = Annotated[  # nanos of the quote currency
    int,
    BeforeValidator(units.positive(units.parse_price)),
    PlainSerializer(units.format_price),
    WithJsonSchema({"type": ["number", "string"], "exclusiveMinimum": 0, "examples": [0.25]}),
]
Day = Annotated[  # of the calendar, UTC
    date,
    BeforeValidator(_day),
    PlainSerializer(date.isoformat),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-01-31"]}),
]
Count = Annotated[int, Field(ge=1)]
Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
MetricId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$", max_length=60)]
Text = Annotated[str, Field(min_length=1)]
