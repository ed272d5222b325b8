"""Hosts that are not there: gateways that answer from a script and note what they were asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from harness.config.inventory import HostEntry, Transport
from harness.errors import HostError
from harness.fleet.fleet import Fleet
from harness.fleet.gateway import CONNECT_S, Gateway

Json = dict[str, Any]
Answer = Callable[[Json], Json]


def entry(name: str, **more: Any) -> HostEntry:
    """Not this machine, as far as a fleet can tell."""
    return HostEntry(name, Transport(netns=name), **more)


def fine(request: Json) -> Json:
    return {"ok": True, "did": request["do"]}


class FakeGateway(Gateway):
    """Answers with what `answer` makes of a request; `asked` has all of them."""

    def __init__(self, host: HostEntry, answer: Answer = fine, unreachable: str = "") -> None:
        super().__init__(host)
        self.answer = answer
        self.unreachable = unreachable
        self.asked: list[Json] = []
        self.n_connected = 0
        self.is_closed = False
        self.abandoned = threading.Event()

    def connect(self, limit_s: float = CONNECT_S) -> None:
        self.n_connected += 1
        if self.unreachable:
            raise HostError(f"{self.name}: {self.unreachable}")

    def close(self) -> None:
        self.is_closed = True

    def abandon(self) -> None:
        self.abandoned.set()

    def did(self) -> list[str]:
        return [request["do"] for request in self.asked]

    def _exchange(self, request: Json, limit_s: float) -> object:
        self.asked.append(request)
        return self.answer(request)


def fleet_of(*gateways: FakeGateway) -> Fleet:
    by_name = {gateway.name: gateway for gateway in gateways}
    return Fleet([gateway.host for gateway in gateways], lambda host: by_name[host.name])
