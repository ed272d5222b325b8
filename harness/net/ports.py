"""Which ports this host, and this user on it, can have: tried where that harms nobody.

With the rights for a bench each backend is opened on one, and what it obtained is told. Without,
sockets are opened on loopback, and for the rest the missing right is named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from harness.errors import RedlineError
from harness.net.paths import RAW, Path, opened
from harness.net.place import Place

if TYPE_CHECKING:
    from engine.net.port import Accel

PATHS: Final = (
    Path("shm"),
    Path("udp"),
    Path("udp", wait="busy-poll"),
    Path("tcp"),
    Path("afpacket"),
    Path("afxdp", xdp_mode="zero-copy"),
    Path("afxdp", xdp_mode="native"),
    Path("afxdp", xdp_mode="generic"),
    Path("afxdp", xdp_mode="native", answer="xdp"),
)
ACCELS: Final[Sequence[Accel]] = ("onload", "vma")


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of port: what was obtained, or why it cannot be had."""

    name: str
    possible: bool
    where: str
    mode: str = ""
    stamps: str = ""  # whose clock can stamp arrivals
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def table(where: Place) -> list[Row]:
    """A row for every kind of port."""
    rows = [_row(path, where) for path in PATHS]
    rows += [_accelerated(accel) for accel in ACCELS]
    return [*rows, _dpdk()]


def _row(path: Path, where: Place) -> Row:
    spot = "memory" if path.backend == "shm" else where.kind
    if path.backend in RAW and where.near is None:
        return Row(path.name, False, "", why=_missing_right(path) or where.why)
    try:
        with opened(path, where, stamps=path.backend != "shm") as (port, _):
            caps = port.caps
            return Row(path.name, True, spot, caps.mode or "records in place", caps.stamp)
    except RedlineError as error:
        return Row(path.name, False, spot, why=str(error).removeprefix(f"{path.name}: "))


def _missing_right(path: Path) -> str | None:
    from harness.tuning import rights

    need = rights.AFPACKET if path.backend == "afpacket" else rights.AFXDP
    return rights.why_not(need)


def _dpdk() -> Row:
    """A program of its own, over whatever devices it is given."""
    from harness.net import dpdk

    try:
        return Row(dpdk.NAME, True, "memory", f"by {dpdk.program().name}", "none")
    except RedlineError as error:
        return Row(dpdk.NAME, False, "", why=str(error))


def _accelerated(accel: Accel) -> Row:
    """Kernel bypass under the sockets of loopback: what is preloaded says whether it is there."""
    name = f"udp by {accel}"
    from engine import EngineError
    from engine.net import open_port

    try:
        with open_port("udp", local=("127.0.0.1", 0), accel=accel) as port:
            return Row(name, True, "loopback", port.caps.mode, port.caps.stamp)
    except EngineError as error:
        return Row(name, False, "loopback", why=error.strerror or str(error))
