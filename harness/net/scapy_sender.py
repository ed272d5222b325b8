"""Sends the datagrams of a capture as scapy is used: layers stacked, then sendp.

    python -m harness.net.scapy_sender CAPTURE INTERFACE COUNT

A process of its own, in the namespace in which it was started.
"""

from __future__ import annotations

import sys


def main(argv: list[str]) -> int:
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw
    from scapy.sendrecv import sendp
    from scapy.utils import RawPcapReader

    capture, interface, count = argv[1], argv[2], int(argv[3])
    packets = []
    for data, _ in RawPcapReader(capture):
        seen = Ether(data)
        packets.append(
            Ether(src=seen.src, dst=seen.dst)
            / IP(src=seen[IP].src, dst=seen[IP].dst)
            / UDP(sport=seen[UDP].sport, dport=seen[UDP].dport, chksum=0)
            / Raw(bytes(seen[UDP].payload))
        )
    sendp(packets[:count], iface=interface, verbose=0)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
