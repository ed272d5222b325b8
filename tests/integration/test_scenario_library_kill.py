"""The library's scenario of the kill switch: each trigger stops, none passes without its fault."""

from __future__ import annotations

from typing import Any, get_args

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.trade import Oms
from engine.trade.kill import TRIGGERS
from harness.bench import kill_desk
from harness.config.faults_kill import By
from harness.run.reactions.kill_switch import RULES, WAYS

from .library import both_ways, cases, checks_of


def test_every_trigger_of_the_watchdog_is_pulled() -> None:
    assert {trigger.name for trigger in TRIGGERS} == {"dead", *RULES}
    assert set(get_args(By)) == {"dead", *RULES, *WAYS}
    pulled = [param.values[1].fault.by for param in cases("kill")]
    assert sorted(pulled) == sorted(get_args(By))


test_what_is_expected_comes_of_the_fault, test_without_its_fault_no_case_holds = both_ways("kill")


def test_a_sender_that_does_not_look_at_the_board_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def deaf(*args: Any, board: object, **more: Any) -> Oms:
        oms = Oms(*args, **more)
        oms.start()
        return oms

    monkeypatch.setattr(kill_desk, "Oms", deaf)
    case = next(p.values[1] for p in cases("kill") if p.values[1].fault.by == "tool")
    checks = checks_of("kill-switch", case, faults_enabled=True)
    assert not checks["reactions.kill_switch.tool.orders_after"]
    assert not checks["reactions.kill_switch.tool.effect"]
