"""The lines of a scenario's bench, made for the run and taken away after it, whatever happens."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from harness.bench.netns import End, Line
from harness.bench.plan import EndPlan, LinePlan
from harness.config.bench import LINES, Bench, CableBench, NetnsBench, NetPort, ShmBench


def require_rights(bench: Bench, ports: Collection[NetPort]) -> None:
    """HostError that names a capability which the lines of a bench, or ports on them, lack here."""
    from harness.tuning import rights

    if isinstance(bench, ShmBench):
        return
    own = {"afpacket": rights.AFPACKET, "afxdp": rights.AFXDP}
    wanted = [need for port, need in own.items() if port in ports]
    rights.require(rights.BENCH, rights.ENTER, *wanted)


@contextmanager
def lines_of(bench: Bench) -> Iterator[Mapping[str, LinePlan]]:
    """Market data and orders, each with the rig at one end and the engine at the other.

    Shared memory has none: its cables lie in the measuring process. HostError for what this host or
    this user may not do, and for an interface that must not be touched.
    """
    with ExitStack() as stack:
        yield {name: _plan(line) for name, line in _lines(bench, stack).items()}


def _lines(bench: Bench, stack: ExitStack) -> Mapping[str, Line]:
    match bench:
        case ShmBench():
            return {}
        case NetnsBench():
            from harness.bench.netns import netns_bench

            return stack.enter_context(netns_bench(lines=LINES)).lines
        case CableBench():
            from harness.bench.cable import cable_bench

            cables = {"market": bench.market, "orders": bench.orders}
            return {
                name: stack.enter_context(cable_bench(rig, engine))
                for name, (rig, engine) in cables.items()
            }


def _plan(line: Line) -> LinePlan:
    return LinePlan(rig=_end(line.rig), engine=_end(line.engine))


def _end(end: End) -> EndPlan:
    return EndPlan(
        netns=str(end.netns),
        interface=end.interface,
        mac=end.mac,
        ifindex=end.ifindex,
        ip=str(end.ip),
    )
