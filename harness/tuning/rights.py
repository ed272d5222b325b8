"""Rights: which capability each part of Redline needs, and how a missing one is given.

Being root is neither needed nor enough (a container's root has few capabilities), so capabilities
are asked, never user ids. What suffices was found by taking all others away (kernel 6.18, with
kernel.unprivileged_bpf_disabled 2); tests/integration/test_capabilities.py finds it again:

  to make a bench               SYS_ADMIN, NET_ADMIN; DAC_OVERRIDE too for any user but root, for
                                the files in /run/netns and /run/redline
  to open a port in a namespace SYS_ADMIN to go there, and what the port needs
  udp, tcp                      nothing; NET_ADMIN to prefer busy polling
  afpacket                      NET_RAW
  afxdp                         NET_RAW for the socket, NET_ADMIN and BPF for its program; SYS_ADMIN
                                stands in for both of these
  impairment, live frames       NET_ADMIN and BPF, or SYS_ADMIN
  real-time priority            SYS_NICE
  locked memory                 IPC_LOCK, or a limit (ulimit -l) that is large enough
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HostError
from harness.tuning.facts import CAPABILITIES

STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Need:
    """What a part of Redline needs: of every group one capability, the first one for choice."""

    part: str
    groups: tuple[tuple[str, ...], ...]
    if_not_root: tuple[str, ...] = ()


_PROGRAM = (("CAP_NET_ADMIN", "CAP_SYS_ADMIN"), ("CAP_BPF", "CAP_SYS_ADMIN"))

BENCH = Need(
    "a bench in namespaces",
    (("CAP_SYS_ADMIN",), ("CAP_NET_ADMIN",)),
    if_not_root=("CAP_DAC_OVERRIDE",),
)
ENTER = Need("a port in a namespace", (("CAP_SYS_ADMIN",),))
AFPACKET = Need("AF_PACKET", (("CAP_NET_RAW",),))
AFXDP = Need("AF_XDP", (("CAP_NET_RAW",), *_PROGRAM))
PROGRAM = Need("a BPF program on an interface", _PROGRAM)
BUSY_POLL = Need("preferred busy polling", (("CAP_NET_ADMIN",),))
FIFO = Need("real-time priority", (("CAP_SYS_NICE",),))
LOCK = Need("locked memory beyond the limit", (("CAP_IPC_LOCK",),))
NEEDS = (BENCH, ENTER, AFPACKET, AFXDP, PROGRAM, BUSY_POLL, FIFO, LOCK)


def held(status: Path = STATUS) -> frozenset[str]:
    """The capabilities in effect, as far as any part needs them."""
    for line in status.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            bits = int(value, 16)
            return frozenset(name for name, bit in CAPABILITIES.items() if bits >> bit & 1)
    return frozenset()


def missing(need: Need, have: Collection[str], *, is_root: bool) -> tuple[str, ...]:
    """What to add to `have`, in the order of the need."""
    groups = [*need.groups, *(() if is_root else ((name,) for name in need.if_not_root))]
    lacking = [group[0] for group in groups if not set(group) & set(have)]
    return tuple(dict.fromkeys(lacking))


def why_not(*needs: Need) -> str | None:
    """A sentence that names what this process lacks, and how to get it; None: nothing."""
    have, is_root = held(), os.geteuid() == 0
    for need in needs:
        lacking = missing(need, have, is_root=is_root)
        if lacking:
            return f"{need.part} needs {_and(lacking)}, which this process lacks: {cure(needs)}"
    return None


def require(*needs: Need) -> None:
    """HostError when this process lacks a capability for any of them."""
    why = why_not(*needs)
    if why is not None:
        raise HostError(why)


def cure(needs: Collection[Need]) -> str:
    """How a user who is not root gets all that is needed: for a file, a service, one command."""
    wanted = dict.fromkeys(
        name for need in needs for name in missing(need, (), is_root=False)
    )  # in full: what is given replaces what is there
    lower = [name.lower() for name in wanted]
    plus = ",".join(f"+{name.removeprefix('cap_')}" for name in lower)
    python = Path(sys.executable).resolve()
    return (
        f"run as root; or setcap {','.join(lower)}+ep {python}; or in a service "
        f"AmbientCapabilities={' '.join(wanted)}; or setpriv --reuid $USER --init-groups "
        f"--inh-caps {plus} --ambient-caps {plus} redline ..."
    )


def _and(names: Collection[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
