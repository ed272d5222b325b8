"""The schemas of scenarios and matrices: what an editor says and what a run says agree."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from harness.cli import app
from harness.config.loader import ConfigError, parse
from harness.config.matrix import Matrix
from harness.config.scenario import Scenario

ROOT = Path(__file__).parents[2]
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yaml"))
MATRICES = sorted((ROOT / "reports/matrix").glob("*.yaml"))
Place = tuple[str | int, ...]


@cache
def schema(*options: str) -> jsonschema.Draft202012Validator:
    """As `redline scenarios schema` prints it, for an editor to read."""
    done = CliRunner().invoke(app, ["scenarios", "schema", *options])
    assert done.exit_code == 0
    printed = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


@cache
def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def faults(validator: jsonschema.Draft202012Validator, document: object) -> list[str]:
    return [f"{one.json_path}: {one.message[:200]}" for one in validator.iter_errors(document)]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_shipped_scenario_holds_by_its_schema(path: Path) -> None:
    assert faults(schema(), read(path)) == []


@pytest.mark.parametrize("path", MATRICES, ids=lambda path: path.stem)
def test_every_shipped_matrix_holds_by_its_schema(path: Path) -> None:
    assert faults(schema("--matrix"), read(path)) == []


def mappings(value: Any, at: Place = ()) -> Iterator[Place]:
    """The place of every mapping with a key."""
    if isinstance(value, dict) and value:
        yield at
        for key, inner in value.items():
            yield from mappings(inner, (*at, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from mappings(inner, (*at, i))


def shape(place: Place) -> Place:
    """The same for all entries of a list."""
    return tuple("*" if isinstance(step, int) else step for step in place)


def at(value: Any, place: Place) -> Any:
    for step in place:
        value = value[step]
    return value


def one_of_each() -> Iterator[Any]:
    """Of each kind of mapping in the shipped scenarios one: a phase or a fault is a kind each."""
    seen: set[object] = set()
    for path in SCENARIOS:
        document = read(path)
        for place in mappings(document):
            found = at(document, place)
            kind = (shape(place), found.get("phase"), found.get("kind"))
            if kind not in seen:
                seen.add(kind)
                yield pytest.param(path, place, id=f"{path.stem}:{'.'.join(map(str, place))}")


@pytest.mark.parametrize(("path", "place"), [*one_of_each()])
def test_a_wrong_key_is_refused_by_the_editor_and_by_the_run(path: Path, place: Place) -> None:
    wrong = copy.deepcopy(read(path))
    at(wrong, place)["surprise"] = 1
    assert faults(schema(), wrong)
    with pytest.raises(ConfigError, match="surprise: unknown key"):
        parse(yaml.safe_dump(wrong), Scenario, name="s.yaml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rate: 20k/s", "rate: 20"),
        ("rate: 20k/s", "rate: fast"),
        ("warmup: 200ms", "warmup: 200"),
        ("ring: 4MiB", "ring: 4MB"),
        ("imbalance: 30%", "imbalance: 0.3"),
        ("feed: itch", "feed: ithc"),
        ("phase: black_box", "phase: blackbox"),
        ("signal: SIGUSR2", "signal: SIGKILL"),
        ("seed: 11", "seed: -1"),
        ("repeats: 3", "repeats: 0"),
        ("matrix: reports/matrix/black-box.yaml", "matrix: 5"),
    ],
)
def test_a_wrong_value_is_refused_by_the_editor_and_by_the_run(old: str, new: str) -> None:
    text = (ROOT / "scenarios/black-box.yaml").read_text()
    assert old in text
    text = text.replace(old, new)
    assert faults(schema(), yaml.safe_load(text))
    with pytest.raises(ConfigError):
        parse(text, Scenario, name="s.yaml")


def test_a_matrix_with_a_wrong_key_is_refused_by_both() -> None:
    text = (ROOT / "reports/matrix/black-box.yaml").read_text().replace("weight: 94", "wieght: 94")
    assert faults(schema("--matrix"), yaml.safe_load(text))
    with pytest.raises(ConfigError, match="did you mean 'weight'"):
        parse(text, Matrix, name="m.yaml")
