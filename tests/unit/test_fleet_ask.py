"""Several hosts asked at once: an order that stays, and failures that stay with their host."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fake_hosts import FakeGateway, Json, entry, fine, fleet_of

from harness.config.inventory import THIS_MACHINE
from harness.errors import ExitCode, HostError
from harness.fleet.fleet import Fleet, open_fleet
from harness.fleet.gateway import LocalGateway


def refusing(request: Json) -> Json:
    return {"ok": False, "error": "this host is in use\nby somebody", "exit_code": 3}


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_replies_come_in_the_order_of_the_hosts_not_of_the_answers() -> None:
    second_was_asked = threading.Event()

    def slow(request: Json) -> Json:
        assert second_was_asked.wait(10)
        return fine(request)

    def fast(request: Json) -> Json:
        second_was_asked.set()
        return fine(request)

    fleet = fleet_of(FakeGateway(entry("a"), slow), FakeGateway(entry("b"), fast))
    assert list(fleet.ask("facts")) == ["a", "b"]
    fleet.close()


def test_a_host_that_cannot_be_reached_does_not_stop_the_others() -> None:
    dead = FakeGateway(entry("a"), unreachable="cannot be reached by ssh")
    fleet = fleet_of(dead, FakeGateway(entry("b")))
    replies = fleet.ask("facts")
    fleet.close()
    assert replies["a"] == {
        "ok": False,
        "error": "a: cannot be reached by ssh",
        "exit_code": ExitCode.HOST_NOT_FIT,
    }
    assert replies["b"]["ok"]


def test_who_could_not_be_reached_is_not_tried_again() -> None:
    dead = FakeGateway(entry("a"), unreachable="no route")
    fleet = fleet_of(dead)
    assert fleet.ask("facts") == fleet.ask("plan")
    fleet.close()
    assert dead.n_connected == 1


def test_a_refusal_has_the_hosts_own_words_and_its_name_in_each_line() -> None:
    fleet = fleet_of(FakeGateway(entry("a"), refusing))
    reply = fleet.ask("apply")["a"]
    fleet.close()
    assert reply["error"] == "a: this host is in use\na: by somebody"
    assert reply["exit_code"] == ExitCode.HOST_NOT_FIT


def test_only_the_hosts_that_are_named_are_asked_each_with_its_own() -> None:
    a, b = FakeGateway(entry("a")), FakeGateway(entry("b"))
    fleet = fleet_of(a, b)
    assert list(fleet.ask("plan", {"b": {"cores": {"hot": "1"}}})) == ["b"]
    fleet.close()
    assert a.asked == []
    assert b.asked == [{"do": "plan", "cores": {"hot": "1"}}]


@pytest.mark.parametrize(
    "answer",
    [None, [], "text", {}, {"ok": 1}, {"ok": False}, {"ok": False, "error": 7}, {"ok": "true"}],
)
def test_an_answer_that_is_no_reply_is_one_line(answer: object) -> None:
    fleet = fleet_of(FakeGateway(entry("a"), lambda request: answer))  # type: ignore[arg-type, return-value]
    reply = fleet.ask("facts")["a"]
    fleet.close()
    assert reply["error"] == "a: answers with something that is no reply"


@pytest.mark.parametrize("code", [0, "3", None, [], 999])
def test_the_words_of_a_host_do_not_command_the_terminal(code: object) -> None:
    def hostile(request: Json) -> Json:
        return {"ok": False, "error": "\x1b[2J" + "x" * 5000, "exit_code": code}

    fleet = fleet_of(FakeGateway(entry("a"), hostile))
    reply = fleet.ask("facts")["a"]
    fleet.close()
    assert reply["error"].startswith("a: \\x1b[2Jxxx")
    assert len(reply["error"]) < 500


def test_this_machine_is_asked_in_the_callers_thread() -> None:
    """A tuning that is held here minds signals, and those are for the main thread."""
    asked_in: list[str] = []

    class Here:
        def handle(self, request: object) -> Json:
            asked_in.append(threading.current_thread().name)
            return {"ok": True}

        def close(self) -> None:
            asked_in.append(threading.current_thread().name)

    fleet = Fleet([THIS_MACHINE], lambda host: LocalGateway(host, Here()))
    fleet.ask("facts")
    fleet.close()
    assert asked_in == [threading.current_thread().name] * 2


def test_this_machine_alone_needs_no_name_in_its_errors() -> None:
    fleet = Fleet([THIS_MACHINE], lambda host: FakeGateway(host, refusing))
    assert fleet.ask("apply")["local"]["error"] == "this host is in use\nby somebody"
    fleet.close()


def test_this_machine_among_others_has_its_name_in_its_errors() -> None:
    fleet = fleet_of(FakeGateway(THIS_MACHINE, refusing), FakeGateway(entry("b")))
    assert fleet.ask("apply")["local"]["error"].startswith("local: this host is in use")
    fleet.close()


def test_an_interrupt_gives_up_those_that_have_not_answered() -> None:
    slow = FakeGateway(entry("a"))

    def until_abandoned(request: Json) -> Json:
        assert slow.abandoned.wait(10)
        raise HostError("a: given up")

    slow.answer = until_abandoned

    def interrupted(request: Json) -> Json:
        raise KeyboardInterrupt

    fleet = fleet_of(slow, FakeGateway(THIS_MACHINE, interrupted))
    with pytest.raises(KeyboardInterrupt):
        fleet.ask("facts")
    assert slow.abandoned.is_set()
    fleet.close()


def test_every_connection_ends_with_the_fleet_also_after_an_error() -> None:
    gateways = [FakeGateway(entry("a")), FakeGateway(entry("b"))]
    made = {gateway.name: gateway for gateway in gateways}

    def ask_and_fail() -> None:
        with open_fleet([one.host for one in gateways], lambda host: made[host.name]) as fleet:
            fleet.ask("facts")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask_and_fail()
    assert all(gateway.is_closed for gateway in gateways)
