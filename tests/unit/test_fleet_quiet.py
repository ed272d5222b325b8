"""Quiet windows: nothing is sent in one, and no deadline comes in one."""

from __future__ import annotations

import threading

import pytest
from fake_hosts import FakeGateway, Json, entry, fine, fleet_of

from harness.errors import HostError
from harness.fleet.quiet import quiet


def test_a_call_in_a_quiet_window_is_refused_and_not_sent() -> None:
    gateway = FakeGateway(entry("a"))
    with (
        quiet([gateway], 60.0),
        pytest.raises(
            HostError,
            match=r"^a: is in its quiet window for another [0-9.]+ s: status is not sent$",
        ),
    ):
        gateway.call("status")
    assert gateway.asked == []


def test_a_window_that_lasts_longer_than_said_stays_quiet() -> None:
    gateway = FakeGateway(entry("a"))
    with quiet([gateway], 0.0), pytest.raises(HostError, match="until what is measured there ends"):
        gateway.call("status")
    assert gateway.asked == []


def test_after_the_window_a_host_can_be_asked_again() -> None:
    gateway = FakeGateway(entry("a"))
    with pytest.raises(ZeroDivisionError), quiet([gateway], 60.0):
        raise ZeroDivisionError
    assert gateway.call("status")["ok"]


def test_a_deadline_reaches_beyond_the_window_before_it_begins() -> None:
    gateway = FakeGateway(entry("a"))
    gateway.deadline_s = 30.0
    with quiet([gateway], 100.0):
        assert gateway.asked == [{"do": "renew", "seconds": 130.0}]


def test_a_host_without_a_deadline_is_sent_nothing_at_all() -> None:
    gateway = FakeGateway(entry("a"))
    with quiet([gateway], 100.0):
        pass
    assert gateway.asked == []


def test_a_host_that_cannot_be_given_the_time_keeps_all_from_being_quiet() -> None:
    def refuses(request: Json) -> Json:
        return {"ok": False, "error": "nothing is held here", "exit_code": 3}

    first, second = FakeGateway(entry("a")), FakeGateway(entry("b"), refuses)
    second.deadline_s = 30.0
    with pytest.raises(HostError, match=r"^b: nothing is held here$"), quiet([first, second], 5.0):
        pytest.fail("quiet")
    assert not first.is_quiet
    assert first.call("status")["ok"]


def test_a_window_in_a_window_is_refused() -> None:
    gateway = FakeGateway(entry("a"))
    with quiet([gateway], 60.0):
        with pytest.raises(HostError, match="in its quiet window"), quiet([gateway], 1.0):
            pytest.fail("quiet")
        assert gateway.is_quiet


def test_a_quiet_fleet_does_not_even_connect() -> None:
    known, unknown = FakeGateway(entry("a")), FakeGateway(entry("b"))
    fleet = fleet_of(known, unknown)
    fleet.ask("facts", {"a": {}})
    with fleet.quiet(60.0):
        replies = fleet.ask("facts")
    fleet.close()
    assert "quiet window" in replies["a"]["error"]
    assert "quiet window" in replies["b"]["error"]
    assert (known.did(), unknown.n_connected) == (["facts"], 0)


def test_renewals_rest_in_the_window_and_go_on_after_it() -> None:
    renewed = threading.Event()

    def answer(request: Json) -> Json:
        if request["do"] == "renew":
            renewed.set()
        return fine(request)

    gateway = FakeGateway(entry("a"), answer)
    fleet = fleet_of(gateway)
    with fleet.armed({"a": {}}, deadline_s=0.03):
        with fleet.quiet(60.0):
            n_asked = len(gateway.asked)
            renewed.clear()
            assert not renewed.wait(0.1)  # ten times as long as one takes to come
            assert len(gateway.asked) == n_asked
        assert renewed.wait(10)
    fleet.close()
