"""`make profile`: profiles are read right, shifts are told, and what does not count is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.config.instructions import Component, Instructions, load_instructions
from harness.config.loader import ConfigError
from harness.errors import ExitCode
from harness.profile import __main__ as front
from harness.profile import callgrind, compare, control, count
from harness.profile.compare import State
from harness.quality.found import Control
from harness.quality.program import Absent

WRITTEN = """\
# callgrind format
positions: line
events: Ir
summary: 17

fl=(1) rig/loops.c
fn=(1) loop'counted'main
25 3
fi=(2) market/table.h
+1 4
fe=(1)
cfi=(3) market/parse.c
cfn=(2) parse'loop'counted'main
calls=5 20
* 10
-1 1

fl=(3)
fn=(2)
303 8
fn=(3) parse'2'parse'loop'counted'main
304 1
"""


def test_costs_are_of_the_function_that_they_stand_below_and_of_the_file_inlined() -> None:
    assert callgrind.read(WRITTEN, "counted") == {
        ("loop",): 4,
        ("loop", "[table.h]"): 4,
        ("loop", "parse"): 8,
        ("loop", "parse", "parse"): 1,
    }


def test_the_cost_of_a_call_is_not_counted_twice() -> None:
    assert callgrind.read(WRITTEN, "counted").total() == 17  # and not 27


@pytest.mark.parametrize(
    "text",
    ["", "no profile", WRITTEN.replace("summary: 17", "summary: 18"), WRITTEN.split("fl=(3)")[0]],
)
def test_a_profile_that_does_not_add_up_is_refused(text: str) -> None:
    with pytest.raises(Absent, match="callgrind: "):
        callgrind.read(text, "counted")


def component(name: str = "fix.parse", n: int = 10_000, **other: Any) -> Component:
    known = {"component": name, "regime": "stream", "n_ops": 100, "instructions": n + 50}
    stacks = [
        {"frames": ["loop"], "instructions": 50},
        {"frames": ["loop", "parse"], "instructions": n},
    ]
    return Component.model_validate(
        {**known, "n_allocs": 0, "answer": "aa", "stacks": stacks, **other}
    )


def only(before: list[Component], now: list[Component], limit_pct: float = 1.0) -> compare.Shift:
    return compare.compare(before, now, limit_pct, ["fix.parse"])[0]


@pytest.mark.parametrize("n", [10_200, 9_800])
def test_a_shift_either_way_is_told_with_the_function(n: int) -> None:
    seen = only([component()], [component(n=n)])
    assert seen.state is State.SHIFTED
    assert seen.where == f"parse {(n - 10_000) / 100:+.1f}"


def test_a_shift_within_the_limit_is_none() -> None:
    assert only([component()], [component(n=10_050)]).state is State.SAME
    assert only([component()], [component(n=10_001)], limit_pct=0).state is State.SHIFTED


@pytest.mark.parametrize("other", [{"answer": "bb"}, {"n_ops": 99}, {"regime": "hot"}])
def test_other_work_is_not_compared(other: dict[str, Any]) -> None:
    assert only([component()], [component(**other)]).state is State.OTHER_WORK


def test_a_component_that_is_new_or_gone_is_named() -> None:
    assert only([], [component()]).state is State.NEW
    assert only([component()], []).state is State.GONE


# --- the file ---


def instructions(**other: Any) -> Instructions:
    key = {"compiler": "cc 1", "flags": "-O3", "libc": "glibc 2", "counter": "valgrind-3"}
    known = {"schema": "redline.instructions/1", "key": key, "control": "16 planted"}
    rest = {"control_found": True, "components": [component().model_dump()]}
    return Instructions.model_validate({**known, **rest, **other})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    front.write(tmp_path / "a.json", instructions())
    assert load_instructions(tmp_path / "a.json") == instructions()


def test_a_baseline_of_another_compiler_is_none_of_ours(tmp_path: Path) -> None:
    front.write(tmp_path / "a.json", instructions())
    key = instructions().key
    assert compare.baseline_of(key, tmp_path) == instructions()
    assert compare.baseline_of(key.model_copy(update={"flags": "-O2"}), tmp_path) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "instructions"),
        (json.dumps({"schema": "other/1"}), "schema"),
        (json.dumps(instructions().model_dump()).replace("10050", "10051"), "stacks hold"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        load_instructions(tmp_path / "a.json")
    assert "\n" not in str(refused.value)


# --- the front ---


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """A profile of one component without a build: what was counted may be changed."""
    found: dict[str, Any] = {"component": component(), "control": True}
    monkeypatch.setattr(count, "built", lambda tree: count.Tree(tree, tmp_path))
    monkeypatch.setattr(count, "components", lambda tree: ["fix.parse"])
    monkeypatch.setattr(count, "key_of", lambda tree: instructions().key)
    monkeypatch.setattr(count, "counted", lambda tree, names: [found["component"]])
    monkeypatch.setattr(control, "control", lambda tree: Control("16 planted", found["control"]))
    return found


def front_of(tmp_path: Path, *words: str) -> int:
    where = ["--baseline", str(tmp_path / "base"), "--out", str(tmp_path / "profile.json")]
    return front.main([*where, *words])


def test_a_shift_against_the_baseline_fails(counts: dict[str, Any], tmp_path: Path) -> None:
    assert front_of(tmp_path) == ExitCode.INCONCLUSIVE  # there is none
    assert front_of(tmp_path, "--write-baseline") == ExitCode.READY
    assert front_of(tmp_path) == ExitCode.READY
    counts["component"] = component(n=11_000)
    assert front_of(tmp_path) == ExitCode.FAIL
    assert front_of(tmp_path, "--limit-pct", "20") == ExitCode.READY


@pytest.mark.parametrize("broken", [{"control": False}, {"component": component(n_allocs=1)}])
def test_a_missed_control_or_an_allocation_fails_and_is_no_baseline(
    counts: dict[str, Any], tmp_path: Path, broken: dict[str, Any]
) -> None:
    counts.update(broken)
    assert front_of(tmp_path, "--write-baseline") == ExitCode.FAIL
    assert not (tmp_path / "base").exists()


def test_a_name_that_nothing_has_is_a_mistake(counts: dict[str, Any], tmp_path: Path) -> None:
    assert front_of(tmp_path, "--only", "nothing") == ExitCode.USAGE
