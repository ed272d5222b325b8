"""A gateway: one host that answers requests, wherever it is.

    with open_gateway(host) as gateway:
        gateway.call("plan", cores={...}, wishes=[...])

What a request is, harness/tuning/service.py says. It is answered by the same code everywhere: here
in this process, in a namespace by a process that went there, on another machine by what was sent
along and is gone with the connection.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from harness.config.inventory import LOCAL, HostEntry
from harness.errors import ExitCode, HostError, RedlineError, printable
from harness.fleet.parcel import Parcel, our_parcel

Json = dict[str, Any]

CONNECT_S = 20.0  # to reach a host, be let in, start Python there and send the code
CALL_S = 60.0  # a request; those that measure say how long they take
RENEW_S = 10.0  # to be told that there is more time
MAX_LINES, MAX_LINE = 50, 400  # of what a host says of itself in an error


class Service(Protocol):
    """What answers: harness.tuning.service.Service, or what stands in for it."""

    def handle(self, request: Mapping[str, Any], /) -> Json: ...

    def close(self) -> None: ...


class Gateway(ABC):
    """One host. Any thread may call; one request is under way at a time.

    `deadline_s` is set while the host holds a tuning that it gives back by itself when it has not
    heard of us for so long.
    """

    def __init__(self, host: HostEntry) -> None:
        self.host = host
        self.deadline_s: float | None = None
        self._one_at_a_time = threading.RLock()
        self._quiet_until: float | None = None  # in time.monotonic()

    @property
    def name(self) -> str:
        return self.host.name

    @property
    def is_quiet(self) -> bool:
        """Whether nothing may be sent."""
        return self._quiet_until is not None

    def call(self, do: str, *, limit_s: float = CALL_S, **args: Any) -> Json:
        """The reply of the host, whose `ok` is true.

        RedlineError with the host's own sentence when it refuses; HostError when it cannot be
        reached, is lost, does not answer within `limit_s` seconds (it is given up then), or is in
        its quiet window. Every line starts with the host's name, but for this machine.
        """
        with self._one_at_a_time:
            self._refuse_in_quiet(do)
            if self.deadline_s is not None and limit_s > self.deadline_s / 3:
                # While it works for us, nobody can tell it that we are still there.
                self._ask({"do": "renew", "seconds": limit_s + self.deadline_s}, RENEW_S)
            return self._ask({"do": do, **args}, limit_s)

    def hush(self, seconds: float) -> None:
        """From now on nothing is sent until speak(); a deadline reaches beyond `seconds`."""
        with self._one_at_a_time:
            self._refuse_in_quiet("quiet")
            if self.deadline_s is not None:
                self._ask({"do": "renew", "seconds": seconds + self.deadline_s}, RENEW_S)
            self._quiet_until = time.monotonic() + seconds

    def speak(self) -> None:
        self._quiet_until = None

    def connect(self, limit_s: float = CONNECT_S) -> None:  # noqa: B027
        """To be done once, before the first call. HostError, one line, when it cannot be."""

    @abstractmethod
    def close(self) -> None:
        """What the host holds for us it gives back; nothing of us stays there. Idempotent."""

    def abandon(self) -> None:  # noqa: B027
        """Whoever connects, or waits for a reply, is told to stop; for another thread to call.

        The host notices that we are gone, and gives back by itself what it holds.
        """

    @abstractmethod
    def _exchange(self, request: Json, limit_s: float) -> object:
        """The reply as it came. HostError when there is none."""

    def _refuse_in_quiet(self, do: str) -> None:
        if self._quiet_until is not None:
            left = self._quiet_until - time.monotonic()
            more = f"for another {left:.1f} s" if left > 0 else "until what is measured there ends"
            raise self._error(f"is in its quiet window {more}: {do} is not sent")

    def _ask(self, request: Json, limit_s: float) -> Json:
        reply = self._exchange(request, limit_s)
        if isinstance(reply, dict) and reply.get("ok") is True:
            return reply
        raise self._refusal(reply)

    def _refusal(self, reply: object) -> RedlineError:
        """What a host says against a request; its words are not ours, so only printed as text."""
        said = reply if isinstance(reply, dict) else {}
        text, code = said.get("error"), said.get("exit_code")
        if not isinstance(text, str) or not text.strip():
            return self._error("answers with something that is no reply")
        lines = [line for line in text.splitlines() if line.strip()][:MAX_LINES]
        found = self._error(*lines)
        if code == ExitCode.HOST_NOT_FIT:
            return found
        error = RedlineError(str(found))
        if code in tuple(ExitCode):
            error.exit_code = ExitCode(code)
        return error

    def _error(self, *lines: str) -> HostError:
        start = "" if self.name == LOCAL else f"{self.name}: "
        return HostError("\n".join(start + printable(line)[:MAX_LINE] for line in lines))


class LocalGateway(Gateway):
    """This machine, asked in this process. Limits of time are the service's own."""

    def __init__(self, host: HostEntry, service: Service | None = None) -> None:
        super().__init__(host)
        if service is None:
            from harness.tuning.service import Service as Ours

            service = Ours()
        self._service = service

    def close(self) -> None:
        self._service.close()

    def _exchange(self, request: Json, limit_s: float) -> object:
        return self._service.handle(request)


def gateway_to(host: HostEntry, parcel: Parcel | None = None) -> Gateway:
    """The host, not connected yet. `parcel` is what is sent there, other than our own source."""
    if host.transport.kind == "local":
        return LocalGateway(host)
    # execnet costs some milliseconds that commands about this machine need not pay.
    from harness.fleet.remote import NetnsGateway
    from harness.fleet.ssh import SshGateway

    far = SshGateway if host.transport.kind == "ssh" else NetnsGateway
    return far(host, parcel or our_parcel())


@contextmanager
def open_gateway(host: HostEntry, *, limit_s: float = CONNECT_S) -> Iterator[Gateway]:
    """The host, connected. HostError, one line, when it cannot be reached in time."""
    gateway = gateway_to(host)
    try:
        gateway.connect(limit_s)
        yield gateway
    finally:
        gateway.close()
