"""The kernel's word on the clock, before a run and after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.measure.clock_checks import PROMISES, caveats, complaint, doubt_of, doubts, look

GOOD: dict[str, Any] = {
    "source": "tsc",
    "sources": ["tsc", "hpet"],
    "promises": list(PROMISES),
    "complaint": "",
}


def test_a_tsc_that_the_kernel_reads_itself_is_not_doubted() -> None:
    assert doubts(GOOD, GOOD) == ()


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"promises": ["constant_tsc", "rdtscp"]}, {}, "does not promise nonstop_tsc"),
        ({}, {"source": "hpet"}, "changed from tsc to hpet during the run"),
        ({}, {"sources": ["hpet", "acpi_pm"]}, "does not offer the TSC"),
        ({"source": "hpet"}, {"source": "hpet"}, "reads hpet, not the TSC"),
        ({}, {"complaint": "tsc: Marking TSC unstable"}, "log says: tsc: Marking TSC unstable"),
    ],
)
def test_what_speaks_against_the_clock_is_said(
    before: dict[str, Any], after: dict[str, Any], says: str
) -> None:
    (doubt, *_) = doubts(GOOD | before, GOOD | after)
    assert says in doubt


def test_what_the_kernel_does_not_tell_raises_no_doubt() -> None:
    silent = dict.fromkeys(GOOD)
    assert doubts(silent, silent) == ()


def test_kvm_clock_is_a_caveat_and_no_doubt() -> None:
    guest = GOOD | {"source": "kvm-clock", "sources": ["kvm-clock"]}
    assert doubts(guest, guest) == ()
    assert "kvm-clock" in caveats(guest)[0]


def test_a_log_that_may_not_be_read_is_a_caveat() -> None:
    assert "could not be read" in caveats(GOOD | {"complaint": None})[0]


@pytest.mark.parametrize(
    "line",
    [
        "tsc: Marking TSC unstable due to check_tsc_sync_source failed",
        "clocksource: timekeeping watchdog on CPU1: Marking clocksource 'tsc' as unstable",
    ],
)
def test_a_complaint_is_found_among_other_lines(line: str) -> None:
    log = f"6,1,0,-;Booting\n4,2,0,-;{line}\n6,3,0,-;usb: unstable link"
    assert line in complaint(log)


def test_other_lines_about_the_clock_are_no_complaint() -> None:
    assert complaint("tsc: Refined TSC clocksource calibration: 2596.138 MHz\nusb unstable") == ""


def test_a_look_reads_the_files_of_the_kernel(tmp_path: Path) -> None:
    folder = tmp_path / "sys/devices/system/clocksource/clocksource0"
    folder.mkdir(parents=True)
    (folder / "current_clocksource").write_text("tsc\n")
    (folder / "available_clocksource").write_text("tsc hpet \n")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("flags\t\t: fpu constant_tsc nonstop_tsc rdtscp\n")
    assert look(tmp_path, log="") == GOOD


def test_a_host_that_tells_nothing_is_looked_at_without_an_error(tmp_path: Path) -> None:
    assert look(tmp_path, log="") == dict.fromkeys(GOOD) | {"complaint": ""}


def test_a_record_without_a_look_raises_no_doubt() -> None:
    assert doubt_of({"tsc_hz": 1}) == ""


def test_the_doubts_of_a_record_are_made_again_from_its_looks() -> None:
    record = {"kernel": {"before": GOOD, "after": GOOD | {"source": "hpet"}}}
    assert "changed from tsc to hpet" in doubt_of(record)
