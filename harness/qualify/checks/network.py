"""Cards that carry measurements, and the clock by which hosts compare their stamps.

A card carries measurements when it is physical, up, and not one by which the host is reached.
Without such a card there is nothing to ask of one.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.qualify.rows import Finding, Level, Rule, holds, miss, ok, rule, unknown
from harness.qualify.seen import Seen

ETHTOOL = "Linux networking/ethtool-netlink"
NO_CARD = "no card carries measurements"
UNWANTED = ("gro", "lro", "rx-gro-hw")
DAEMONS = ("ptp4l", "phc2sys", "chronyd")


def cards(seen: Seen) -> list[str] | None:
    """Interfaces that carry measurements; None when it is not known which there are."""
    names, kept = seen.names("nic.names"), seen.names("nic.protected")
    if names is None or kept is None:
        return None
    return [name for name in names if name not in kept]


def _unknown_cards(seen: Seen) -> Finding:
    absent = "nic.names" if seen.names("nic.names") is None else "nic.protected"
    return unknown(seen.why(absent))


def _each_card(seen: Seen, name: str, flaw: Callable[[str], str], told: str = "") -> Finding:
    """A value of every card; `flaw` says what is wrong with it ('' for nothing).

    `told` names the words of the value that a row shows; without any it shows all.
    """
    mine = cards(seen)
    if mine is None:
        return _unknown_cards(seen)
    if not mine:
        return ok(NO_CARD)
    table = seen.table(name)
    if table is None:
        return unknown(seen.why(name))
    flaws = {card: flaw(table[card]) for card in mine if card in table}
    bad = [f"{card}: {text}" for card, text in flaws.items() if text]
    if bad:
        return miss("; ".join(bad))
    silent = [card for card in mine if card not in table]
    if silent:
        return unknown(f"{', '.join(silent)} does not say")
    return ok("; ".join(f"{card}: {_told(table[card], told)}" for card in mine))


def _told(text: str, names: str) -> str:
    found = _words(text)
    return " ".join(f"{n}={found[n]}" for n in names.split() if n in found) if names else text


def _words(text: str) -> dict[str, str]:
    """'rx-usecs=0 adaptive-rx=off' by name."""
    return {k: v for k, sign, v in (word.partition("=") for word in text.split()) if sign}


@rule(
    "nic.node",
    Level.SHOULD,
    "node of the card",
    required="that of the CPUs that are measured on",
    file="/sys/class/net/*/device/numa_node, /sys/devices/system/node",
    document="DPDK Getting Started Guide",
    consequence="every frame crosses the link between the sockets: 100 ns and more each way",
    cure="measure on CPUs of the card's node (cores: in the inventory), or move the card",
)
def node(seen: Seen) -> Finding:
    if seen.text("numa.online") == "0":
        return ok("a single node")
    nodes = seen.table("cpu.numa_node") or {}
    mine = {nodes[str(cpu)] for cpu in seen.hot if str(cpu) in nodes}
    if not mine and cards(seen):
        return unknown(seen.why("cpu.numa_node"))

    def flaw(where: str) -> str:
        others = sorted(mine - {where})
        if where == "-1":
            return "does not know its node"
        return f"on node {where}, measured is on {', '.join(others)}" if others else ""

    return _each_card(seen, "nic.numa_node", flaw)


@rule(
    "nic.pcie",
    Level.SHOULD,
    "PCIe link",
    required="as fast and as wide as the card can",
    file="/sys/class/net/*/device/{current,max}_link_{speed,width}",
    document="PCI Express Base Specification, Link Status",
    consequence="a link that trained down delays every frame, and drops bursts",
    cure="seat the card again, or move it to a slot with all its lanes",
)
def pcie(seen: Seen) -> Finding:
    def flaw(text: str) -> str:
        now, _, most = text.partition(" of ")
        return "" if now == most else text

    return _each_card(seen, "nic.pcie", flaw)


@rule(
    "nic.coalescing",
    Level.SHOULD,
    "interrupt coalescing",
    required="not adaptive, rx-usecs 0",
    file="ethtool -c",
    document=f"{ETHTOOL} (COALESCE_GET)",
    consequence="a card that waits for more frames delays the first by what it waits",
    cure="ethtool -C IF adaptive-rx off rx-usecs 0 (a profile: nic.coalesce)",
)
def coalescing(seen: Seen) -> Finding:
    def flaw(text: str) -> str:
        words = _words(text)
        bad = [f"{k}={v}" for k, v in words.items() if k.startswith("adaptive-") and v == "on"]
        usecs = words.get("rx-usecs", "0")
        return " ".join([*bad, *([f"rx-usecs={usecs}"] if usecs != "0" else [])])

    return _each_card(seen, "nic.coalesce", flaw, "adaptive-rx adaptive-tx rx-usecs")


@rule(
    "nic.offloads",
    Level.SHOULD,
    "merging of frames",
    required="off (gro, lro)",
    file="ethtool -k",
    document="Linux networking/segmentation-offloads",
    consequence="frames wait to be merged, and what arrives is not what was sent",
    cure="ethtool -K IF gro off lro off (a profile: nic.offloads)",
)
def offloads(seen: Seen) -> Finding:
    def flaw(text: str) -> str:
        words = _words(text)
        return " ".join(f"{name}=on" for name in UNWANTED if words.get(name) == "on")

    return _each_card(seen, "nic.features", flaw, " ".join(UNWANTED))


@rule(
    "nic.flow_control",
    Level.SHOULD,
    "flow control",
    required="off in both directions",
    file="ethtool -a",
    document=f"{ETHTOOL} (PAUSE_GET); IEEE 802.3 annex 31B",
    consequence="a slow receiver stops the sender: late frames instead of lost ones, unseen",
    cure="ethtool -A IF autoneg off rx off tx off (a profile: nic.pause)",
)
def flow_control(seen: Seen) -> Finding:
    def flaw(text: str) -> str:
        words = _words(text)
        return " ".join(f"{way}=on" for way in ("rx", "tx") if words.get(way) == "on")

    return _each_card(seen, "nic.pause", flaw, "rx tx")


@rule(
    "nic.rings",
    Level.INFO,
    "receive ring",
    required="at most 1024 descriptors",
    file="ethtool -g",
    document=f"{ETHTOOL} (RINGS_GET); Redline host-check",
    consequence="a long ring leaves the cache, and hides a reader that falls behind",
    cure="ethtool -G IF rx 512 (a profile: nic.rings)",
)
def rings(seen: Seen) -> Finding:
    def flaw(text: str) -> str:
        size = _words(text).get("rx", "").partition("/")[0]
        return "" if size.isdecimal() and int(size) <= 1024 else f"rx {size or text}"

    return _each_card(seen, "nic.rings", flaw, "rx")


@rule(
    "nic.timestamps",
    Level.SHOULD,
    "hardware time stamps",
    required="of sent and received frames",
    file="ethtool -T",
    document="Linux networking/timestamping",
    consequence="no stamp on the wire: latencies are from memory to memory, not from wire to wire",
    cure="use a card with a clock of its own",
)
def timestamps(seen: Seen) -> Finding:
    def flaw(text: str) -> str:
        lacking = [w for w in ("hardware-transmit", "hardware-receive") if w not in text.split()]
        return f"no {', no '.join(lacking)}" if lacking else ""

    return _each_card(seen, "nic.timestamps", flaw)


@rule(
    "nic.aspm",
    Level.SHOULD,
    "PCIe power saving",
    required="performance",
    file="/sys/module/pcie_aspm/parameters/policy",
    document="Linux admin-guide/kernel-parameters (pcie_aspm); DPDK AMD platform guide",
    consequence="a link that sleeps takes microseconds to wake for the first frame",
    cure="echo performance > /sys/module/pcie_aspm/parameters/policy",
)
def aspm(seen: Seen) -> Finding:
    policy = seen.text("pcie.aspm")
    return (
        unknown(seen.why("pcie.aspm")) if policy is None else holds(policy == "performance", policy)
    )


@rule(
    "clock.synchronised",
    Level.SHOULD,
    "clock synchronised",
    required="by ptp4l, phc2sys or chronyd",
    file="adjtimex(2), /proc/*/comm",
    document="man 2 adjtimex; linuxptp, chrony",
    consequence="times of this host cannot be laid beside those of another, or of an exchange",
    cure="run chronyd, or ptp4l with phc2sys",
)
def synchronised(seen: Seen) -> Finding:
    steady, daemons = seen.flag("clock.synchronised"), seen.names("clock.daemons")
    if steady is None or daemons is None:
        return unknown(seen.why("clock.synchronised" if steady is None else "clock.daemons"))
    keepers = [name for name in daemons if name in DAEMONS]
    shown = "synchronised" if steady else "not synchronised"
    return holds(steady and bool(keepers), f"{shown}, by {', '.join(keepers) or 'no daemon'}")


RULES: tuple[Rule, ...] = (
    node,
    pcie,
    coalescing,
    offloads,
    flow_control,
    timestamps,
    aspm,
    rings,
    synchronised,
)
