"""Knobs of the network stack as a whole; those of one card are in nic.py.

They belong to the network namespace in which they are written, and some exist in the first alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.tuning.knobs.base import Knob
from harness.tuning.knobs.files import FileKnob
from harness.tuning.knobs.values import Name, Number, Numbers, Switch, Takes

NET_DOCUMENT = "Linux: Documentation/admin-guide/sysctl/net.rst"
IP_DOCUMENT = "Linux: Documentation/networking/ip-sysctl.rst"
TUNED = "TuneD: profile network-latency"
MOST = 2**31 - 1
BYTES = "bytes"


def _sysctl(
    name: str,
    sysctl: str,
    takes: Takes,
    *,
    title: str,
    why: str,
    values: str,
    source: str = "",
    rounds: bool = False,
) -> FileKnob:
    is_number = isinstance(takes, Number | Switch)
    return FileKnob(
        id=f"net.{name}",
        title=title,
        why=why,
        values=values,
        source=source or (NET_DOCUMENT if sysctl.startswith("core/") else IP_DOCUMENT),
        files=(f"/proc/sys/net/{sysctl}",),
        takes=takes,
        form="number" if is_number else "text",
        rounds=rounds,
        lacks="not in this kernel, or not in this network namespace",
    )


KNOBS: Sequence[Knob] = (
    _sysctl(
        "busy-read",
        "core/busy_read",
        Number(0, 1_000_000),
        title="time a read polls the card before it sleeps",
        why="A reader that sleeps is woken by an interrupt: some us more for each message.",
        values="us; 0: it sleeps at once",
        source=f"{TUNED} (busy_read=50)",
    ),
    _sysctl(
        "busy-poll",
        "core/busy_poll",
        Number(0, 1_000_000),
        title="time poll and select poll the cards before they sleep",
        why="As net.busy-read, for programs that wait for several sockets.",
        values="us; 0: they sleep at once",
        source=f"{TUNED} (busy_poll=50)",
    ),
    _sysctl(
        "budget",
        "core/netdev_budget",
        Number(1, 100_000),
        title="packets taken in one turn of the softirq",
        why="A small one leaves packets of a burst for later; a large one starves the reader.",
        values="packets",
    ),
    _sysctl(
        "budget-usecs",
        "core/netdev_budget_usecs",
        Number(1, 1_000_000),
        title="time of one turn of the softirq",
        why="What is not done by then waits behind ordinary tasks.",
        values="us",
    ),
    _sysctl(
        "backlog",
        "core/netdev_max_backlog",
        Number(1, MOST),
        title="packets that may wait for a CPU to which they were handed on",
        why="Where it is short, a burst over loopback, veth or RPS is dropped.",
        values="packets",
    ),
    _sysctl(
        "packet-weight",
        "core/dev_weight",
        Number(1, 1024),
        title="packets taken from one queue in a turn",
        why="The larger it is the longer the other queues wait.",
        values="packets",
    ),
    _sysctl(
        "gro-batch",
        "core/gro_normal_batch",
        Number(1, 1024),
        title="packets handed up at once by GRO",
        why="The first of a batch waits for the last; 1 hands up each at once.",
        values="packets",
    ),
    _sysctl(
        "stamp-early",
        "core/netdev_tstamp_prequeue",
        Switch(),
        title="packets are stamped before they are handed to another CPU",
        why="Stamped afterwards, the wait for that CPU is not seen.",
        values="on, off",
    ),
    _sysctl(
        "rps-flows",
        "core/rps_sock_flow_entries",
        Number(0, 1 << 29),
        title="flows followed to the CPU that reads them (RFS)",
        why="nic.rfs does nothing without it; with it packets are handed on, which costs us.",
        values="a power of two; 0: none",
        source="Linux: Documentation/networking/scaling.rst",
        rounds=True,  # up to a power of two
    ),
    _sysctl(
        "freed-packets",
        "core/skb_defer_max",
        Number(0, 4096),
        title="packets kept to be freed by the CPU that took them in",
        why="It spares the reader the freeing, and interrupts the other CPU for it.",
        values="packets; 0: each frees what it read",
    ),
    _sysctl(
        "rmem-max",
        "core/rmem_max",
        Number(2304, MOST),
        title="largest receive buffer that a socket can ask for",
        why="A feed's burst that does not fit is dropped, and nobody is told.",
        values=BYTES,
        source=f"{NET_DOCUMENT}; Onload: user guide",
    ),
    _sysctl(
        "rmem-default",
        "core/rmem_default",
        Number(2304, MOST),
        title="receive buffer of a socket that asks for none",
        why="As net.rmem-max, for programs that do not ask.",
        values=BYTES,
    ),
    _sysctl(
        "wmem-max",
        "core/wmem_max",
        Number(4608, MOST),
        title="largest send buffer that a socket can ask for",
        why="A full one makes the sender wait.",
        values=BYTES,
    ),
    _sysctl(
        "wmem-default",
        "core/wmem_default",
        Number(4608, MOST),
        title="send buffer of a socket that asks for none",
        why="As net.wmem-max, for programs that do not ask.",
        values=BYTES,
    ),
    _sysctl(
        "optmem-max",
        "core/optmem_max",
        Number(1024, MOST),
        title="memory for options and stamps of a socket",
        why="Stamps of sent packets are lost when their queue is full.",
        values=BYTES,
    ),
    _sysctl(
        "udp-rmem-min",
        "ipv4/udp_rmem_min",
        Number(0, MOST),
        title="receive memory that every UDP socket may use under pressure",
        why="Under pressure of memory a feed drops what is above it.",
        values=BYTES,
    ),
    _sysctl(
        "udp-early-lookup",
        "ipv4/udp_early_demux",
        Switch(),
        title="sockets of UDP are looked up before the route",
        why="It spares connected sockets the route, and costs others a look-up more.",
        values="on, off",
    ),
    _sysctl(
        "tcp-rmem",
        "ipv4/tcp_rmem",
        Numbers(("least", "default", "most"), 1, MOST, is_rising=True),
        title="receive buffer of TCP",
        why="One that starts small slows the first burst of a session down.",
        values="three numbers of bytes that rise: 4096 131072 6291456",
    ),
    _sysctl(
        "tcp-wmem",
        "ipv4/tcp_wmem",
        Numbers(("least", "default", "most"), 1, MOST, is_rising=True),
        title="send buffer of TCP",
        why="A full one makes the sender wait.",
        values="three numbers of bytes that rise: 4096 16384 4194304",
    ),
    _sysctl(
        "tcp-autocorking",
        "ipv4/tcp_autocorking",
        Switch(),
        title="small writes wait for the one before them to leave the card",
        why="An order behind another one is held back.",
        values="on, off",
    ),
    _sysctl(
        "tcp-slow-start-after-idle",
        "ipv4/tcp_slow_start_after_idle",
        Switch(),
        title="a session that was quiet starts slowly again",
        why="The first burst after a quiet spell waits for acknowledgements.",
        values="on, off",
    ),
    _sysctl(
        "tcp-congestion",
        "ipv4/tcp_congestion_control",
        Name("a congestion control"),
        title="congestion control of new sessions",
        why="One that paces (bbr) spreads a burst of orders over time by a timer.",
        values="a name of the host: cubic, reno, bbr",
    ),
    _sysctl(
        "tcp-metrics",
        "ipv4/tcp_no_metrics_save",
        Switch(),
        title="what was learnt of a peer is not kept for the next session",
        why="One session with losses makes the next begin slowly, and two runs differ.",
        values="on: not kept, off",
    ),
    _sysctl(
        "tcp-unsent-limit",
        "ipv4/tcp_notsent_lowat",
        Number(1, 2**32 - 1),
        title="bytes not yet sent above which a socket takes no more",
        why="What waits in the kernel can be overtaken by nothing, a cancel for one.",
        values=BYTES,
    ),
    _sysctl(
        "tcp-timestamps",
        "ipv4/tcp_timestamps",
        Number(0, 2),
        title="time stamps in every segment of TCP",
        why="12 bytes and a reading of the clock a segment; without, no guard against old ones.",
        values="0: off, 1: on, 2: on, without a random offset",
    ),
    _sysctl(
        "queue-discipline",
        "core/default_qdisc",
        Name("a queueing discipline"),
        title="queue before cards that are set up from now on",
        why="A fair queue with pacing holds packets back by a timer.",
        values="a name of the host: pfifo_fast, fq_codel, fq",
    ),
)
