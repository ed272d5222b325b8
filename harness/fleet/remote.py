"""Hosts at the far end of a connection, by execnet; and the nearest of them, a namespace here."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
import time
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import execnet
from execnet import gateway_bootstrap, gateway_io
from execnet.gateway_base import get_execmodel

from harness.bench import namespaces
from harness.config.inventory import HostEntry
from harness.errors import HostError
from harness.fleet import far_end
from harness.fleet.gateway import CONNECT_S, Gateway, Json
from harness.fleet.parcel import Parcel
from harness.fleet.wire import Start, Wire, start_child
from harness.tuning import rights
from harness.tuning.state import STATE_DIR, STATE_VARIABLE

# Nothing of a far machine's user, site or environment is imported, and no .pyc is left there.
ISOLATED = "-ISB"
IDLE_S = 3600.0  # a host that holds nothing for us waits so long for the next request
LATE_S = 30.0  # beyond a deadline, until a host stops waiting for who has set it
ENDED_S = 30.0  # for a far end to give back what it holds
SAID_S = 1.0  # for the last words of a connection that has ended
HANDS_OFF_S = 5.0  # for a process that is to end, and execnet's thread that reads from it

SOURCE = Path(far_end.__file__).read_text(encoding="utf-8")


class RemoteGateway(Gateway):
    """A far end that runs what was sent to it."""

    def __init__(self, host: HostEntry, parcel: Parcel) -> None:
        super().__init__(host)
        self._parcel = parcel
        self._wire: Wire | None = None
        self._execnet: execnet.Gateway | None = None
        self._channel: execnet.Channel | None = None
        self._connect_s = CONNECT_S
        self._why_lost: str | None = None
        self._is_closed = False
        self._n_sent = 0

    def connect(self, limit_s: float = CONNECT_S) -> None:
        self._connect_s = limit_s
        until = time.monotonic() + limit_s
        spec = self._spec()
        args = gateway_io.ssh_args(spec) if spec.ssh else gateway_io.popen_args(spec)
        try:
            wire = self._wire = Wire(args, get_execmodel("thread"), self._start())
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise self._error(f"{self._cannot()}: {args[0]}: {why}") from None
        try:
            self._bring_to_life(wire, spec, until)
        except execnet.RemoteError as error:
            raise self._error(f"{self._cannot()}: {_last_line(str(error))}") from None
        except (OSError, EOFError, AssertionError, gateway_bootstrap.HostNotFound):
            why = self._why_lost or self._diagnosis(wire, until)
            raise self._error(f"{self._cannot()}: {why}") from None

    def close(self) -> None:
        if self._is_closed or self._wire is None:
            return
        refused = None
        if self._why_lost is None and self._channel is not None:
            with contextlib.suppress(HostError):  # lost: it gives back by itself
                reply = self._exchange({"do": far_end.BYE}, ENDED_S)
                refused = None if reply == {"ok": True} else self._refusal(reply)
        self._is_closed = True
        self._end(self._wire)
        if refused is not None:
            raise refused

    def abandon(self) -> None:
        self._why_lost = self._why_lost or "given up"
        if self._wire is not None:
            self._wire.kill()

    @abstractmethod
    def _spec(self) -> execnet.XSpec:
        """As execnet names the interpreter at the far end."""

    def _start(self) -> Start:
        return start_child

    @abstractmethod
    def _python(self) -> str:
        """The program that is to be Python there."""

    @abstractmethod
    def _cannot(self) -> str:
        """The start of a sentence about a host that cannot be reached."""

    def _state(self) -> str | None:
        """Where the far end keeps its state, when that is not for it to say."""
        return None

    def _bring_to_life(self, wire: Wire, spec: execnet.XSpec, until: float) -> None:
        """Python, then our far end in it, then our source; whatever can go wrong is raised."""
        wire.deadline = until
        if self._why_lost:
            wire.kill()  # given up before there was anything to kill
        # It answers an end of file with a gateway that cannot be used: the next line fails.
        self._execnet = gateway_bootstrap.bootstrap(wire, spec)
        channel = self._execnet.remote_exec(SOURCE)
        self._hear(channel, until)
        channel.send(json.dumps({"state": self._state()}))
        channel.send(self._parcel.data)
        self._hear(channel, until)
        wire.deadline = None
        self._channel = channel

    def _hear(self, channel: execnet.Channel, until: float) -> None:
        """One word of the far end on its way to be of use; HostError with what it says against."""
        text = channel.receive(max(0.1, until - time.monotonic()))
        try:
            reply = json.loads(text)
        except (ValueError, TypeError):
            reply = None
        if not isinstance(reply, dict) or reply.get("ok") is not True:
            raise self._refusal(reply)

    def _exchange(self, request: Json, limit_s: float) -> object:
        wire, channel = self._wire, self._channel
        if self._is_closed or self._why_lost or wire is None or channel is None:
            raise self._error(self._why_lost or "the connection is closed")
        self._n_sent += 1
        text = json.dumps({"id": self._n_sent, "wait_s": _patience(request), "request": request})
        try:
            channel.send(text)
            return _reply_to(channel, self._n_sent, limit_s)
        except execnet.TimeoutError:
            why = f"does not answer {request['do']} within {limit_s:g} s: given up"
        except execnet.RemoteError as error:
            why = f"the far end has failed: {_last_line(str(error))}"
        except (OSError, EOFError):
            why = f"the connection is lost{_last_words(wire)}"
        except (ValueError, TypeError, KeyError):
            why = "answers with something that is no reply"
        self._why_lost = self._why_lost or why + self._what_then()
        wire.kill()
        raise self._error(self._why_lost)

    def _what_then(self) -> str:
        if self.deadline_s is None:
            return ""
        return "; what it holds for us it puts back by itself, at its deadline at the latest"

    def _diagnosis(self, wire: Wire, until: float) -> str:
        """Why there is no connection, by what the child said last."""
        if time.monotonic() >= until:
            return f"no answer within {self._connect_s:g} s"
        greeting = "" if self._execnet else wire.greeting(SAID_S)
        if greeting:
            return f"something else than Python answers: {greeting!r}"
        status = wire.wait(SAID_S)
        wire.heard_all(SAID_S)
        said = wire.said()
        if said:
            return self._explain(said, status)
        return f"ended without a word (status {status})"

    def _explain(self, said: Sequence[str], status: int | None) -> str:
        if said[-1].startswith("SyntaxError"):
            return "Python there is too old to read what it is sent; it takes 3.11 or newer"
        return f"{self._python()} does not start as Python does: {said[-1]}"

    def _end(self, wire: Wire) -> None:
        wire.close_write()
        if self._why_lost is None and self._channel is not None:
            wire.wait(HANDS_OFF_S)
        wire.kill()
        wire.stop_reading()
        if self._execnet is not None:
            self._execnet.join(HANDS_OFF_S)
        wire.end()


class NetnsGateway(RemoteGateway):
    """A process of this machine in a namespace, with the /sys of that namespace."""

    def _spec(self) -> execnet.XSpec:
        spec = execnet.XSpec(f"popen//id={self.name}//execmodel=thread")
        # execnet takes it apart as a shell would.
        spec.python = f"{shlex.quote(self._python())} {ISOLATED}"
        return spec

    def _start(self) -> Start:
        place = namespaces.RUN_DIR / str(self.host.transport.netns)
        why = rights.why_not(rights.ENTER)
        if why is not None:
            raise self._error(f"{self._cannot()}: {why}")
        if not namespaces.is_namespace(place):
            raise self._error(f"{self._cannot()}: there is none of that name in {place.parent}")
        return lambda args: namespaces.inside_with_sysfs(place, lambda: start_child(args))

    def _python(self) -> str:
        return self.host.python or sys.executable

    def _cannot(self) -> str:
        return f"cannot go to the network namespace {self.host.transport.netns}"

    def _state(self) -> str | None:
        """Its own: by the same name an interface is another one there."""
        ours = os.environ.get(STATE_VARIABLE) or str(STATE_DIR)
        return f"{ours}/netns/{self.host.transport.netns}"


def _reply_to(channel: execnet.Channel, number: int, limit_s: float) -> object:
    """Replies to requests that somebody was interrupted waiting for come first."""
    until = time.monotonic() + limit_s
    while True:
        text = channel.receive(max(0.001, until - time.monotonic()))
        if not isinstance(text, str) or len(text) > far_end.MAX_CHARS:
            raise ValueError("not a text of the length of a reply")
        answer = json.loads(text)
        if answer["id"] == number:
            return answer["reply"]


def _last_words(wire: Wire) -> str:
    wire.wait(SAID_S)
    wire.heard_all(SAID_S)
    said = wire.said()
    return f" ({said[-1]})" if said else ""


def _patience(request: Json) -> float:
    """How long a far end waits for what follows a request: what it holds has a deadline."""
    seconds = request.get("seconds")
    if request["do"] not in ("apply", "renew") or request.get("keep") or seconds is None:
        return IDLE_S
    return float(seconds) + LATE_S


def _last_line(traceback: str) -> str:
    """What a traceback of Python ends with: the error itself."""
    return ([line for line in traceback.splitlines() if line.strip()] or ["?"])[-1].strip()
