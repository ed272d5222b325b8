"""Holds a document against the published JSON Schema of run.json."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

SCHEMA_FILE = Path(__file__).with_name("run.schema.json")


@cache
def run_schema() -> dict[str, Any]:
    """The published schema of run.json."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def violations(document: object) -> list[str]:
    """Every place that breaks the schema, as `path: what was seen`; empty when it holds."""
    faults = Draft202012Validator(run_schema()).iter_errors(document)
    return [f"{fault.json_path}: {fault.message}" for fault in faults]
