"""Hosts that are tuned from afar and lose us: they put themselves back, and not before."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.inventory import HostEntry
from harness.errors import HostError
from harness.fleet.fleet import Fleet, open_fleet

from .far_hosts import ssh_of
from .real_host import bytes_of
from .sandbox import in_sandbox
from .tuned_hosts import FILE, becomes, other_value, request, ways

SHORT_S = 3.0  # a deadline that is waited for; a busy machine has a third of it to renew


def far_end_killed(fleet: Fleet, host: HostEntry) -> None:
    os.kill(fleet.ask("status")[host.name]["tuned"]["owner"]["pid"], signal.SIGKILL)


def ssh_killed(fleet: Fleet, host: HostEntry) -> None:
    os.kill(ssh_of(os.getpid()), signal.SIGKILL)


def ssh_frozen(fleet: Fleet, host: HostEntry) -> None:
    os.kill(ssh_of(os.getpid()), signal.SIGSTOP)


@pytest.mark.parametrize("lose", [far_end_killed, ssh_killed, ssh_frozen])
@in_sandbox
def test_a_host_that_loses_us_puts_itself_back(
    tmp_path: Path, lose: Callable[[Fleet, HostEntry], None]
) -> None:
    with ways(tmp_path, "ssh") as (host,):
        before, value = bytes_of(FILE), other_value()

        def hold() -> None:
            with fleet.armed({host.name: request(value)}, deadline_s=SHORT_S):
                assert bytes_of(FILE) == b"%d\n" % value
                lose(fleet, host)
                assert becomes(before)

        with open_fleet([host]) as fleet, pytest.raises(HostError, match=r"^far: "):
            hold()
        assert bytes_of(FILE) == before


@in_sandbox
def test_no_deadline_comes_in_a_quiet_window(tmp_path: Path) -> None:
    with ways(tmp_path, "netns") as (host,), open_fleet([host]) as fleet:
        value = other_value()
        with fleet.armed({host.name: request(value)}, deadline_s=SHORT_S):
            with fleet.quiet(10 * SHORT_S):
                time.sleep(1.3 * SHORT_S)  # the deadline without the window is over
                assert bytes_of(FILE) == b"%d\n" % value
            assert fleet.ask("status")[host.name]["ok"]
            assert bytes_of(FILE) == b"%d\n" % value
