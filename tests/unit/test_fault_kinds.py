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
    "kind: venue_day": "fault.mischief: is missing",
    "kind: venue_day, mischief: {}": "fault.mischief: does nothing wrong",
    "kind: venue_day, mischief: {resets: often}": "fault.mischief.resets: ",
    "kind: log_ring_full, room: 100": "fault.room: not a power of two: 100",
    "kind: hostile_packets, every: 0": "fault.every: ",
    "kind: hostile_session, rounds: 0": "fault.rounds: ",
    "kind: slow_reader, asks: 1": "fault.asks: ",
    "kind: tripped, by: magic": "fault.by: ",
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
