"""Several hosts at once: asked side by side, answered in the order of the inventory.

with open_fleet(find_hosts(["a", "b"])) as fleet:
    for name, reply in fleet.ask("facts").items(): ...
    with fleet.armed({"a": {...}, "b": {...}}, title="low-latency") as replies:
        ...                                   # all are tuned; restored when the block ends
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import Any

from harness.config.inventory import LOCAL, HostEntry
from harness.errors import ExitCode, HostError, RedlineError
from harness.fleet import same
from harness.fleet.gateway import CALL_S, RENEW_S, Gateway, gateway_to
from harness.fleet.quiet import quiet
from harness.fleet.renewals import Renewals

Json = dict[str, Any]
PerHost = Mapping[str, Mapping[str, Any]]
Make = Callable[[HostEntry], Gateway]

DEADLINE_S = 60.0  # a host that has not heard of us for so long puts itself back
APPLY_S = 120.0  # for all writes of a profile; a card may be without its link for some seconds
STOPPED_S = 10.0  # for what was abandoned to come to its end


class Fleet:
    """Hosts by name. Connections are made at the first request, side by side.

    For one thread; this machine is asked in it, because a tuning that is held there minds signals.
    `lost` says, while hosts are armed, which of them no longer hear of us, and what was seen.
    """

    def __init__(self, hosts: Sequence[HostEntry], make: Make = gateway_to) -> None:
        self.hosts = {host.name: host for host in hosts}
        self._make = make
        self._gateways: dict[str, Gateway] = {}
        self._unreachable: dict[str, RedlineError] = {}
        self._is_quiet = False
        self.lost: Mapping[str, RedlineError] = {}
        self._helpers = ThreadPoolExecutor(max(1, len(hosts)), thread_name_prefix="fleet")

    def ask(
        self, do: str, per_host: PerHost | None = None, *, limit_s: float = CALL_S
    ) -> dict[str, Json]:
        """A reply by host, in the order of the hosts; every host answers or is answered for.

        A host that fails does not stop the others: its reply is {"ok": False, "error": one line
        that starts with its name, "exit_code": int}, as the service itself writes one. With
        `per_host` only the hosts in it are asked, each with its own arguments.
        """

        def one(name: str) -> Json:
            args = {} if per_host is None else per_host[name]
            return self._connected(name).call(do, limit_s=limit_s, **args)

        return self._each(self._names(per_host), one)

    def require_same(self, per_host: PerHost | None = None) -> dict[str, str]:
        """The hash of each artifact that the hosts have in common; HostError when they differ."""
        hosts = [self.hosts[name] for name in self._names(per_host)]
        asked = {host.name: {"paths": dict(host.artifacts)} for host in hosts if host.artifacts}
        replies = self.ask("hash", asked)
        _require(replies)
        return same.require_same(hosts, replies)

    @contextmanager
    def armed(
        self,
        per_host: PerHost,
        *,
        title: str = "",
        keep: bool = False,
        deadline_s: float = DEADLINE_S,
    ) -> Iterator[dict[str, Json]]:
        """All hosts tuned for the block, by `apply` with these arguments each; or none is.

        Artifacts are compared and every host is planned first; what fails on one host is raised,
        a line each, and gives back what the others hold. Replies by host; after the block each
        has what its host has `restored`. HostError at the end for hosts that were lost meanwhile.

        Hosts that are not this machine have a dead-man deadline, renewed behind the scenes: one
        that loses us puts itself back. With `keep` nothing is given back when the block ends, and
        the only deadline is the `seconds` of a request.
        """
        names = self._names(per_host)
        self.require_same(per_host)
        planned = ("cores", "wishes")
        _require(
            self.ask("plan", {n: {k: per_host[n][k] for k in planned if k in per_host[n]}
                              for n in names})
        )  # fmt: skip
        renewals = Renewals(deadline_s)
        self.lost = renewals.lost
        holding: set[str] = set()

        def arm(name: str) -> Json:
            gateway, args = self._connected(name), {"title": title, **per_host[name], "keep": keep}
            is_watched = not keep and self.hosts[name].transport.kind != "local"
            if is_watched:
                args["seconds"] = APPLY_S + deadline_s
            reply = gateway.call("apply", limit_s=APPLY_S, **args)
            if not reply.get("already"):  # kept since an earlier command: not ours to give back
                holding.add(name)
            if is_watched:
                renewals.start(gateway)
            return reply

        replies: dict[str, Json] = {}
        try:
            replies |= self._each(names, arm)
            _require(replies)
        except BaseException:
            # What is kept is not ours any more to release, but nothing is to be kept yet.
            self._give_back(holding, replies, renewals, "restore" if keep else "release")
            raise
        if keep:
            yield replies
            return
        try:
            yield replies
        except BaseException:
            self._give_back(holding, replies, renewals, "release")
            raise
        faults = self._give_back(holding, replies, renewals, "release")
        if faults:
            raise HostError("\n".join(faults))

    @contextmanager
    def quiet(self, seconds: float) -> Iterator[None]:
        """Nothing is sent to any host in the block; their deadlines reach beyond `seconds`."""
        with quiet(list(self._gateways.values()), seconds):
            self._is_quiet = True
            try:
                yield
            finally:
                self._is_quiet = False

    def close(self) -> None:
        """End all connections; hosts give back what they still hold. HostError when one cannot."""
        ended = self._each(list(self._gateways), self._close)
        self._helpers.shutdown()
        _require(ended)

    def _give_back(
        self, holding: set[str], replies: dict[str, Json], renewals: Renewals, do: str
    ) -> list[str]:
        """A line for each host that was lost, or does not give back when told to."""
        renewals.stop()
        faults = [str(error) for error in renewals.lost.values()]

        def one(name: str) -> Json:
            gateway = self._gateways[name]
            if gateway.deadline_s is not None:
                with suppress(RedlineError):  # that it is too late shows in what it answers next
                    gateway.call("renew", limit_s=RENEW_S, seconds=CALL_S + gateway.deadline_s)
            gateway.deadline_s = None
            return gateway.call(do)

        told = [name for name in self.hosts if name in holding]
        for name, reply in self._each(told, one).items():
            replies.setdefault(name, {})["restored"] = reply.get("restored", [])
            if not reply["ok"]:
                faults.append(reply["error"])
        return list(dict.fromkeys(faults))

    def _close(self, name: str) -> Json:
        self._gateways[name].close()
        return {"ok": True}

    def _names(self, per_host: PerHost | None) -> list[str]:
        return [name for name in self.hosts if per_host is None or name in per_host]

    def _connected(self, name: str) -> Gateway:
        """The host's gateway. Who could not be reached once is not tried again."""
        if name in self._unreachable:
            raise self._unreachable[name]
        gateway = self._gateways.get(name)
        if gateway is None:
            if self._is_quiet:
                raise HostError(f"{name}: is not called in a quiet window")
            gateway = self._gateways[name] = self._make(self.hosts[name])
            try:
                gateway.connect()
            except RedlineError as error:
                self._unreachable[name] = error
                raise
        return gateway

    def _each(self, names: Sequence[str], work: Callable[[str], Json]) -> dict[str, Json]:
        """What `work` replies for each host, side by side; those that are not here in threads."""

        def one(name: str) -> Json:
            try:
                return {"ok": True} | work(name)
            except RedlineError as error:
                return self._failed(name, error)

        far = [name for name in names if self.hosts[name].transport.kind != "local"]
        under_way: dict[str, Future[Json]] = {}
        try:
            for name in far:
                under_way[name] = self._helpers.submit(one, name)
            done = {name: one(name) for name in names if name not in under_way}
            done |= {name: future.result() for name, future in under_way.items()}
        except BaseException:
            for name, future in under_way.items():
                if not future.cancel() and not future.done() and name in self._gateways:
                    self._gateways[name].abandon()
            wait(under_way.values(), STOPPED_S)
            raise
        return {name: done[name] for name in names}

    def _failed(self, name: str, error: RedlineError) -> Json:
        text = str(error)
        if name == LOCAL and len(self.hosts) > 1:  # among others this machine needs its name too
            text = "\n".join(f"{name}: {line}" for line in text.splitlines())
        return {"ok": False, "error": text, "exit_code": int(error.exit_code)}


@contextmanager
def open_fleet(hosts: Sequence[HostEntry], make: Make = gateway_to) -> Iterator[Fleet]:
    """The hosts, to be asked together; connections end with the block."""
    fleet = Fleet(hosts, make)
    try:
        yield fleet
    except BaseException:
        with suppress(RedlineError):
            fleet.close()
        raise
    fleet.close()


def _require(replies: Mapping[str, Json]) -> None:
    """The errors of all hosts that have failed, as one."""
    failed = [reply for reply in replies.values() if not reply["ok"]]
    text = "\n".join(reply["error"] for reply in failed)
    if any(reply["exit_code"] == ExitCode.HOST_NOT_FIT for reply in failed):
        raise HostError(text)
    if failed:
        raise RedlineError(text)
