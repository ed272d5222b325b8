"""A user's program in a scenario: what may be asked of it, and what is refused before it starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.net.impair import Action
from harness.bench.foreign_faults import first_spoiled
from harness.config.black_box import PLACES, BlackBox
from harness.config.loader import ConfigError, project_data
from harness.config.matrix import load_matrix
from harness.config.scenario import Scenario, parse
from harness.run.verdicts import State, Verdict
from harness.score import matrix as scoring
from harness.score.matrix import Judged, SignOff

TEXT = (Path(__file__).parents[2] / "scenarios/black-box.yaml").read_text()
ON_NETNS = TEXT.replace("{kind: shm, ring", "{kind: netns, port: afxdp, ring")
TRIAL = "{id: program.theirs, feed: itch,"


def faulty(entry: str) -> str:
    """The trial of the program over a network, with a fault on its lines."""
    return ON_NETNS.replace(TRIAL, f"{TRIAL} impairment: {{impair: [{entry}]}},")


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse(text, Scenario, name="s.yaml")
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    - build/engine", "    - ''", "engine.command.0: "),
        ('"{lot}"', '"{lots}"', "engine.command.5: names in braces are market_data, orders, "),
        ('"{lot}"', '"{}"', "engine.command.5: names in braces are"),
        ('"{lot}"', '"{lot"', "engine.command.5: names in braces are"),
        ("itch-moldudp64", "pcap", "engine.market_data: not one of 'itch-moldudp64': 'pcap'"),
        ("fix44-tcp", "ouch", "engine.orders: not one of 'fix44-tcp': 'ouch'"),
        ("signal: SIGUSR2", "signal: SIGKILL", "engine.stop.signal: "),
        ("within: 10ms", "within: 0ms", "engine.stop.within: must be more than zero: '0ms'"),
        ("  stop: {", "  rule: mine\n  stop: {", "engine.rule: "),
        (TRIAL, "{id: program.theirs, feed: fix,", "feed: is itch for a program, so far"),
        ("{wire: program.wire}", "{buf: program.buf}", "measures: buf: the engine does not say"),
        (TRIAL, TRIAL + " stall: {who: rig, every: 1s, length: 1ms},", "stall: is not of"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_line(old: str, new: str, says: str) -> None:
    assert old in TEXT
    assert says in refused(TEXT.replace(old, new, 1) if old != TRIAL else TEXT.replace(old, new))


def test_a_phase_without_a_program_and_a_program_without_a_phase_are_refused() -> None:
    head, _, rest = TEXT.partition("engine:\n")
    assert "needs the key engine: which program is meant" in refused(
        head + rest[rest.index("noise:") :]
    )
    alone = TEXT[: TEXT.index("  - phase: black_box")] + TEXT[TEXT.index("matrix: ") :]
    assert "engine: is used by no phase: there is no black_box" in refused(alone)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{line: orders, duplicate: 1%}", "impair.0.line: is market for a program: 'orders'"),
        ("{direction: both, loss: 1%}", "impair.0.direction: is to-engine for a program: 'both'"),
        ("{delay: 10us}", "impair.0.delay: is not of a program's trials: bad_checksum, "),
        ("{rate: 10Mbit/s}", "impair.0.rate: is not of a program's trials: "),
        ("{mechanism: wire, loss: 1%}", "impair.0.mechanism: there is no wire here"),
    ],
)
def test_a_fault_that_nobody_could_judge_is_refused(entry: str, says: str) -> None:
    assert says in refused(faulty(entry))


def test_a_fault_needs_a_network() -> None:
    text = faulty("{loss: 1%}").replace("{kind: netns, port: afxdp, ring", "{kind: shm, ring")
    assert "impairment: a bench of shared memory has no network to impair" in refused(text)


def test_a_program_has_sockets_whatever_the_bench_has_for_ours() -> None:
    scenario = parse(faulty("{duplicate: 1%}"), Scenario, name="s.yaml")
    (phase,) = (phase for phase in scenario.phases if isinstance(phase, BlackBox))
    assert set(phase.ports("afxdp")) == {"udp", "tcp"}
    assert scenario.ports() == {"afxdp", "udp", "tcp"}
    assert ", its packets faulty, then stopped" in " ".join(phase.describe())
    assert parse(scenario.to_yaml(), Scenario, name="again") == scenario


@pytest.mark.parametrize("place", PLACES)
def test_every_place_may_stand_in_a_command(place: str) -> None:
    text = TEXT.replace('"{lot}"', f'"--{place}={{{place}}}"')
    engine = parse(text, Scenario, name="s.yaml").engine
    assert engine is not None
    assert f"--{place}={{{place}}}" in engine.command


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ({}, SignOff.READY),
        ({"own_wire": State.FAIL}, SignOff.READY),  # ours is beside it, and not what is judged
        ({"own_wire": State.MISSING}, SignOff.READY),
        ({"program_orders": State.FAIL}, SignOff.NOT_READY),
        ({"program_wire": State.FAIL}, SignOff.NOT_READY),
        ({"program_wire": State.UNJUDGEABLE}, SignOff.INCONCLUSIVE),
    ],
)
def test_a_program_is_judged_by_what_can_be_seen_of_it(
    states: dict[str, State], wanted: SignOff
) -> None:
    matrix = load_matrix(project_data("reports/matrix/black-box.yaml"))
    unseen = dict.fromkeys(("program_stages", "program_hot_path"), State.MISSING)
    judged = {}
    for gate in matrix.everything():
        state = ({"own_wire": State.PASS} | unseen | states).get(gate.id, State.PASS)
        points = {State.PASS: 100.0, State.FAIL: 0.0}.get(state)
        judged[gate.id] = Judged(Verdict(state, "because"), points)
    total = scoring.score(matrix, judged)
    assert total.floor <= 98  # what nobody outside can see is never full marks
    assert scoring.sign_off(matrix, total, scoring.row_gates(matrix, judged))[0] is wanted


@given(st.lists(st.sampled_from(list(Action)), min_size=1, max_size=40), st.integers(1, 64))
def test_the_rule_holds_up_to_the_first_message_that_is_lost_or_changed(
    fates: list[Action], pack: int
) -> None:
    whole = 0
    for fate in fates:
        if fate not in (Action.PASS, Action.DUPLICATE):
            break
        whole += pack
    expected = 0 if whole == len(fates) * pack else whole + 1
    assert first_spoiled(np.array(fates, dtype=np.uint8), pack) == expected
