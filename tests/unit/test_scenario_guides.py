"""What the guides of scenarios and of a user's engine say is what the program does."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import yaml

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.config.black_box import FATES, PLACES, Engine
from harness.config.loader import ConfigError, parse
from harness.config.loads import Trial
from harness.config.phases import AnyPhase
from harness.config.reactions import Expect
from harness.config.scenario import Scenario
from harness.run.black_box import Seen, judge

ROOT = Path(__file__).parents[2]
SCENARIOS = (ROOT / "docs/guides/scenarios.md").read_text()
ENGINE = (ROOT / "docs/guides/your-own-engine.md").read_text()


def blocks(page: str) -> list[str]:
    """Every YAML example of a page."""
    return re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def rows(page: str) -> set[str]:
    """What stands between backquotes in the first cells of its tables."""
    firsts = re.findall(r"^\| (`[^|]*) \|", page, re.MULTILINE)
    return {word for cell in firsts for word in re.findall(r"`([^`]*)`", cell)}


def one(page: str, start: str) -> str:
    (found,) = (block for block in blocks(page) if block.startswith(start))
    return found


def burst() -> str:
    return one(SCENARIOS, "# yaml-language-server: $schema=scenario.schema.json\n# Why")


def test_the_burst_of_the_guide_is_sound() -> None:
    assert parse(burst(), Scenario, name="my_burst.yaml").name == "my_burst"


def test_a_mistake_in_it_is_said_as_the_guide_says() -> None:
    with pytest.raises(ConfigError) as refused:
        parse(burst().replace("burst:200", "brust:200"), Scenario, name="my_burst.yaml")
    (said,) = refused.value.faults
    (shown,) = re.findall(r"^my_burst\.yaml:.*", SCENARIOS, re.MULTILINE)
    assert said.startswith(shown.removesuffix(", ...)"))


def test_every_phase_and_every_key_of_a_scenario_has_a_row() -> None:
    union = get_args(AnyPhase)[0]
    phases = {get_args(phase.model_fields["phase"].annotation)[0] for phase in get_args(union)}
    keys = {field.alias or name for name, field in Scenario.model_fields.items()}
    assert phases | keys <= rows(SCENARIOS)


@pytest.mark.parametrize("page", [SCENARIOS, ENGINE], ids=["scenarios", "engine"])
def test_every_trial_of_the_guides_is_sound(page: str) -> None:
    trials = [yaml.safe_load(block) for block in blocks(page) if block.startswith("{id: ")]
    assert trials
    for trial in trials:
        Trial.model_validate(parsed(trial))


def test_every_schedule_of_the_guide_is_one() -> None:
    for line in re.findall(r"^\| `(?:burst|onoff|ramp|const|poisson|recorded).*", SCENARIOS, re.M):
        for schedule in re.findall(r"`([^`]*)`", line.split("|")[1]):
            rate = "255k/s" if schedule.startswith("ramp") else "10k/s"
            Trial.model_validate(
                parsed(
                    {"id": "a.b", "feed": "itch", "rate": rate, "warmup": "0s", "duration": "1s"}
                    | {"schedule": schedule}
                )
            )


def test_the_expectations_of_the_guide_are_some() -> None:
    (block,) = (block for block in blocks(SCENARIOS) if block.startswith("{observed: "))
    for line in block.splitlines():
        Expect.model_validate(parsed(yaml.safe_load(line)))


def parsed(value: object) -> object:
    """Lists as the reader of files gives them."""
    if isinstance(value, dict):
        return {key: parsed(inner) for key, inner in value.items()}
    return tuple(map(parsed, value)) if isinstance(value, list) else value


def test_the_engine_of_the_guide_is_sound_and_every_place_is_told() -> None:
    Engine.model_validate(parsed(yaml.safe_load(one(ENGINE, "engine:"))["engine"]))
    assert {f"{{{place}}}" for place in PLACES} <= rows(ENGINE)


def test_every_check_of_a_program_has_a_row() -> None:
    told = dict.fromkeys(("missing", "unwanted", "wrong", "after_stop", "dropped", "valid"), 0)
    counters = {"exchange": defaultdict(int), "generator": defaultdict(int)}
    seen = Seen(1.0, {}, {}, counters, {**told, "ended": ""}, "", (1.0, 1.0), {}, None)
    names: list[str] = []
    session: Any = SimpleNamespace(check=lambda name, *_: names.append(name.rpartition(".")[2]))
    engine = parse(ROOT.joinpath("scenarios/black-box.yaml").read_text(), Scenario, name="s").engine
    assert engine is not None
    judge(session, "black_box.t.r1", seen, engine)
    assert len(names) == 8
    assert {*names, "effect"} <= rows(ENGINE)


def test_every_fault_and_every_bug_of_the_example_is_told() -> None:
    told = set(re.findall(r"`([^`]*)`", ENGINE))
    assert told >= FATES
    source = (ROOT / "docs/examples/engine.c").read_text()
    bugs = set(re.findall(r'(?:is_hit\(|strcmp\(bug, )"([a-z]+)"', source))
    (listed,) = (words for words in told if words.startswith("drop:N"))
    assert {word.removesuffix(":N") for word in listed.split()} == bugs
