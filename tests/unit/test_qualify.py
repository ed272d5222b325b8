"""The verdict over a host: what makes it, what it says, and that it can be made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import qualified_hosts as hosts
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.qualify import Level, Qualification, State, qualify
from harness.qualify.checks import RULES
from harness.qualify.recorded import facts_of, qualification_of, stamped
from harness.qualify.reference import reference
from harness.qualify.window import window
from harness.tuning.facts import Fact

PAGE = Path(__file__).parents[2] / "docs/reference/host-check.md"
MUST = [rule.id for rule in RULES if rule.level is Level.MUST]


@pytest.fixture(scope="module")
def tuned() -> Mapping[str, Fact]:
    """Facts of a well-tuned host over a quiet while."""
    return hosts.tuned()


def states(found: Qualification) -> dict[str, State]:
    return {row.id: row.state for row in found.rows}


def test_a_tuned_host_with_a_quiet_floor_is_qualified(tuned: Mapping[str, Fact]) -> None:
    found = qualify(tuned, hosts.QUIET, hosts.CPUS)
    assert (found.qualified, found.reasons, found.word) == (True, (), "QUALIFIED")


def test_the_same_host_without_a_look_at_its_noise_is_not(tuned: Mapping[str, Fact]) -> None:
    found = qualify(tuned, None, hosts.CPUS)
    assert found.reasons == ("not shown: time lost, longest gap (no noise floor was measured)",)


def test_a_look_at_another_cpu_is_no_look(tuned: Mapping[str, Fact]) -> None:
    looks = [look for look in hosts.QUIET if look["cpu"] != 15]
    found = qualify(tuned, looks, hosts.CPUS)
    assert found.reasons == ("not shown: time lost, longest gap (no noise floor of CPU 15)",)


def test_nothing_known_is_nothing_shown() -> None:
    found = qualify({}, None, hosts.CPUS)
    assert set(states(found).values()) == {State.UNKNOWN}
    assert not found.qualified


def test_without_a_cpu_to_measure_on_a_host_is_not_qualified(tuned: Mapping[str, Fact]) -> None:
    facts = {**tuned, "cpu.isolated": Fact([], "")}
    found = qualify(facts, None, None)
    assert any("no CPU is named to be measured on" in reason for reason in found.reasons)


def test_the_isolated_cpus_stand_in_for_those_that_are_not_stated(
    tuned: Mapping[str, Fact],
) -> None:
    assert states(qualify(tuned, None, None))["kernel.isolated"] is State.OK


@pytest.mark.parametrize("rule", MUST)
def test_a_must_decides(tuned: Mapping[str, Fact], rule: str) -> None:
    found = qualify(tuned, hosts.QUIET, hosts.CPUS)
    rows = tuple(replace(r, state=State.MISS) if r.id == rule else r for r in found.rows)
    spoilt = Qualification(rows)
    assert (spoilt.qualified, len(spoilt.reasons)) == (False, 1)


@pytest.mark.parametrize("level", [Level.SHOULD, Level.INFO])
def test_nothing_but_a_must_decides(tuned: Mapping[str, Fact], level: Level) -> None:
    found = qualify(tuned, hosts.QUIET, hosts.CPUS)
    rows = tuple(replace(r, state=State.MISS) if r.level is level else r for r in found.rows)
    assert Qualification(rows).qualified


def test_a_word_on_the_command_line_is_no_evidence(tuned: Mapping[str, Fact]) -> None:
    words = "isolcpus=managed_irq,domain,0-63 nohz_full=0-63 rcu_nocbs=0-63"
    facts = {
        **tuned,
        "kernel.cmdline": Fact(words, "/proc/cmdline"),
        "cpu.isolated": Fact([], "/sys/devices/system/cpu/isolated"),
        "cpu.nohz_full": Fact([], "/sys/devices/system/cpu/nohz_full"),
        "kernel.rcu_offloaded": Fact([], "/proc/*/comm"),
    }
    found = states(qualify(facts, hosts.QUIET, hosts.CPUS))
    assert [found[r] for r in ("kernel.isolated", "kernel.tick", "kernel.rcu")] == [State.MISS] * 3


def test_the_same_arguments_give_the_same_rows(tuned: Mapping[str, Fact]) -> None:
    first, second = (qualify(tuned, hosts.QUIET, hosts.CPUS) for _ in range(2))
    assert first == second


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64),
    st.floats(),
    st.text(max_size=8),
    st.lists(st.one_of(st.integers(-2, 99), st.text(max_size=3)), max_size=3),
    st.dictionaries(
        st.sampled_from(["0", "2", "14", "15", "eth2", "mc0", "2048", "\x1b[31m", ""]),
        st.one_of(st.text(max_size=12), st.sampled_from(["n/a", "C6=x:on", "=", "0-", "9" * 30])),
        max_size=4,
    ),
)
_LOOKS = st.lists(
    st.dictionaries(
        st.sampled_from(["cpu", "lost_ns", "max_ns", "seconds", "quiet_share"]), _VALUES
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_garbled_facts_and_looks_give_rows_and_never_an_error(
    tuned: Mapping[str, Fact], data: st.DataObject
) -> None:
    garbled = data.draw(st.dictionaries(st.sampled_from(sorted(tuned)), _VALUES, max_size=30))
    facts = {name: Fact(value, "somewhere") for name, value in garbled.items()}
    found = qualify({**tuned, **facts}, data.draw(_LOOKS), hosts.CPUS)
    assert len(found.rows) == len(RULES)
    json.dumps(found.as_json())


def test_two_readings_make_a_window(tuned: Mapping[str, Fact]) -> None:
    cpu = str(hosts.CPUS["engine"])
    before = {"load.steal_ticks": Fact({cpu: "7"}, "/proc/stat"), "load.one_minute": Fact(0.25, "")}
    after = {"load.steal_ticks": Fact({cpu: "9"}, "/proc/stat"), "load.one_minute": Fact(3.0, "")}
    found = window(before, after, 2.5)
    assert found["moved.load.steal_ticks"].value == {cpu: "2"}
    assert found["moved.seconds"].value == 2.5
    assert found["start.load.one_minute"].value == 0.25
    assert found["moved.memory.events"] == Fact(
        None, "memory.events, before and after", "not collected"
    )


def record(tuned: Mapping[str, Fact]) -> dict[str, Any]:
    """An env.json of a run on a tuned host, without its qualification."""
    shown = {role: str(cpu) for role, cpu in hosts.CPUS.items()}
    facts = {**tuned, "run.cpus": Fact(shown, "chosen by the runner")}
    return {"facts": {name: fact.as_json() for name, fact in facts.items()}}


def noise() -> dict[str, Any]:
    return {"floor": [x for x in hosts.QUIET if "lost_ns" in x], "neighbour": []}


def test_a_recorded_run_gives_the_same_qualification_again(tuned: Mapping[str, Fact]) -> None:
    env = stamped(record(tuned), noise(), before=tuned, seconds=10.0)
    again = json.loads(json.dumps(env))
    assert qualification_of(again, noise()).as_json() == env["qualification"]
    assert env["qualification"]["qualified"] is True


def test_what_moved_during_a_run_is_recorded_and_counts(tuned: Mapping[str, Fact]) -> None:
    cpu = str(hosts.CPUS["engine"])
    earlier = dict(tuned["load.steal_ticks"].value or {})  # type: ignore[arg-type]
    earlier[cpu] = str(int(earlier[cpu]) - 4)
    before = {**tuned, "load.steal_ticks": Fact(earlier, "/proc/stat")}
    env = stamped(record(tuned), noise(), before=before, seconds=10.0)
    assert env["facts"]["moved.load.steal_ticks"]["value"][cpu] == "4"
    assert env["qualification"]["reasons"] == [f"stolen time: 4 ticks stolen on CPU {cpu}"]


@pytest.mark.parametrize(
    "env", [{}, {"facts": []}, {"facts": {"cpu.isolated": 3, "run.cpus": {"value": {"a": None}}}}]
)
def test_a_record_that_is_rubbish_is_not_qualified(env: dict[str, Any]) -> None:
    assert not qualification_of(env, {"floor": {}, "neighbour": None}).qualified
    assert all(isinstance(fact, Fact) for fact in facts_of(env).values())


def test_ids_are_unique_and_every_row_says_everything(tuned: Mapping[str, Fact]) -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for row in qualify(tuned, hosts.QUIET, hosts.CPUS).rows:
        assert all(row.as_json().values()), row.id


def test_the_reference_page_is_what_the_rules_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "write it again: python -m harness.qualify.reference > docs/reference/host-check.md"
    )
