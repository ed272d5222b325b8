"""FIX sessions from Python: events in, actions out, and nothing kept that is not needed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from engine import EngineError
from engine.session import (
    CAUSES,
    Action,
    Connected,
    Delivered,
    Disconnect,
    Disconnected,
    FixAcceptor,
    FixSession,
    LoggedOn,
    LoggedOut,
    Logout,
    Precision,
    Proceed,
    Received,
    Refusal,
    Refuse,
    Refused,
    Send,
    Sent,
    SessionConfig,
    Timer,
    cut,
)

NS = 1_000_000_000
NOW = 1_767_603_600 * NS
TIME = "20260105-09:00:00"


def message(
    type_: str, seq: int, body: str = "", *, time: str = TIME, sender: str = "YOU"
) -> bytes:
    fields = f"35={type_}|34={seq}|49={sender}|52={time}|56=US|{body}".replace("|", "\x01")
    whole = f"8=FIX.4.4\x019={len(fields)}\x01{fields}".encode()
    return whole + b"10=%03d\x01" % (sum(whole) % 256)


def acceptor(**more: object) -> FixSession:
    config = SessionConfig(begin_string="FIX.4.4", sender="US", target="YOU", **more)  # type: ignore[arg-type]
    return FixSession(config, now=NOW)


def logged_on(**more: object) -> FixSession:
    session = acceptor(**more)
    session.run(Connected(), NOW)
    session.run(Received(message("A", 1, "98=0|108=30|")), NOW)
    assert session.state == "logged on"
    return session


def sent(actions: list[Action]) -> list[bytes]:
    return [action.data for action in actions if isinstance(action, Sent)]


# --- events and actions ---


def test_a_logon_is_answered_and_told() -> None:
    session = acceptor()
    assert session.state == "away"
    assert session.run(Connected(), NOW) == []
    actions = session.run(Received(message("A", 1, "98=0|108=30|")), NOW)
    assert [type(action) for action in actions] == [Sent, LoggedOn]
    assert b"\x0149=US\x01" in sent(actions)[0]
    assert (session.next_out, session.next_in, session.heartbeat_s) == (2, 2, 30)
    assert session.deadline is not None
    assert session.deadline <= NOW + 30 * NS


def test_an_application_message_is_delivered_with_its_fields() -> None:
    session = logged_on()
    data = message("D", 2, "97=Y|11=a|58=text=with=signs|")
    heard: list[Delivered] = []
    session.run(Received(data), NOW, lambda m: heard.append(m) or [])  # type: ignore[func-returns-value]
    (order,) = heard
    assert order.data == data
    assert (order.type, order.seq, order.is_poss_resend, order.is_poss_dup) == ("D", 2, True, False)
    assert order.value(58) == b"text=with=signs"
    assert order.value(1) is None
    assert [tag for tag, _ in order.fields] == [8, 9, 35, 34, 49, 52, 56, 97, 11, 58, 10]


def test_a_message_counts_when_the_application_is_done_with_it() -> None:
    session = logged_on()
    session.step(Received(message("D", 2, "11=a|")), NOW)
    assert session.more
    assert session.next_in == 2
    actions = session.step(Send("8", b"37=x\x01"), NOW)
    assert b"\x0135=8\x01" in sent(actions)[0]
    session.step(Proceed(), NOW)
    assert not session.more
    assert session.next_in == 3


def test_the_application_may_refuse() -> None:
    session = logged_on()
    actions = session.run(
        Received(message("D", 2, "11=a|")), NOW, lambda m: [Refuse(Refusal.MISSING, 55)]
    )
    (answer,) = sent(actions)
    assert b"\x0135=j\x01" in answer
    assert b"\x01380=5\x01" in answer


def test_silence_is_met_with_a_heartbeat_a_question_and_the_end() -> None:
    session = logged_on()
    seen: list[str] = []
    for _ in range(20):
        if session.deadline is None:
            break
        for action in session.run(Timer(), session.deadline):
            if isinstance(action, Sent):
                seen.append(action.data.split(b"\x0135=")[1][:1].decode())
            elif isinstance(action, Disconnect):
                seen.append(CAUSES[action.cause])
                assert action.why == CAUSES[action.cause]
    assert seen[:2] == ["0", "1"]
    assert seen[-1] == "no message in time"
    assert session.state == "away"


def test_a_logout_is_said_and_waited_for() -> None:
    session = logged_on()
    (bye,) = sent(session.run(Logout("closing"), NOW))
    assert b"\x0158=closing\x01" in bye
    assert session.state == "logging out"
    actions = session.run(Received(message("5", 2)), NOW)
    assert {type(action) for action in actions} >= {LoggedOut, Disconnect}


def test_an_initiator_says_who_it_is() -> None:
    config = SessionConfig(
        begin_string="FIX.4.4",
        sender="US",
        target="YOU",
        is_initiator=True,
        heartbeat_s=7,
        sender_sub="desk",
        username="me",
        password="secret",
        precision=Precision.MICROS,
    )
    session = FixSession(config, now=NOW)
    (logon,) = sent(session.run(Connected(), NOW + 1500))
    for field in (b"50=desk", b"52=20260105-09:00:00.000001", b"108=7", b"553=me", b"554=secret"):
        assert b"\x01" + field + b"\x01" in logon


def test_what_happened_is_counted() -> None:
    session = logged_on()
    session.run(Received(b"garbage"), NOW)
    session.run(Received(message("1", 2, "112=x|")), NOW)
    counts = session.counts()
    assert (counts["in"], counts["out"], counts["garbled"]) == (2, 2, 1)


# --- what cannot be ---


def test_a_step_that_is_not_over_must_be_ended_first() -> None:
    session = logged_on()
    session.step(Received(message("D", 2, "11=a|")), NOW)
    with pytest.raises(ValueError, match="proceed first"):
        session.step(Timer(), NOW)
    with pytest.raises(ValueError, match="proceed first"):
        session.step(Received(message("D", 3, "11=b|")), NOW)
    session.step(Proceed(), NOW)
    with pytest.raises(ValueError, match="is over"):
        session.step(Proceed(), NOW)
    with pytest.raises(ValueError, match="nothing was delivered"):
        session.step(Refuse(Refusal.OTHER), NOW)


def test_time_does_not_go_back() -> None:
    session = logged_on()
    with pytest.raises(ValueError, match="time does not go back"):
        session.step(Timer(), NOW - 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"begin_string": "FIX.9.9"},
        {"sender": ""},
        {"target": "x" * 65},
        {"sender": "a\0b"},
        {"appl_ver_id": "77"},
        {"appl_ver_id": "x"},
        {"store_bytes": 1000},
        {"store_messages": 3},
        {"queue_messages": 3},
        {"queue_bytes": 1 << 31},
        {"max_message": 1},
        {"heartbeat_s": -1},
        {"heartbeat_s": 1 << 32},
        {"tolerance_s": 1 << 31},
    ],
)
def test_a_config_that_is_no_good_is_refused(wrong: dict[str, object]) -> None:
    given = {"begin_string": "FIX.4.4", "sender": "US", "target": "YOU", **wrong}
    with pytest.raises(ValueError, match=r"^\w+: \S+"):
        FixSession(SessionConfig(**given), now=NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("type_", "body"),
    [("8", b"37"), ("8", b"37=x"), ("", b"37=x\x01"), ("0", b""), ("8", b"58=" + b"x" * 20_000)],
)
def test_what_is_no_application_message_is_not_sent(type_: str, body: bytes) -> None:
    session = logged_on()
    with pytest.raises(EngineError, match="not sent"):
        session.step(Send(type_, body), NOW)
    assert session.next_out == 2


def test_a_message_beyond_a_megabyte_is_refused() -> None:
    session = logged_on()
    with pytest.raises(ValueError, match="1 MiB"):
        session.step(Received(b"8" * ((1 << 20) + 1)), NOW)
    with pytest.raises(ValueError, match="1 MiB"):
        session.step(Send("8", b"8" * ((1 << 20) + 1)), NOW)


# --- the acceptor, and frames ---


def test_the_first_message_finds_its_session() -> None:
    mine, other = (
        acceptor(),
        FixSession(SessionConfig(begin_string="FIX.4.4", sender="US", target="THEM"), now=NOW),
    )
    both = FixAcceptor([other, mine])
    assert both.admit(message("A", 1, "98=0|108=30|")) is mine


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (message("A", 1, "98=0|108=30|", sender="NOBODY"), "no such session"),
        (message("0", 1), "the first message is no Logon"),
        (b"garbage", "a Logon that is no good"),
    ],
)
def test_a_stranger_is_refused_with_a_reason(first: bytes, why: str) -> None:
    refused = FixAcceptor([acceptor()]).admit(first)
    assert isinstance(refused, Refused)
    assert (refused.why, CAUSES[refused.cause]) == (why, why)


def test_who_is_connected_cannot_connect_again() -> None:
    session = logged_on()
    refused = FixAcceptor([session]).admit(message("A", 1, "98=0|108=30|"))
    assert isinstance(refused, Refused)
    assert refused.why == "the session is connected already"


def test_two_sessions_of_the_same_names_cannot_be() -> None:
    with pytest.raises(ValueError, match="these names"):
        FixAcceptor([acceptor(), acceptor()])


def test_an_initiator_does_not_accept() -> None:
    with pytest.raises(ValueError, match="initiator"):
        FixAcceptor([acceptor(is_initiator=True)])


def test_bytes_are_cut_into_messages() -> None:
    one = message("0", 2)
    assert cut(one + one) == ("ok", len(one))
    assert cut(one[:-1]) == ("partial", 0)
    assert cut(b"junk" + one) == ("garbled", 4)
    assert cut(b"") == ("partial", 0)


# --- memory ---


N_CALLS = 500


def leaves(call: Callable[[], object]) -> int:
    """Blocks that so many calls leave behind; the least of three tries."""
    for _ in range(20):
        call()
    least = sys.maxsize
    for _ in range(3):
        gc.collect()
        before = sys.getallocatedblocks()
        for _ in range(N_CALLS):
            call()
        gc.collect()
        least = min(least, sys.getallocatedblocks() - before)
    return least


def refused(call: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        try:
            call()
        except (ValueError, TypeError, OSError):
            return
        raise AssertionError("was not refused")

    return run


def test_nothing_is_kept_of_sessions_and_steps() -> None:
    session = logged_on()
    core = session.core
    data = message("D", 2, "11=a|")
    lives = FixSession(SessionConfig(begin_string="FIX.4.4", sender="US", target="YOU"), now=NOW)

    again = FixSession(lives.config, now=NOW)

    def life() -> None:
        one = FixSession(lives.config, now=NOW)
        accepting = FixAcceptor([one])
        accepting.admit(message("A", 1, "98=0|108=30|"))
        one.run(Connected(), NOW)
        one.run(Received(message("A", 1, "98=0|108=30|")), NOW)
        one.run(Received(data), NOW, lambda m: [Send("8", b"37=x\x01")])
        one.run(Disconnected(), NOW)

    calls: list[Callable[[], object]] = [
        life,
        lambda: (core.state, core.more, core.deadline, core.next, core.why, core.counts),
        lambda: session.run(Timer(), NOW),
        lambda: session.run(Received(b"garbage"), NOW),
        lambda: cut(data),
        refused(lambda: core.proceed(NOW)),
        refused(lambda: core.message(NOW, "text")),  # type: ignore[arg-type]
        refused(lambda: core.message(-1, b"")),
        refused(lambda: core.send(NOW, "8", b"37", b"")),
        refused(lambda: core.refuse(NOW, 0, -1, None)),
        refused(lambda: FixAcceptor([lives, again])),
        refused(lambda: FixAcceptor([]).core.add(core.next)),  # type: ignore[arg-type]
        refused(lambda: type(core)(names=(), numbers=(), dictionary=None)),
        refused(lambda: FixSession(SessionConfig(begin_string="x", sender="", target=""), now=0)),
    ]
    # A leak is a block a call at least; caches of the interpreter come and go.
    assert [kept for kept in map(leaves, calls) if kept > N_CALLS // 4] == []


@pytest.mark.usefixtures("counted_blocks")
def test_what_is_kept_would_be_seen() -> None:
    kept: list[object] = []
    assert leaves(lambda: kept.append(object())) >= N_CALLS
