"""The clocks of a host: what the kernel reads, and who keeps it right."""

from __future__ import annotations

import ctypes
import os

from harness.tuning.facts.base import CPUINFO, Look, Readers, line, number, number_of, plain, table
from harness.tuning.tree import Absent

STA_UNSYNC = 0x40
CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0"
RECORDED = "/clock/adjtimex"  # of a recorded host: what adjtimex(2) said, as `key: value` lines


class _Timex(ctypes.Structure):
    """struct timex of <sys/timex.h>, up to what is read; the kernel fills all of it."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def asked_clock() -> dict[str, int]:
    """What adjtimex(2) says when nothing is set by it. Absent with the kernel's reason."""
    timex = _Timex()
    if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
        raise Absent(os.strerror(ctypes.get_errno()).lower())
    return {"status": timex.status, "maxerror": timex.maxerror}


def _clock(look: Look) -> dict[str, int]:
    if look.host.is_this_machine:
        return asked_clock()
    return {key: number_of(key)(look, RECORDED) for key in ("status", "maxerror")}


def _synchronised(look: Look, source: str) -> bool:
    return not _clock(look)["status"] & STA_UNSYNC


def _max_error_us(look: Look, source: str) -> int:
    return number(str(_clock(look)["maxerror"]))


def _invariant_tsc(look: Look, source: str) -> bool:
    return look.flags.issuperset(("constant_tsc", "nonstop_tsc", "rdtscp"))


def _ptp(look: Look, source: str) -> dict[str, str]:
    """Hardware clocks by device, with the name that their driver gave them."""
    clocks = look.numbered(source, "ptp")
    names = ((f"ptp{n}", plain(look.text(f"{source}/ptp{n}/clock_name"))) for n in clocks)
    return table(names, "no hardware clock")


_ADJTIMEX = "adjtimex(2)"
READERS: Readers = {
    "clock.invariant_tsc": (CPUINFO, _invariant_tsc),
    "clock.source": (f"{CLOCKSOURCE}/current_clocksource", line),
    "clock.sources": (f"{CLOCKSOURCE}/available_clocksource", line),
    "clock.synchronised": (_ADJTIMEX, _synchronised),
    "clock.max_error_us": (_ADJTIMEX, _max_error_us),
    "clock.ptp": ("/sys/class/ptp", _ptp),
}
