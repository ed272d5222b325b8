"""All hosts are tuned, or none is: what stops arming, and that it gives back what was armed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fake_hosts import FakeGateway, Json, entry, fine, fleet_of

from harness.config.inventory import THIS_MACHINE
from harness.errors import HostError
from harness.fleet.fleet import APPLY_S

WISHES = {"wishes": [{"knob": "vm.swappiness", "value": 1}]}
BUILD = {"artifacts": {"build": "/opt/build"}}
ONE, OTHER = "1" * 64, "2" * 64


def failing(what: str) -> Any:
    def answer(request: Json) -> Json:
        if request["do"] == what:
            return {"ok": False, "error": f"no {what} here", "exit_code": 3}
        return restored(request)

    return answer


def restored(request: Json) -> Json:
    if request["do"] == "release":
        return {"ok": True, "restored": ["something"]}
    return fine(request)


def with_build(sha256: str | None) -> Any:
    def answer(request: Json) -> Json:
        if request["do"] == "hash":
            assert request["paths"] == {"build": "/opt/build"}
            return {"ok": True, "sha256": {"build": sha256}}
        return restored(request)

    return answer


def two(a: Any = restored, b: Any = restored, **more: Any) -> tuple[FakeGateway, FakeGateway]:
    return FakeGateway(entry("a", **more), a), FakeGateway(entry("b", **more), b)


def test_hosts_are_planned_armed_and_give_back() -> None:
    a, b = two()
    fleet = fleet_of(a, b)
    with fleet.armed({"a": WISHES, "b": WISHES}, title="quick") as replies:
        assert {name: reply["did"] for name, reply in replies.items()} == {
            "a": "apply",
            "b": "apply",
        }
    fleet.close()
    for gateway in (a, b):
        did = [one for one in gateway.did() if one != "renew"]
        assert did == ["plan", "apply", "release"]
        assert gateway.asked[1]["title"] == "quick"
    assert replies["b"]["restored"] == ["something"]


@pytest.mark.parametrize("what", ["plan", "apply", "renew"])
def test_one_host_that_fails_stops_arming_and_the_other_gives_back(what: str) -> None:
    a, b = two(b=failing(what))
    fleet = fleet_of(a, b)
    with pytest.raises(HostError, match=f"^b: no {what} here$"), fleet.armed({"a": {}, "b": {}}):
        pytest.fail("armed")
    fleet.close()
    assert a.did().count("apply") == a.did().count("release")
    assert ("apply" in a.did()) == (what != "plan")


def test_a_host_that_cannot_be_reached_stops_arming() -> None:
    a, b = two()
    b.unreachable = "no route"
    fleet = fleet_of(a, b)
    with pytest.raises(HostError, match=r"^b: no route$"), fleet.armed({"a": {}, "b": {}}):
        pytest.fail("armed")
    fleet.close()
    assert "apply" not in a.did()


def test_other_files_on_a_host_stop_arming_before_anything_is_planned() -> None:
    a, b = two(with_build(ONE), with_build(OTHER), **BUILD)
    fleet = fleet_of(a, b)
    fault = f"build is not the same everywhere: {'1' * 12} on a; {'2' * 12} on b"
    with pytest.raises(HostError, match=f"^{fault}$"), fleet.armed({"a": {}, "b": {}}):
        pytest.fail("armed")
    fleet.close()
    assert (a.did(), b.did()) == (["hash"], ["hash"])


def test_the_same_files_do_not() -> None:
    fleet = fleet_of(*two(with_build(ONE), with_build(ONE), **BUILD))
    with fleet.armed({"a": {}, "b": {}}) as replies:
        assert len(replies) == 2
    fleet.close()


def test_a_fault_in_the_block_gives_back_and_is_raised_as_it_is() -> None:
    a, _ = two()
    fleet = fleet_of(a)
    with pytest.raises(ZeroDivisionError), fleet.armed({"a": {}}):
        raise ZeroDivisionError
    fleet.close()
    assert a.did()[-1] == "release"


def test_an_interrupt_in_the_block_gives_back_and_the_replies_say_what() -> None:
    a, _ = two()
    fleet = fleet_of(a)
    with pytest.raises(KeyboardInterrupt), fleet.armed({"a": {}}) as replies:
        raise KeyboardInterrupt
    fleet.close()
    assert replies["a"]["restored"] == ["something"]


def test_a_host_that_does_not_give_back_is_told_of_and_the_others_do() -> None:
    a, b = two(a=failing("release"))
    fleet = fleet_of(a, b)
    with pytest.raises(HostError, match=r"^a: no release here$"), fleet.armed({"a": {}, "b": {}}):
        pass
    fleet.close()
    assert b.did()[-1] == "release"


def test_a_deadline_is_given_with_the_first_write_and_renewed() -> None:
    """A lost host puts itself back in time, and one that is not lost is not put back."""
    renewed = threading.Semaphore(0)

    def answer(request: Json) -> Json:
        if request["do"] == "renew":
            renewed.release()
        return restored(request)

    a, _ = two(a=answer)
    fleet = fleet_of(a)
    with fleet.armed({"a": {}}, deadline_s=0.06):
        for _ in range(4):
            assert renewed.acquire(timeout=10)
    fleet.close()
    apply = next(request for request in a.asked if request["do"] == "apply")
    assert apply["seconds"] == APPLY_S + 0.06
    seconds = {request["seconds"] for request in a.asked if request["do"] == "renew"}
    assert 0.06 in seconds


def test_a_host_that_is_lost_meanwhile_is_an_error_at_the_end() -> None:
    lost = threading.Event()

    def answer(request: Json) -> Json:
        if request["do"] == "renew" and len(a.asked) > 3:
            lost.set()
            raise HostError("a: the connection is lost")
        return restored(request)

    a, b = two(a=answer)
    fleet = fleet_of(a, b)
    with (
        pytest.raises(HostError, match=r"^a: the connection is lost$"),
        fleet.armed({"a": {}, "b": {}}, deadline_s=0.06),
    ):
        assert lost.wait(10)
    fleet.close()
    assert b.did()[-1] == "release"


def test_this_machine_has_no_deadline_of_ours() -> None:
    """Its guard sees us die; nothing needs to be renewed."""
    here = FakeGateway(THIS_MACHINE, restored)
    fleet = fleet_of(here)
    with fleet.armed({"local": {"seconds": 7.0}}):
        pass
    fleet.close()
    assert here.did() == ["plan", "apply", "release"]
    assert here.asked[1]["seconds"] == 7.0


def test_what_is_kept_is_not_given_back_and_has_the_deadline_that_was_asked_for() -> None:
    a, _ = two()
    fleet = fleet_of(a)
    with fleet.armed({"a": {"seconds": 9.0}}, keep=True):
        pass
    fleet.close()
    assert a.did() == ["plan", "apply"]
    assert a.asked[1] == {"do": "apply", "title": "", "seconds": 9.0, "keep": True}


def test_what_was_to_be_kept_is_restored_when_another_host_cannot_be_armed() -> None:
    a, b = two(b=failing("apply"))
    fleet = fleet_of(a, b)
    with pytest.raises(HostError, match="no apply"), fleet.armed({"a": {}, "b": {}}, keep=True):
        pytest.fail("armed")
    fleet.close()
    assert a.did() == ["plan", "apply", "restore"]


def test_what_was_kept_before_stays_when_another_host_cannot_be_armed() -> None:
    a, b = two(a=lambda request: fine(request) | {"already": True}, b=failing("apply"))
    fleet = fleet_of(a, b)
    with pytest.raises(HostError, match="no apply"), fleet.armed({"a": {}, "b": {}}, keep=True):
        pytest.fail("armed")
    fleet.close()
    assert a.did() == ["plan", "apply"]


def test_a_host_whose_time_was_over_is_told_to_give_back_all_the_same() -> None:
    """What it answers says what has become of it."""
    over = threading.Event()

    def answer(request: Json) -> Json:
        if request["do"] == "release":
            return {"ok": False, "error": "was not held until the end", "exit_code": 3}
        if request["do"] == "renew" and a.did().count("renew") > 1:
            over.set()
            return {"ok": False, "error": "the guard is gone", "exit_code": 3}
        return restored(request)

    a, _ = two(a=answer)
    fleet = fleet_of(a)
    with (
        pytest.raises(HostError, match=r"^a: the guard is gone\na: was not held until the end$"),
        fleet.armed({"a": {}}, deadline_s=0.03),
    ):
        assert over.wait(10)
    fleet.close()


def test_a_request_that_takes_long_is_given_the_time_first() -> None:
    """Nobody can be told anything while it works, and its deadline must not come meanwhile."""
    a, _ = two()
    fleet = fleet_of(a)
    with fleet.armed({"a": {}}, deadline_s=30.0):
        fleet.ask("verify", limit_s=300.0)
    fleet.close()
    i = a.did().index("verify")
    assert a.asked[i - 1] == {"do": "renew", "seconds": 330.0}
