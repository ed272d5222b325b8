"""Other programs as sources of a flood: scapy and tcpreplay, for comparison.

They send frames that were made beforehand, in the format of our own flood, so that the receiver
checks them as it does ours. Their start is not in the rate: it is taken from first to last arrival.
"""

from __future__ import annotations

import importlib.util
import shutil
import struct
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.errors import HostError
from harness.net.place import ECHO_PORT, PINGER_PORT

if TYPE_CHECKING:
    from harness.bench.netns import End

MAX_FRAMES: Final = 100_000  # in a file that one of them reads
_PCAP_HEADER: Final = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def scapy_command(capture: Path, interface: str, count: int) -> Sequence[str]:
    """`count` frames of the capture, one after the other, by scapy. HostError when missing."""
    if importlib.util.find_spec("scapy") is None:
        raise HostError("scapy is not installed (pip install redline[traffic])")
    return [sys.executable, "-m", "harness.net.scapy_sender", str(capture), interface, str(count)]


def tcpreplay_command(
    capture: Path, interface: str, rate_per_s: int | None, *, loops: int = 1
) -> Sequence[str]:
    """The capture, at a rate or as fast as it goes. HostError when missing."""
    program = shutil.which("tcpreplay")
    if program is None:
        raise HostError("tcpreplay is not installed (Debian: apt install tcpreplay)")
    pace = "--topspeed" if rate_per_s is None else f"--pps={rate_per_s}"
    return [program, "-i", interface, pace, "--preload-pcap", f"--loop={loops}", str(capture)]


def frames(near: End, far: End, count: int, size: int) -> Iterator[bytes]:
    """Frames 0 .. count - 1 of a flood from one end of a line to the other."""
    from engine.net import build_frame
    from engine.net.port import mac_bytes
    from engine.net.traffic import datagram

    from_mac, to_mac = mac_bytes(near.mac), mac_bytes(far.mac)
    for seq in range(count):
        yield build_frame(
            datagram(seq, size=size),
            from_mac=from_mac,
            to_mac=to_mac,
            from_ip=near.ip,
            to_ip=far.ip,
            from_port=PINGER_PORT,
            to_port=ECHO_PORT,
        )


def write_capture(path: Path, made: Iterator[bytes]) -> None:
    """A pcap file, a microsecond between frames: tools that keep to its times are fast too."""
    with path.open("wb") as out:
        out.write(_PCAP_HEADER)
        for i, frame in enumerate(made):
            out.write(struct.pack("<IIII", i // 10**6, i % 10**6, len(frame), len(frame)))
            out.write(frame)
