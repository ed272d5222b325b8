"""The dead-man deadlines of hosts, renewed while we live and can be heard.

A host that holds a tuning for us puts itself back at its deadline. It is told thrice in that time
that we are still there; but not in a quiet window, before which it was given enough time.
"""

from __future__ import annotations

import threading

from harness.errors import RedlineError
from harness.fleet.gateway import RENEW_S, Gateway

LOOKS = 3  # in the time of a deadline: one may fail to get through


class Renewals:
    """A thread a host. `lost` says by host what kept us from renewing: its tuning is gone."""

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.lost: dict[str, RedlineError] = {}
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, gateway: Gateway) -> None:
        """From now on the host has this deadline. HostError when it cannot be given one."""
        self._renew(gateway)
        gateway.deadline_s = self.deadline_s
        name = f"deadline of {gateway.name}"
        thread = threading.Thread(target=self._run, args=(gateway,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Nothing is renewed any more. Waits for a renewal that is under way, RENEW_S at most."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _run(self, gateway: Gateway) -> None:
        while not self._ending.wait(self.deadline_s / LOOKS):
            if gateway.is_quiet:
                continue
            try:
                self._renew(gateway)
            except RedlineError as error:
                if gateway.is_quiet:
                    continue  # the window was opened between two looks
                self.lost[gateway.name] = error
                return

    def _renew(self, gateway: Gateway) -> None:
        limit_s = min(RENEW_S, self.deadline_s / LOOKS)
        gateway.call("renew", limit_s=limit_s, seconds=self.deadline_s)
