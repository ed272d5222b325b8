"""A bench of two ports of this machine that are joined by a cable.

In one namespace the kernel would hand frames from one port to the other by itself: the cable would
stay dark. So each goes into a namespace of its own, and comes back afterwards.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.bench import journal, links, moved, namespaces
from harness.bench.links import Plug
from harness.bench.netns import End, Line, refusals_explained
from harness.errors import HostError
from harness.tuning import management
from harness.tuning.stopping import ended_as_interrupted, held_signals

CARRIER_S = 10.0  # two ports that negotiate their speed take some seconds
ROLES = ("rig", "engine")
ADDRESSES = ("10.83.0.1", "10.83.0.2")


@contextmanager
def cable_bench(a: str, b: str) -> Iterator[Line]:
    """Interface `a` as the rig's end and `b` as the engine's, each in a namespace of its own.

    They keep their MACs and offloads. Afterwards both are back with their addresses, routes and
    state; harness.bench.leftovers sees to it when this process is killed. HostError for an
    interface that must not be touched, cannot be borrowed, or has no carrier.
    """
    _check(a, b)
    bench_id = journal.new_id()
    names = [journal.namespace_name(bench_id, role) for role in ROLES]
    entry: journal.Entry | None = None
    with ended_as_interrupted():
        try:
            with held_signals(), refusals_explained():
                borrowed = [moved.look(one, name) for one, name in zip((a, b), names, strict=True)]
                entry = journal.record(bench_id, names, borrowed)
                paths = [namespaces.make(name) for name in names]
                for one, path in zip(borrowed, paths, strict=True):
                    links.prepare_namespace(path)
                    moved.send_away(one, bench_id)
            with refusals_explained():  # may wait for the carrier: that can be interrupted
                line = _line(borrowed, paths)
            yield line
        finally:
            if entry is not None and entry.owner.pid == os.getpid():
                with held_signals():
                    journal.undo(entry)


def _check(a: str, b: str) -> None:
    network = management.read()
    management.check((a, b), network)
    if a == b:
        raise HostError(f"{a}: a cable has two ends")
    by_name = {link.name: link for link in network.links}
    for name in (a, b):
        one = by_name[name]
        for other in network.links:
            if one.master == other.index:
                raise HostError(f"{name}: is a port of {other.name}: take it out first")
            if other.lower == one.index and other.kind != "veth":
                raise HostError(f"{name}: {other.name} lies upon it: remove that first")
            if other.master == one.index:
                raise HostError(f"{name}: {other.name} is a port of it: not an interface to borrow")


def _line(borrowed: list[moved.Moved], paths: list[Path]) -> Line:
    plugs = [
        Plug(
            netns=path,
            interface=own.interface,
            mac=own.mac,
            ip=ip,
            peer_ip=peer_ip,
            peer_mac=peer.mac,
        )
        for own, peer, path, ip, peer_ip in zip(
            borrowed, borrowed[::-1], paths, ADDRESSES, ADDRESSES[::-1], strict=True
        )
    ]
    index = links.set_up(plugs, CARRIER_S, keep_offloads=True)
    rig, engine = (
        End(
            netns=plug.netns,
            interface=plug.interface,
            mac=plug.mac,
            ifindex=index[plug],
            ip=plug.ip,
        )
        for plug in plugs
    )
    return Line(rig, engine)
