"""Which CPUs of a host do what: stated, found, and filled into what a profile says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import HostError
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles
from harness.tuning.roles import fill_value, find_roles, stated_roles


def host(root: Path, *, online: str, isolated: str | None = None) -> Host:
    folder = root / "sys/devices/system/cpu"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "online").write_text(f"{online}\n")
    if isolated is not None:
        (folder / "isolated").write_text(f"{isolated}\n")
    return Host(root)


def test_isolated_cpus_are_the_hot_ones(tmp_path: Path) -> None:
    found = find_roles(host(tmp_path, online="0-7", isolated="2-5"))
    assert found == Roles(hot=(2, 3, 4, 5), irq=(0, 1, 6, 7), housekeeping=(0, 1, 6, 7))


def test_without_isolated_cpus_the_last_half_is_hot_and_never_the_first_cpu(tmp_path: Path) -> None:
    assert find_roles(host(tmp_path, online="0-1", isolated="")).hot == (1,)
    assert find_roles(host(tmp_path, online="0-4")).hot == (3, 4)


def test_one_cpu_plays_every_role(tmp_path: Path) -> None:
    found = find_roles(host(tmp_path, online="0"))
    assert (found.hot, found.housekeeping) == ((), (0,))


def test_what_is_not_stated_is_what_is_left(tmp_path: Path) -> None:
    roles = stated_roles(host(tmp_path, online="0-7"), {"hot": "6-7"})
    assert roles.housekeeping == roles.irq == (0, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("stated", "why"),
    [
        ({"hot": "9"}, "cores.hot: CPU 9 is not online here"),
        ({"hot": "0-4294967295"}, "cores.hot: "),
        ({"hot": "x"}, "cores.hot: not a list of CPUs"),
        ({"hot": "1-3", "housekeeping": "0-1"}, "cores: CPU 1 is both hot and housekeeping"),
    ],
)
def test_a_role_that_cannot_be_is_refused(tmp_path: Path, stated: dict[str, str], why: str) -> None:
    with pytest.raises(HostError, match=why):
        stated_roles(host(tmp_path, online="0-3"), stated)


def test_a_host_that_does_not_say_its_cpus_gets_no_roles(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="does not say which CPUs are online"):
        find_roles(Host(tmp_path))


def test_roles_are_filled_in_at_any_depth() -> None:
    roles = Roles(hot=(2, 3, 5), irq=(0,), housekeeping=(0, 1))
    assert fill_value({"a": "x,${hot}", "b": {"c": "${irq}"}, "d": 1}, roles) == {
        "a": "x,2-3,5",
        "b": {"c": "0"},
        "d": 1,
    }
