"""Knobs of network cards: rings, coalescing, offloads, queues, and where their interrupts go.

A wish is about one interface. One that must not be touched (the way to this machine) keeps what it
has: the plan shows what would change, and why it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.tuning.knobs.base import Knob
from harness.tuning.knobs.nic_files import (
    InterfaceFileKnob,
    NicIrqKnob,
    QueueCpusKnob,
    QueueFileKnob,
)
from harness.tuning.knobs.nic_kinds import CardKnob, ChannelsKnob, LinkKnob, OffloadsKnob

KERNEL_SCALING = "Linux: Documentation/networking/scaling.rst"
KERNEL_NAPI = "Linux: Documentation/networking/napi.rst"

KNOBS: Sequence[Knob] = (
    ChannelsKnob(
        id="nic.channels",
        title="queues of the card",
        why="Each queue more is one more interrupt and one more place where the feed can arrive.",
        values="a table of rx, tx, other, combined: a number or max",
        source="ethtool -L; DPDK: Documentation of the AF_XDP driver",
    ),
    CardKnob(
        id="nic.rings",
        group="rings",
        title="descriptors in the rings of the card",
        why="A long ring hides a slow reader and falls out of the cache; a short one drops bursts."
        " Changing it takes most cards off the line for a moment.",
        values="a table of rx, rx-mini, rx-jumbo, tx: a number or max",
        source="ethtool -G",
    ),
    CardKnob(
        id="nic.coalesce",
        group="coalesce",
        title="how long the card waits before it interrupts",
        why="Every microsecond the card waits for more packets is one that the first packet waits.",
        values="a table of adaptive-rx, adaptive-tx (on, off), rx-usecs, rx-frames, tx-usecs,"
        " tx-frames and the others of ethtool -C",
        source="ethtool -C; TuneD network-latency",
        effect="coalescing",
    ),
    OffloadsKnob(
        id="nic.offloads",
        title="work done for many packets at once",
        why="What is gathered into one large packet (GRO, LRO) is held until enough has come.",
        values="a table of gro, lro, tso, gso, rxvlan, txvlan, ntuple, rxhash, sg, tx, rx, or a"
        " feature by the kernel's name: on, off",
        source="ethtool -K",
    ),
    CardKnob(
        id="nic.pause",
        group="pause",
        title="flow control on the line",
        why="A neighbour that is slow for a moment stops our sending with a pause frame.",
        values="a table of autoneg, rx, tx: on, off",
        source="ethtool -A",
    ),
    CardKnob(
        id="nic.eee",
        group="eee",
        title="sleep of the line between packets (Energy Efficient Ethernet)",
        why="The line needs some microseconds to wake up for the first packet after a rest.",
        values="a table of enabled, tx-lpi (on, off), tx-timer (us)",
        source="ethtool --set-eee; IEEE 802.3az",
    ),
    LinkKnob(
        id="nic.txqueuelen",
        name="txqueuelen",
        least=0,
        most=1_000_000,
        title="packets that may wait in front of the card",
        why="A queue that can grow long turns a burst into delay, and nobody is told.",
        values="a number of packets",
        source="ip link set txqueuelen",
    ),
    LinkKnob(
        id="nic.mtu",
        name="mtu",
        least=68,  # what every IPv4 network must carry
        most=65535,
        title="largest packet of the line in bytes",
        why="A packet of 9000 bytes holds the line for as long as six others.",
        values="a number of bytes",
        source="ip link set mtu",
    ),
    NicIrqKnob(
        id="nic.irq-affinity",
        title="CPUs that take the interrupts of the card",
        why="An interrupt on a measured CPU takes some microseconds from it, at any moment.",
        values="a list of CPUs, or spread LIST for one each in turn",
        source="Linux: Documentation/core-api/irq/irq-affinity.rst",
        effect="irq-count",
    ),
    InterfaceFileKnob(
        id="nic.threaded-napi",
        leaf="threaded",
        least=0,
        most=1,
        title="packets taken in by a thread instead of a softirq",
        why="A thread can be given a CPU and a priority; a softirq runs wherever the irq came in.",
        values="0 or 1",
        source=KERNEL_NAPI,
    ),
    InterfaceFileKnob(
        id="nic.gro-flush",
        leaf="gro_flush_timeout",
        least=0,
        most=1_000_000_000,
        title="longest time that gathered packets are held",
        why="With irqs deferred this timer is all that brings a packet up when nobody polls.",
        values="ns; 0: not held",
        source=KERNEL_NAPI,
    ),
    InterfaceFileKnob(
        id="nic.napi-defer",
        leaf="napi_defer_hard_irqs",
        least=0,
        most=1_000_000,
        title="empty polls before interrupts come back",
        why="It spares interrupts where somebody polls all the time, and costs latency elsewhere.",
        values="a number of polls",
        source=KERNEL_NAPI,
    ),
    QueueCpusKnob(
        id="nic.rps",
        queues="rx-*",
        leaf="rps_cpus",
        title="CPUs to which packets are handed on after they came in",
        why="Handing on wakes another CPU for every packet; without it they stay where they came.",
        values="none, a list of CPUs, or spread LIST for one each in turn",
        source=KERNEL_SCALING,
    ),
    QueueFileKnob(
        id="nic.rfs",
        queues="rx-*",
        leaf="rps_flow_cnt",
        least=0,
        most=1 << 20,
        title="flows followed to the CPU that reads them, a queue",
        why="It hands packets on as RPS does, to wherever their reader ran last.",
        values="a number; 0: none are followed",
        source=KERNEL_SCALING,
    ),
    QueueCpusKnob(
        id="nic.xps",
        queues="tx-*",
        leaf="xps_cpus",
        title="CPUs that send through each queue",
        why="Two CPUs that send through one queue wait for each other's lock.",
        values="none, a list of CPUs, or spread LIST for one each in turn",
        source=KERNEL_SCALING,
    ),
)
