"""A fault that makes no sense is refused where it stands, with what is wrong about it."""

from __future__ import annotations

import pytest

from harness.config.loader import ConfigError, parse
from harness.config.reactions import Reactions

PHASE = """\
phase: reactions
cases:
  - id: a.case
    why: none
    fault: {FAULT}
    expect:
      - {observed: injected, is: "> 0"}
"""

REFUSED = {
    "kind: lines": "does nothing wrong",
    "kind: lines, lines: 1, b: {loss: 1%}": "b: is not there: lines is 1",
    "kind: clock_step": "fault.ahead: a step is either ahead or behind",
    "kind: clock_step, ahead: 1s, behind: 1s": "fault.ahead: a step is either ahead or behind",
    "kind: clock_step, ahead: 1s, at: 1s, duration: 1s": "fault.at: is not before the end of the",
    "kind: clock_step, ahead: soon": "fault.ahead: not a duration: 'soon'",
    "kind: cpu_steal, duration: 1s": "fault.rate: is missing",
    "kind: memory_pressure, rate: 1k/s, take: 3, duration: 1s": "fault.take: no unit: 3",
    "kind: nic_flap, rate: 1k/s, duration: 500ms": "fault.duration: is less than twice the time",
    "kind: nic_flap, rate: 1k/s, down: 1h, duration: 9h": "fault.down: ",
    "kind: power_lost, cuts: 0": "fault.cuts: ",
    "kind: sender_killed, kills: -1": "fault.kills: ",
    "kind: log_disk_full, kib: 1": "fault.kib: ",
    "kind: earthquake": "fault.kind: ",
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_fault_that_makes_no_sense_is_refused_by_name(fault: str) -> None:
    text = PHASE.replace("{FAULT}", "{" + fault + "}")
    with pytest.raises(ConfigError) as caught:
        parse(text, Reactions, name="faults.yaml")
    assert str(caught.value).startswith("faults.yaml:")
    assert REFUSED[fault] in str(caught.value)
    assert "\n" not in str(caught.value)
