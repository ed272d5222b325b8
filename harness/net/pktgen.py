"""The kernel's packet generator, driven through its files where the module is loaded.

Its packets carry numbers of its own, so what arrives is counted and not checked. The files belong
to the network namespace of whoever opens them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import HostError

ROOT: Final = Path("/proc/thread-self/net/pktgen")  # /proc/net is the main thread's namespace
HEADERS: Final = 14 + 20 + 8  # its sizes count from the Ethernet header on
_RESULT = re.compile(r"Result: OK: .*? ([0-9]+) \(.*?frags\)", re.DOTALL)
_PPS = re.compile(r"^\s*([0-9]+)pps", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packets:
    """What is sent, and how fast; `rate_per_s` None: as fast as it goes."""

    interface: str
    to_mac: str
    from_ip: str
    to_ip: str
    from_port: int
    to_port: int
    size: int  # of the datagram
    count: int
    rate_per_s: int | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    n: int
    pps: int


class Pktgen:
    """One generating thread of the kernel. HostError when it refuses something, with its words."""

    def __init__(self, cpu: int, root: Path = ROOT) -> None:
        self._root = root
        self._thread = f"kpktgend_{cpu}"

    def why_not(self) -> str | None:
        """A sentence when it cannot be used here."""
        if not (self._root / "pgctrl").exists():
            return "pktgen is not in this kernel, or not loaded (modprobe pktgen)"
        if not (self._root / self._thread).exists():
            return f"pktgen has no thread {self._thread}"
        return None

    def run(self, packets: Packets) -> Sent:
        """Send all of them; returns when they have left."""
        why = self.why_not()
        if why is not None:
            raise HostError(why)
        self._tell("pgctrl", "reset")
        try:
            self._tell(self._thread, "rem_device_all", f"add_device {packets.interface}")
            self._tell(packets.interface, *_commands(packets))
            self._tell("pgctrl", "start")
            return self._result(packets.interface)
        finally:
            self._tell("pgctrl", "reset")

    def _tell(self, name: str, *commands: str) -> None:
        file = self._root / name
        for command in commands:
            try:
                with file.open("a", encoding="ascii") as out:
                    out.write(f"{command}\n")
            except OSError as error:
                said = (error.strerror or str(error)).lower()
                raise HostError(f"pktgen: {name}: {command}: {said}") from None

    def _result(self, interface: str) -> Sent:
        try:
            text = (self._root / interface).read_text(encoding="ascii", errors="replace")
        except OSError as error:
            said = (error.strerror or str(error)).lower()
            raise HostError(f"pktgen: {interface}: {said}") from None
        found = _RESULT.search(text)
        if found is None:
            last = next((line for line in text.splitlines() if "Result" in line), "no result")
            raise HostError(f"pktgen: {interface}: {last.strip()}")
        pps = _PPS.search(text)
        return Sent(int(found[1]), int(pps[1]) if pps else 0)


def _commands(p: Packets) -> Sequence[str]:
    commands = [
        f"count {p.count}",
        f"pkt_size {p.size + HEADERS}",
        "clone_skb 0",  # a virtual cable gives the packet itself away: it cannot be sent twice
        f"dst_mac {p.to_mac}",
        f"src_min {p.from_ip}",
        f"src_max {p.from_ip}",
        f"dst_min {p.to_ip}",
        f"dst_max {p.to_ip}",
        f"udp_src_min {p.from_port}",
        f"udp_src_max {p.from_port}",
        f"udp_dst_min {p.to_port}",
        f"udp_dst_max {p.to_port}",
    ]
    return [*commands, "delay 0" if p.rate_per_s is None else f"ratep {p.rate_per_s}"]
