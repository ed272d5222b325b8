"""The published schema of run.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from run_dirs import VARIANTS, build

from harness.run.schema import run_schema, violations


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """A fresh copy each call; a function, because the whole document is too long to be shown."""
    text = (build(tmp_path_factory.mktemp("run"), "good", blocks=5) / "run.json").read_text()
    return lambda: json.loads(text)


def test_the_schema_is_a_schema_and_closed_everywhere() -> None:
    jsonschema.Draft202012Validator.check_schema(run_schema())

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "properties" in node:
                assert node["additionalProperties"] is False
            for inner in node.values():
                walk(inner)

    walk(run_schema())


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_run_holds(tmp_path: Path, variant: Any) -> None:
    done = build(tmp_path, variant, blocks=5)
    assert violations(json.loads((done / "run.json").read_text())) == []


def test_a_violation_says_where_and_what(run: Any) -> None:
    document = run()
    document["measurements"][0]["kind"] = "guess"
    document["score"]["surprise"] = 1
    del document["verdict"]["state"]
    seen = violations(document)
    assert any("measurements[0].kind" in v and "guess" in v for v in seen)
    assert any("score" in v and "surprise" in v for v in seen)
    assert any("verdict" in v and "state" in v for v in seen)
