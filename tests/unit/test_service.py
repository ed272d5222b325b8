"""The service: plain JSON in, plain JSON out, whatever somebody sends."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import hosts_tree
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import ExitCode, HostError, RedlineError
from harness.tuning import gaps, hold, lock, management
from harness.tuning import service as module
from harness.tuning.facts import latency_limit
from harness.tuning.host import Host
from harness.tuning.knobs.base import Op, Scope, State, Wish
from harness.tuning.restore import Item, Restored
from harness.tuning.service import Service, error_of

WISH = {"knob": "memory.swappiness", "value": 1}
CORES = {"hot": "1"}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def recorded(tmp_path: Path) -> Service:
    """Of a recorded virtual machine with two CPUs."""
    return Service(Host(hosts_tree.load("vm", tmp_path / "vm")))


class Here(Host):
    """A tree that counts as this machine: what is held there is asked of a stand-in."""

    is_this_machine = True


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(management, "read_protected", lambda host: {})
    return Service(Here(hosts_tree.load("vm", tmp_path / "here")))


class FakeHold:
    """Instead of hold.tuned: every change is made, but those of `denied`, or nothing is held."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.denied: list[str] = []
        self.ended = ""
        self.kept: dict[str, Any] | None = None
        self.again: Restored | None = None
        self.forced: bool | None = None

    @contextlib.contextmanager
    def tuned(
        self,
        scope: Scope,
        wishes: Sequence[Wish],
        *,
        title: str,
        seconds: float | None,
        keep: bool,
    ) -> Iterator[hold.Tuned]:
        tuned = hold.Tuned()
        self.held.append(title)
        tuned.ops = tuple(
            Op(one.knob, path, "60", "1", State.DENIED if path in self.denied else State.CHANGE)
            for one in wishes
            for path in ("/proc/sys/vm/swappiness",)
        )
        tuned.ended = lambda: self.ended  # type: ignore[method-assign]
        yield tuned
        self.held.remove(title)
        tuned.restored = Restored((item("ours", "restored"),))
        if self.ended:
            raise HostError(f"was not held until the end: {self.ended}")

    def restore_now(self, host: Host, *, force: bool) -> Restored | None:
        self.forced = force
        return self.again


def item(key: str, outcome: Any) -> Item:
    return Item(key, key, "60", "1", outcome)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeHold:
    fake = FakeHold()
    monkeypatch.setattr(hold, "tuned", fake.tuned)
    monkeypatch.setattr(hold, "restore_now", fake.restore_now)
    monkeypatch.setattr(hold, "status", lambda: fake.kept)
    return fake


def applied(service: Service, **more: Any) -> dict[str, Any]:
    return service.handle({"do": "apply", "wishes": [WISH], "title": "mine", **more})


# What a host says of itself


def test_facts_come_with_the_roles_of_the_cpus(recorded: Service) -> None:
    reply = recorded.handle({"do": "facts", "cores": CORES})
    assert reply["roles"] == {"hot": "1", "irq": "0", "housekeeping": "0"}
    assert reply["facts"]["cpu.online"]["value"] == [0, 1]


def test_a_host_that_does_not_say_its_cpus_still_says_the_rest(tmp_path: Path) -> None:
    reply = Service(Host(tmp_path)).handle({"do": "facts"})
    assert reply["ok"]
    assert reply["roles"] == {}


def test_the_limit_on_idle_states_is_a_fact_of_this_machine(here: Service) -> None:
    limit = latency_limit()
    reply = here.handle({"do": "facts"})
    assert reply["facts"]["cpu.dma_latency_us"]["source"] == limit.source


def test_a_plan_of_a_recorded_host_has_every_write_and_writes_nothing(recorded: Service) -> None:
    reply = recorded.handle({"do": "plan", "wishes": [WISH]})
    (op,) = reply["ops"]
    assert (op["target"], op["want"], op["state"]) == ("/proc/sys/vm/swappiness", "1", "change")
    assert recorded.host.read("/proc/sys/vm/swappiness") == op["before"] != "1"


def test_roles_are_filled_in_where_the_host_is(recorded: Service) -> None:
    request = {"wishes": [{"knob": "irq.affinity", "value": "${irq}"}], "cores": CORES}
    _, (wish,) = recorded.asked(request)
    assert wish.value == "0"


def test_a_verification_says_whether_it_fails(recorded: Service) -> None:
    reply = recorded.handle({"do": "verify", "wishes": [WISH]})
    assert reply["fails"] is True
    assert reply["reached"] == {"memory.swappiness": None}
    now = recorded.host.read("/proc/sys/vm/swappiness")
    reply = recorded.handle({"do": "verify", "wishes": [WISH | {"value": now}]})
    assert reply["fails"] is False


def test_noise_of_many_cpus_is_heard_in_groups(
    recorded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Sequence[int]] = []

    def hear(cpus: Sequence[int], seconds: float) -> list[dict[str, Any]]:
        asked.append(cpus)
        return [{"cpu": cpu} for cpu in cpus]

    monkeypatch.setattr(module, "gaps", hear)
    monkeypatch.setattr(module, "MAX_CPUS", 2)
    recorded.host.path("/sys/devices/system/cpu/online").write_text("0-4\n")
    reply = recorded.handle({"do": "noise", "seconds": 1, "cores": {"hot": "1-4"}})
    assert asked == [(1, 2), (3, 4)]
    assert [one["cpu"] for one in reply["gaps"]] == [1, 2, 3, 4]


def test_a_single_cpu_is_listened_to_although_it_is_not_hot(
    recorded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "gaps", lambda cpus, seconds: [list(cpus)])
    recorded.host.path("/sys/devices/system/cpu/online").write_text("0\n")
    assert recorded.handle({"do": "noise", "seconds": 1})["gaps"] == [[0]]


def test_files_are_hashed_and_what_is_none_is_no_hash(recorded: Service, tmp_path: Path) -> None:
    (tmp_path / "engine").write_bytes(b"x")
    paths = {"build": str(tmp_path / "engine"), "limits": str(tmp_path / "nothing")}
    reply = recorded.handle({"do": "hash", "paths": paths})
    assert reply["sha256"] == {"build": hashlib.sha256(b"x").hexdigest(), "limits": None}


@pytest.mark.parametrize("kind", ["folder", "pipe", "device"])
def test_what_has_no_end_is_not_hashed(recorded: Service, tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path = Path("/dev/zero")
    reply = recorded.handle({"do": "hash", "paths": {"build": str(path)}})
    assert not reply["ok"]
    assert reply["error"] == f"{path}: is not a regular file"
    assert reply["exit_code"] == ExitCode.HOST_NOT_FIT


# What is held


def test_what_is_applied_is_held_until_it_is_released(here: Service, fake: FakeHold) -> None:
    reply = applied(here)
    assert reply["ok"], reply
    assert fake.held == ["mine"]
    assert (reply["fell_short"], reply["already"]) == ([], False)
    assert here.handle({"do": "held"})["ended"] == ""
    released = here.handle({"do": "release"})
    assert fake.held == []
    assert [one["state"] for one in released["restored"]] == ["restored"]


def test_the_end_of_the_caller_gives_it_back(here: Service, fake: FakeHold) -> None:
    applied(here)
    here.close()
    here.close()
    assert fake.held == []


def test_a_second_tuning_of_the_same_caller_takes_the_place_of_the_first(
    here: Service, fake: FakeHold
) -> None:
    applied(here)
    applied(here, title="other")
    assert fake.held == ["other"]


def test_what_the_plan_would_have_changed_and_was_refused_fell_short(
    here: Service, fake: FakeHold
) -> None:
    fake.denied = ["/proc/sys/vm/swappiness"]
    assert applied(here)["fell_short"] == ["/proc/sys/vm/swappiness"]


def test_what_is_no_longer_held_says_why(here: Service, fake: FakeHold) -> None:
    applied(here)
    fake.ended = "its time was over"
    assert here.handle({"do": "held"})["ended"] == "its time was over"
    released = here.handle({"do": "release"})
    assert released["error"] == "was not held until the end: its time was over"


def test_without_a_tuning_nothing_is_held(here: Service, fake: FakeHold) -> None:
    assert here.handle({"do": "held"})["ended"] == "nothing was"
    assert here.handle({"do": "release"})["restored"] == []
    renewed = here.handle({"do": "renew", "seconds": 5})
    assert renewed["error"] == "nothing is held here whose time could be renewed"


KEPT = {"kept": True, "guard": {"pid": 7, "alive": True}}


def test_what_is_kept_already_is_not_applied_again(here: Service, fake: FakeHold) -> None:
    fake.kept = KEPT
    here.host.path("/proc/sys/vm/swappiness").write_text("1\n")
    reply = applied(here, keep=True)
    assert reply["already"] is True
    assert {op["state"] for op in reply["ops"]} == {"noop"}
    assert fake.held == []


@pytest.mark.parametrize(
    ("swappiness", "kept", "more"),
    [
        ("60", KEPT, {"keep": True}),
        ("1", KEPT, {}),
        ("1", KEPT, {"keep": True, "seconds": 5.0}),
        ("1", KEPT | {"guard": {"pid": 7, "alive": False}}, {"keep": True}),
        ("1", KEPT | {"kept": False}, {"keep": True}),
        ("1", None, {"keep": True}),
    ],
    ids=["not so", "to be held", "for a time", "guard dead", "held by one", "by nobody"],
)
def test_all_else_is_applied_or_refused_by_who_holds_it(
    here: Service, fake: FakeHold, swappiness: str, kept: Any, more: dict[str, Any]
) -> None:
    fake.kept = kept
    here.host.path("/proc/sys/vm/swappiness").write_text(f"{swappiness}\n")
    assert applied(here, **more)["already"] is False
    assert fake.held == ["mine"]


def test_a_restore_tells_what_the_caller_held_and_what_else_there_was(
    here: Service, fake: FakeHold
) -> None:
    applied(here)
    fake.ended = "it was put back by another command"
    fake.again = Restored((item("theirs", "foreign"), item("ours", "unchanged")))
    reply = here.handle({"do": "restore", "force": True})
    assert {one["key"]: one["state"] for one in reply["restored"]} == {
        "ours": "unchanged",
        "theirs": "foreign",
    }
    assert fake.held == []
    assert fake.forced is True


def test_force_is_a_plain_yes_and_nothing_like_it(here: Service, fake: FakeHold) -> None:
    here.handle({"do": "restore", "force": "no"})
    assert fake.forced is False


def test_a_production_host_is_not_tuned(
    here: Service, fake: FakeHold, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse() -> None:
        raise HostError("this host is marked as a production host")

    monkeypatch.setattr(lock, "refuse_production", refuse)
    for more in ({}, {"keep": True}):
        assert applied(here, **more)["exit_code"] == ExitCode.HOST_NOT_FIT
    assert fake.held == []


def test_a_recorded_host_is_not_tuned(recorded: Service, fake: FakeHold) -> None:
    assert "nothing is written there" in applied(recorded)["error"]
    assert fake.held == []


# What somebody sends


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "cannot do None"),
        ({"do": "format"}, "cannot do 'format'"),
        ({"do": "\x1b[31m"}, r"cannot do '\x1b[31m'"),
        ({"do": ["plan"]}, "cannot do ['plan']"),
        ({"do": "plan", "wishes": "all"}, "wishes are no list of a profile's length"),
        ({"do": "plan", "wishes": None}, "wishes are no list of a profile's length"),
        ({"do": "plan", "wishes": [7]}, "wishes are no list of a profile's length"),
        ({"do": "plan", "wishes": [{}] * 1001}, "wishes are no list of a profile's length"),
        ({"do": "plan", "wishes": [{}]}, "a wish is a knob and a value"),
        ({"do": "plan", "cores": "all"}, "cores are not by role"),
        ({"do": "plan", "cores": {"hot": "9"}}, "cores.hot: CPU 9 is not online here"),
        ({"do": "facts", "cores": {"hot": "x"}}, "cores.hot: not a list of CPUs: 'x'"),
        (
            {"do": "plan", "wishes": [{"knob": "irq.affinity", "value": "${cold}"}]},
            "${cold}: no such role; there are: hot, irq, housekeeping",
        ),
        ({"do": "verify", "level": "all"}, "not one of readback, derived, effect: 'all'"),
        ({"do": "verify", "level": ["effect"]}, "not one of readback, derived, effect: ['effect']"),
        ({"do": "noise"}, "seconds: not a number: None"),
        ({"do": "noise", "seconds": True}, "seconds: not a number: True"),
        ({"do": "noise", "seconds": float("nan")}, "seconds: not a number: nan"),
        ({"do": "noise", "seconds": -1}, "a look takes 1 to 64 CPUs"),
        ({"do": "hash"}, "no paths to hash"),
        ({"do": "hash", "paths": ["/etc/shadow"]}, "no paths to hash"),
        ({"do": "hash", "paths": {"build": "\0"}}, "embedded null byte"),
    ],
)
def test_a_request_that_cannot_be_is_answered_in_one_line(
    recorded: Service, request_: dict[str, Any], said: str
) -> None:
    reply = recorded.handle(request_)
    assert reply["ok"] is False
    assert reply["error"].startswith(said)
    assert reply["error"].isprintable()
    assert reply["exit_code"] in (ExitCode.USAGE, ExitCode.HOST_NOT_FIT)


def test_the_limit_of_a_look_is_the_one_that_is_said() -> None:
    assert gaps.MAX_CPUS == 64


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=8), inside),
    max_leaves=8,
)
KEYS = st.sampled_from(["wishes", "cores", "level", "seconds", "paths", "force", "keep", "title"])
ASKED = st.sampled_from(["facts", "plan", "verify", "hash", "status", "release", "held", "renew"])
A_WISH = st.fixed_dictionaries(
    {"knob": st.sampled_from(["memory.swappiness", "irq.affinity", "nic.rings", "boot.x"])},
    optional={"value": JSON, "interface": JSON, "on_unsupported": JSON},
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(do=ASKED, more=st.dictionaries(KEYS, JSON), wishes=st.lists(A_WISH, max_size=2))
def test_no_request_is_answered_with_an_exception(
    recorded: Service, do: str, more: dict[str, Any], wishes: list[dict[str, Any]]
) -> None:
    reply = recorded.handle({"wishes": wishes, **more, "do": do})
    assert json.loads(json.dumps(reply))["ok"] in (True, False)
    if not reply["ok"]:
        assert reply["error"]


def test_an_error_of_the_system_is_a_line_with_its_place(
    recorded: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device", "/x/journal")

    monkeypatch.setattr(module, "collect", fail)
    reply = recorded.handle({"do": "facts"})
    assert reply["error"] == "/x/journal: no space left on device"
    assert reply["exit_code"] == ExitCode.HOST_NOT_FIT


def test_an_error_comes_back_as_the_one_it_was() -> None:
    host = error_of({"error": "x", "exit_code": 3})
    usage = error_of({"error": "x", "exit_code": 2})
    assert isinstance(host, HostError)
    assert type(usage) is RedlineError
