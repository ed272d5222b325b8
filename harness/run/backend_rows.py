"""The rows of a diagnosis about the network: one a backend, what this host can do with it.

Pure functions of facts like the other rows, so they say what the kernel has and what this process
may do. What a card's driver then grants (zero copy, hardware stamps) shows when a port is opened.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.run.doctor_rows import Row, Seen, State
from harness.tuning import rights
from harness.tuning.facts import Facts


def backend_rows(facts: Facts) -> tuple[Row, ...]:
    """Every row, the backends first."""
    seen = Seen(facts)
    return tuple(judge(seen) for judge in _JUDGES)


def _shm(seen: Seen) -> Row:
    return Row("shm", "shm", State.OK, "cables in the memory of one process: needs nothing")


def _sockets(row_id: str, protocol: str) -> Callable[[Seen], Row]:
    def judge(seen: Seen) -> Row:
        if protocol in seen.names("network.protocols"):
            return Row(row_id, row_id, State.OK, "sockets of this kernel")
        return Row(
            row_id,
            row_id,
            State.MISSING,
            _why_no_protocol(seen, protocol),
            f"no line over {protocol}",
            "a kernel with CONFIG_INET",
        )

    return judge


def _why_no_protocol(seen: Seen, protocol: str) -> str:
    if seen.names("network.protocols"):
        return f"this kernel has no {protocol}"
    return seen.why("network.protocols")


def _afpacket(seen: Seen) -> Row:
    without = "no raw frames: the shortest way through the kernel where AF_XDP is missing too"
    return _raw(seen, "afpacket", "PACKET", "af_packet", "CONFIG_PACKET", rights.AFPACKET, without)


def _afxdp(seen: Seen) -> Row:
    without = "no way around the kernel's network stack"
    needs = rights.AFXDP
    return _raw(seen, "afxdp", "XDP", "af_xdp", "CONFIG_XDP_SOCKETS", needs, without)


def _raw(
    seen: Seen,
    row_id: str,
    protocol: str,
    feature: str,
    option: str,
    need: rights.Need,
    without: str,
) -> Row:
    has = seen.table("network.features").get(feature)
    if protocol not in seen.names("network.protocols") and has not in ("built in", "module"):
        why = f"this kernel has no {feature.upper()}" if has else _why_no_protocol(seen, protocol)
        return Row(row_id, row_id, State.MISSING, why, without, f"a kernel with {option}")
    return _lacking(seen, row_id, row_id, need, without) or Row(
        row_id, row_id, State.OK, "in this kernel, and this process may"
    )


def _namespaces(seen: Seen) -> Row:
    title = "network namespaces"
    without = "no network bench on one machine; the shm bench does not need them"
    if "net" not in seen.names("process.namespaces"):
        cure = "a kernel with CONFIG_NET_NS"
        return Row("namespaces", title, State.MISSING, "not in this kernel", without, cure)
    if seen.table("network.features").get("veth") == "absent":
        cure = "a kernel with CONFIG_VETH"
        return Row("namespaces", title, State.MISSING, "no veth in this kernel", without, cure)
    return _lacking(seen, "namespaces", title, rights.BENCH, without) or Row(
        "namespaces", title, State.OK, "can be made here"
    )


def _lacking(seen: Seen, row_id: str, title: str, need: rights.Need, without: str) -> Row | None:
    """The row of a part for which this process lacks a right; None when it has all."""
    have = seen.names("process.capabilities")
    lacking = rights.missing(need, have, is_root=seen.number("process.euid") == 0)
    if not lacking:
        return None
    shown = f"not for this process: lacks {', '.join(lacking)}"
    return Row(row_id, title, State.MISSING, shown, without, rights.cure((need,)))


def _dpdk(seen: Seen) -> Row:
    path = seen.text("tools.packet_generator")
    if path:
        return Row("dpdk", "DPDK", State.OK, path)
    return Row(
        "dpdk",
        "DPDK",
        State.MISSING,
        seen.fact("tools.packet_generator").reason or "not there",
        "no peer that answers frames and is not ours; nothing else needs it",
        "apt install dpdk",
    )


def _pktgen(seen: Seen) -> Row:
    if seen.names("network.pktgen"):
        return Row("pktgen", "pktgen", State.OK, "loaded")
    without = "frames from inside the kernel come from BPF instead (redline net flood)"
    return _feature(seen, "pktgen", without, "CONFIG_NET_PKTGEN")


def _netem(seen: Seen) -> Row:
    without = (
        "delay, jitter and order come from a wire in user space, whose own errors are recorded; "
        "loss, duplicates and damage are exact without it"
    )
    return _feature(seen, "netem", without, "CONFIG_NET_SCH_NETEM")


def _feature(seen: Seen, name: str, without: str, option: str) -> Row:
    """The row of a part of the kernel that needs nothing else."""
    has = seen.table("network.features").get(name)
    if has in ("built in", "module"):
        return Row(name, name, State.OK, f"{has} of this kernel")
    why = "not in this kernel" if has else seen.why("network.features")
    return Row(name, name, State.MISSING, why, without, f"a kernel with {option}")


def _hardware_stamps(seen: Seen) -> Row:
    clocks = seen.table("network.hardware_clocks")
    title = "hardware time stamps"
    if clocks:
        shown = ", ".join(f"{name} ({clock})" for name, clock in clocks.items())
        return Row("stamps", title, State.OK, shown)
    known = seen.fact("network.hardware_clocks").value is not None
    return Row(
        "stamps",
        title,
        State.MISSING,
        "no interface here has a clock" if known else seen.why("network.hardware_clocks"),
        "times are taken by the kernel or the processor: what card and bus add is inside the "
        "figures and cannot be told apart",
        "a card with a PTP clock",
    )


_JUDGES: tuple[Callable[[Seen], Row], ...] = (
    _shm,
    _sockets("udp", "UDP"),
    _sockets("tcp", "TCP"),
    _afpacket,
    _afxdp,
    _namespaces,
    _dpdk,
    _pktgen,
    _netem,
    _hardware_stamps,
)
