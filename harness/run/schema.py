"""Holds a document against the published JSON Schema of run.json, without a library.

Only the keywords that the schema uses are known; another one is a mistake of ours and raises, so a
rule can never be skipped silently. Tests hold this reader against the `jsonschema` package.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).with_name("run.schema.json")

Schema = Mapping[str, Any]

_TYPES: Mapping[str, Callable[[object], bool]] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
    "integer": lambda v: (
        (isinstance(v, int) and not isinstance(v, bool))
        or (isinstance(v, float) and v.is_integer())
    ),
}
_NOTES = {"$schema", "$id", "$defs", "title", "description"}


@cache
def run_schema() -> Schema:
    """The published schema of run.json."""
    schema: Schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def violations(document: object, schema: Schema | None = None) -> list[str]:
    """Every place that breaks the schema, as `path: what was seen`; empty when it holds."""
    root = run_schema() if schema is None else schema
    return list(_check(document, root, root, ""))


def _check(value: Any, schema: Schema, root: Schema, where: str) -> Iterator[str]:
    for keyword, rule in schema.items():
        match keyword:
            case "$ref":
                yield from _check(value, _resolve(root, rule), root, where)
            case "type":
                names = [rule] if isinstance(rule, str) else rule
                if not any(_TYPES[name](value) for name in names):
                    yield _fault(where, f"not {' or '.join(names)}: {_shown(value)}")
            case "const" | "enum":
                allowed = [rule] if keyword == "const" else rule
                if not any(_same(value, one) for one in allowed):
                    yield _fault(where, f"not one of {allowed}: {_shown(value)}")
            case "pattern":
                if isinstance(value, str) and not re.search(rule, value):
                    yield _fault(where, f"does not look like {rule}: {_shown(value)}")
            case "minimum":
                if _TYPES["number"](value) and value < rule:
                    yield _fault(where, f"below {rule}: {_shown(value)}")
            case "maximum":
                if _TYPES["number"](value) and value > rule:
                    yield _fault(where, f"above {rule}: {_shown(value)}")
            case "minItems":
                if isinstance(value, list) and len(value) < rule:
                    yield _fault(where, f"has {len(value)} items, at least {rule} wanted")
            case "maxItems":
                if isinstance(value, list) and len(value) > rule:
                    yield _fault(where, f"has {len(value)} items, at most {rule} wanted")
            case "items":
                if isinstance(value, list):
                    for i, item in enumerate(value):
                        yield from _check(item, rule, root, f"{where}[{i}]")
            case "anyOf":
                tries = [list(_check(value, one, root, where)) for one in rule]
                if all(tries):
                    yield min(tries, key=len)[0]
            case "required":
                if isinstance(value, dict):
                    absent = [key for key in rule if key not in value]
                    yield from (_fault(where, f"{key} is missing") for key in absent)
            case "properties":
                if isinstance(value, dict):
                    for key in rule.keys() & value.keys():
                        yield from _check(value[key], rule[key], root, _below(where, key))
            case "additionalProperties":
                if isinstance(value, dict):
                    for key in value.keys() - schema.get("properties", {}).keys():
                        if rule is False:
                            yield _fault(where, f"unknown key {key!r}")
                        else:
                            yield from _check(value[key], rule, root, _below(where, key))
            case _ if keyword not in _NOTES:
                raise NotImplementedError(f"schema keyword {keyword!r}")


def _resolve(root: Schema, reference: str) -> Schema:
    node: Any = root
    for step in reference.removeprefix("#/").split("/"):
        node = node[step]
    found: Schema = node
    return found


def _same(value: object, other: object) -> bool:
    """Equal as JSON: true is not 1."""
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _fault(where: str, what: str) -> str:
    return f"{where}: {what}" if where else what


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
