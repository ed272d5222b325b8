"""The reference of the kinds of faults, written from their models.

    python -m harness.config.faults_page > docs/reference/faults.md

A test holds the file to what this prints.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from typing import Any, get_args

from harness.config import units
from harness.config.fault import Fault
from harness.config.fields import Strict
from harness.config.reactions import AnyFault

_INTRODUCTION = """\
# Faults

What a case of the phase `reactions` can do, and what can be expected of it
([how such a scenario is written](../guides/scenarios.md#faults-and-expectations)). Of every kind
`injected` is known, how much was done wrong on purpose, and `effects`, what of it was met by who
should react: a case without an effect never holds. *timed* observations were measured by a clock of
this machine; where its noise may have stretched them, they prove nothing.

This page is written by `python -m harness.config.faults_page`; do not edit it.
"""


def kinds() -> dict[str, type[Fault]]:
    """Every kind of fault by its name."""
    found = {get_args(fault.model_fields["kind"].annotation)[0]: fault for fault in _models()}
    return dict(sorted(found.items()))


def _models() -> Iterator[type[Fault]]:
    union = get_args(AnyFault)[0]
    yield from get_args(union)


def page() -> str:
    """All of it, as Markdown."""
    return "\n".join([_INTRODUCTION, *(_kind(name, fault) for name, fault in kinds().items())])


def _kind(name: str, fault: type[Fault]) -> str:
    first, _, rest = inspect.cleandoc(fault.__doc__ or "").partition("\n")
    needs = f"\nNeeds {' and '.join(fault.needs)}.\n" if fault.needs else ""
    schema = fault.model_json_schema(by_alias=True)
    rows = [
        f"| `{key}` | {_type(field, schema)} | {_default(fault, key, schema)} |"
        for key, field in schema["properties"].items()
        if key != "kind"
    ]
    seen = [
        f"| `{what}` | {text}{', *timed*' if what in fault.timed else ''} |"
        for what, text in fault.observes.items()
    ]
    return "\n".join(
        [
            f"## `{name}`",
            first,
            *([rest.rstrip()] if rest.strip() else []),
            needs,
            *_table("key", "value", "without it", rows=rows),
            *_table("observed", "what it is", rows=seen),
        ]
    )


def _table(*heads: str, rows: list[str]) -> list[str]:
    return [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|", *rows, ""]


def _type(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """A value for people: an example where there is one, else its limits or its choices."""
    if "anyOf" in field:
        given = [one for one in field["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(_type(one, schema) for one in given))
    if "$ref" in field:
        model = schema["$defs"][field["$ref"].rpartition("/")[2]]
        keys = ", ".join(f"`{key}`" for key in model.get("properties", {}))
        return f"a mapping of {keys}" if keys else _type(model, schema)
    if "enum" in field or "const" in field:
        choices = field.get("enum", [field.get("const")])
        return " or ".join(f"`{one}`" for one in choices)
    if "examples" in field:
        return f"{field.get('description', '')}: `{field['examples'][0]}`".removeprefix(": ")
    if field.get("type") == "array":
        return f"a list: {_type(field.get('items', {}), schema)}".removesuffix(": ")
    low = field.get("minimum", field.get("exclusiveMinimum"))
    high = field.get("maximum", field.get("exclusiveMaximum"))
    kind = {"integer": "a whole number", "boolean": "`true` or `false`"}.get(
        field.get("type", ""), field.get("description", "text")
    )
    if low is not None and high is not None and high < 1 << 62:
        return f"{kind}, {low} to {high}"
    return kind if low is None else f"{kind}, {low} or more"


def _default(fault: type[Fault], key: str, schema: dict[str, Any]) -> str:
    """As it would be written in a file."""
    if key in schema.get("required", ()):
        return "must be there"
    name, field = next(
        (name, field) for name, field in fault.model_fields.items() if (field.alias or name) == key
    )
    value = field.default
    if value is None or value == () or isinstance(value, Strict):
        return "nothing"
    return f"`{_shown(name, value)}`"


def _shown(name: str, value: object) -> str:
    if not isinstance(value, int):
        return str(value)
    if name.endswith("_ns"):
        return units.format_duration(value)
    if name.endswith("_per_s"):
        return units.format_rate(value)
    return units.format_size(value) if name.endswith("_bytes") else str(value)


if __name__ == "__main__":
    sys.stdout.write(page())
