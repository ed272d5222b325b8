"""The far end: what it answers, what ends it, and that an old Python can say that it is old."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.fleet import far_end

SOURCE = Path(far_end.__file__).read_text()
FOREVER = 3600.0


class Channel:
    """As execnet gives one to the far end; what is sent to it comes in this order, then silence."""

    class TimeoutError(OSError):
        pass

    def __init__(self, come: Sequence[object], at_the_end: type[Exception] = EOFError) -> None:
        self.come = deque(come)
        self.at_the_end = at_the_end
        self.waited: list[float] = []
        self.sent: list[Any] = []

    def receive(self, limit_s: float) -> object:
        self.waited.append(limit_s)
        if not self.come:
            raise self.at_the_end
        return self.come.popleft()

    def send(self, text: str) -> None:
        self.sent.append(json.loads(text))


class Service:
    def __init__(self, reply: object = None) -> None:
        self.reply = reply or {"ok": True}

    def handle(self, request: dict[str, Any]) -> object:
        if request["do"] == "fail":
            raise KeyError("a bug")
        return self.reply


def envelope(do: str, *, number: int = 1, wait_s: float = FOREVER) -> str:
    return json.dumps({"id": number, "wait_s": wait_s, "request": {"do": do}})


def test_a_request_is_answered_by_its_number() -> None:
    channel = Channel([envelope("x", number=7)])
    far_end.answer(channel, Service())
    assert channel.sent == [{"id": 7, "reply": {"ok": True}}]


@pytest.mark.parametrize("end", [EOFError, Channel.TimeoutError])
def test_the_end_of_a_connection_and_silence_end_it(end: type[Exception]) -> None:
    channel = Channel([envelope("x", wait_s=9.0)], end)
    far_end.answer(channel, Service())
    assert channel.waited == [far_end.FIRST_WAIT_S, 9.0]


def test_a_goodbye_ends_it_and_is_answered_when_all_is_given_back() -> None:
    channel = Channel([envelope(far_end.BYE, number=3), envelope("x")])
    assert far_end.answer(channel, Service()) == 3
    assert channel.sent == []


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", "7", '{"id": "x", "wait_s": 1, "request": {}}', '{"id": 1, "wait_s": 1}'],
)
def test_who_speaks_otherwise_is_not_answered(text: str) -> None:
    channel = Channel([text, envelope("x")])
    far_end.answer(channel, Service())
    assert channel.sent == []


def test_a_request_that_is_too_long_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_end, "MAX_CHARS", 10)
    channel = Channel([envelope("x")])
    far_end.answer(channel, Service())
    assert channel.sent == []


def test_a_reply_that_is_too_long_is_an_error_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Channel([envelope("x")])
    monkeypatch.setattr(far_end, "MAX_CHARS", 200)
    far_end.answer(channel, Service({"ok": True, "text": "x" * 300}))
    assert "too long to send" in channel.sent[0]["reply"]["error"]


def test_a_defect_over_there_is_a_reply_in_one_line() -> None:
    channel = Channel([envelope("fail"), envelope("x")])
    far_end.answer(channel, Service())
    assert channel.sent[0]["reply"] == {
        "ok": False,
        "error": "fail fails there: KeyError: 'a bug'",
        "exit_code": 1,
    }
    assert channel.sent[1]["reply"] == {"ok": True}


def test_a_python_that_is_too_old_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_end, "NEEDS", (9, 0))
    channel = Channel([])
    far_end.serve(channel)
    (reply,) = channel.sent
    here = ".".join(map(str, sys.version_info[:3]))
    assert reply["error"] == f"Python there is {here}; it takes 3.11 or newer"


@pytest.mark.parametrize("version", [(3, 7), (3, 8), (3, 10)])
def test_a_python_that_is_too_old_can_read_it(version: tuple[int, int]) -> None:
    ast.parse(SOURCE, feature_version=version)


def test_it_needs_the_standard_library_alone() -> None:
    command = [sys.executable, "-ISB", "-c", SOURCE]
    subprocess.run(command, check=True, timeout=30, cwd="/")


def test_what_was_sent_is_in_memory_and_cannot_be_changed() -> None:
    path = far_end.in_memory(b"source")
    fd = int(path.rpartition("/")[2])
    try:
        assert Path(path).read_bytes() == b"source"
        assert str(Path(path).readlink()) == "/memfd:redline (deleted)"
        with pytest.raises(PermissionError):
            os.write(fd, b"x")
    finally:
        os.close(fd)
