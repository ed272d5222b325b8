"""Who floods: our own sender, the kernel's generators, and other programs for comparison."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Final

from harness.errors import HostError, RedlineError
from harness.net.flood import ENDLESS, NS_PER_S, Plan, Result, ends, explained, result
from harness.net.paths import Path
from harness.net.place import ECHO_PORT, PINGER_PORT, Place
from harness.net.rtt import PLACEMENT_BATCHES

if TYPE_CHECKING:
    from engine.clock import Clock
    from harness.bench.cpus import Cpus

SOURCES: Final = ("blast", "bpf-live", "pktgen", "scapy", "tcpreplay")
SETTLE_NS: Final = 50_000_000
SLOW_SETTLE_NS: Final = 700_000_000  # other programs pause
PROGRAM_S: Final = 60.0
# How many frames keep another program busy for a second, so that a file can be made beforehand.
SCAPY_PPS: Final = 2_000
TCPREPLAY_PPS: Final = 100_000
PKTGEN_PPS: Final = 500_000


def run(source: str, path: Path, where: Place, plan: Plan, cpus: Cpus, clock: Clock) -> Result:
    """One flood. HostError for what this host cannot do."""
    work: Callable[[Path, Place, Plan, Cpus, Clock], Result] = {
        "blast": _blast,
        "bpf-live": _live,
        "pktgen": _pktgen,
        "scapy": _scapy,
        "tcpreplay": _tcpreplay,
    }[source]
    if source != "blast":
        _check_foreign(source, path, plan)
    return work(path, where, plan, cpus, clock)


def compare(
    path: Path,
    where: Place,
    plan: Plan,
    cpus: Cpus,
    clock: Clock,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Result]:
    """The same from every source, one after the other; a missing one is a line too.

    Where the way is no line (shared memory, loopback), only the sources that need none.
    """
    results = []
    for source in SOURCES:
        progress(source)
        try:
            results.append(run(source, path, where, plan, cpus, clock))
        except RedlineError as error:
            said = str(error).removeprefix(f"{source}: ")
            results.append(Result(source, path.name, where.kind, missing=said))
    return results


def _check_foreign(source: str, path: Path, plan: Plan) -> None:
    """What only our own sender can do."""
    if path.backend in ("shm", "tcp"):
        raise RedlineError(
            f"--source: {source} sends frames into an interface, not into {path.backend}"
        )
    if plan.stream is not None:
        raise RedlineError(f"--packed: {source} sends no market data, only blast does")


# ---- Our own ------------------------------------------------------------------------------------


def _blast(path: Path, where: Place, plan: Plan, cpus: Cpus, clock: Clock) -> Result:
    from engine.net import flood

    schedule = plan.schedule
    with ExitStack() as stack:
        stack.enter_context(explained("blast"))
        sender, receiver = ends(path, where, stack)
        found = flood(
            sender,
            receiver,
            clock=clock,
            cpu_sender=cpus.rig,
            cpu_receiver=cpus.engine,
            count=plan.count,
            size=plan.size,
            due_ns=None if schedule is None else schedule.due_ns,
            span_ns=0 if schedule is None else schedule.span_ns,
            stream=plan.stream,
            pack=plan.pack,
            blocks=path.blocks,
            settle_ns=SETTLE_NS,
            placement_batches=PLACEMENT_BATCHES,
            max_ns=round(plan.seconds * NS_PER_S) if schedule is None else 0,
        )
        return result("blast", path, where, plan, found)


def _live(path: Path, where: Place, plan: Plan, cpus: Cpus, clock: Clock) -> Result:
    from engine.net import XdpCount, live_flood

    if plan.schedule is not None:
        raise RedlineError("--rate: bpf-live knows no schedule: --rate max")
    if path.xdp_mode == "generic":
        raise RedlineError("--mode: bpf-live gives its frames to the driver: native, not generic")
    with ExitStack() as stack:
        stack.enter_context(explained("bpf-live"))
        _, receiver = ends(path, where, stack)
        near, far = where.ends()
        if path.backend != "afxdp":  # a veth end takes XDP frames only where a program is
            stack.enter_context(XdpCount(far.interface, netns=far.netns, hook="native"))
        found = live_flood(
            receiver,
            clock=clock,
            interface=near.interface,
            netns=near.netns,
            local=(near.ip, PINGER_PORT),
            peer=(far.ip, ECHO_PORT),
            mac=near.mac,
            peer_mac=far.mac,
            cpu_sender=cpus.rig,
            cpu_receiver=cpus.engine,
            count=ENDLESS,
            size=plan.size,
            blocks=path.blocks,
            settle_ns=SETTLE_NS,
            placement_batches=PLACEMENT_BATCHES,
            max_ns=round(plan.seconds * NS_PER_S),
        )
        return result("bpf-live", path, where, plan, found)


# ---- Others -------------------------------------------------------------------------------------


def _pktgen(path: Path, where: Place, plan: Plan, cpus: Cpus, clock: Clock) -> Result:
    from engine.net import XdpCount
    from harness.bench import namespaces
    from harness.net.pktgen import Packets, Pktgen

    near, far = where.ends()
    generator = Pktgen(cpus.rig)
    why = namespaces.inside(near.netns, generator.why_not)
    if why is not None:
        raise HostError(why)
    packets = Packets(
        interface=near.interface,
        to_mac=far.mac,
        from_ip=near.ip,
        to_ip=far.ip,
        from_port=PINGER_PORT,
        to_port=ECHO_PORT,
        size=plan.size,
        count=round(plan.seconds * (plan.rate_per_s or PKTGEN_PPS)),
        rate_per_s=plan.rate_per_s,
    )
    with (
        explained("pktgen"),
        XdpCount(far.interface, udp_port=ECHO_PORT, drops=True, netns=far.netns) as counter,
    ):
        sent = namespaces.inside(near.netns, lambda: generator.run(packets))
        received = counter.n_frames
    return Result(
        source="pktgen",
        path="XDP counter",  # its packets are not ours to check
        where=where.kind,
        mode=counter.hook,
        planned=packets.count,
        sent=sent.n,
        unsent=packets.count - sent.n,
        received=received,
        lost=sent.n - received,
        sent_pps=float(sent.pps),
    )


def _scapy(path: Path, where: Place, plan: Plan, cpus: Cpus, clock: Clock) -> Result:
    from harness.net.programs import MAX_FRAMES, scapy_command

    _only_as_fast_as_it_goes("scapy", plan)
    count = min(round(plan.seconds * SCAPY_PPS), MAX_FRAMES)

    def command(capture: FilePath, interface: str) -> Sequence[str]:
        return scapy_command(capture, interface, count)

    return _program("scapy", command, count, path, where, plan, cpus, clock)


def _tcpreplay(path: Path, where: Place, plan: Plan, cpus: Cpus, clock: Clock) -> Result:
    from harness.net.programs import MAX_FRAMES, tcpreplay_command

    if plan.schedule is not None and len(plan.schedule) > 1:
        raise RedlineError("--pattern: tcpreplay knows constant rates only")
    count = min(round(plan.seconds * (plan.rate_per_s or TCPREPLAY_PPS)), MAX_FRAMES)

    def command(capture: FilePath, interface: str) -> Sequence[str]:
        return tcpreplay_command(capture, interface, plan.rate_per_s)

    return _program("tcpreplay", command, count, path, where, plan, cpus, clock)


def _program(
    source: str,
    command: Callable[[FilePath, str], Sequence[str]],
    count: int,
    path: Path,
    where: Place,
    plan: Plan,
    cpus: Cpus,
    clock: Clock,
) -> Result:
    """Another program sends `count` frames that were made beforehand; our receiver checks them."""
    from engine.net import flood
    from harness.net.processes import said, spawned
    from harness.net.programs import frames, write_capture

    near, far = where.ends()
    with tempfile.TemporaryDirectory(prefix="redline-") as folder, ExitStack() as stack:
        stack.enter_context(explained(source))
        capture = FilePath(folder) / "frames.pcap"
        arguments = command(capture, near.interface)  # says what is missing, before any work
        write_capture(capture, frames(near, far, count, plan.size))
        _, receiver = ends(path, where, stack)
        child = stack.enter_context(spawned(arguments, netns=near.netns, cpu=cpus.rig))
        found = flood(
            None,
            receiver,
            clock=clock,
            cpu_sender=cpus.rig,
            cpu_receiver=cpus.engine,
            count=count,
            size=plan.size,
            blocks=path.blocks,
            settle_ns=SLOW_SETTLE_NS,
            max_ns=round(PROGRAM_S * NS_PER_S),
        )
        said(child, source, PROGRAM_S)
        return result(source, path, where, plan, found, sent=count)


def _only_as_fast_as_it_goes(source: str, plan: Plan) -> None:
    if plan.schedule is not None:
        raise RedlineError(f"--rate: {source} keeps to no rate: --rate max")
