"""The network: ports, loops over them, exact faults, frames as bytes.

`open_port` and `cable` make ports (engine.net.port); `rtt`, `flood`, `live_flood` and `echo` run
loops over them in C (engine.net.traffic). `Impair` is a table of faults in the kernel
(engine.net.impair), `Wire` a cable that delays and reorders (engine.net.wire), `XdpEcho` and
`XdpCount` are programs in a driver (engine.net.xdp), `build_frame` and `read_frame` are headers as
bytes (engine.net.frames).
"""

from engine.net.frames import FRAME_REASONS, Datagram, build_frame, read_frame
from engine.net.impair import Action, Impair
from engine.net.port import Cable, Caps, Frame, Port, Probe, cable, open_port, probe
from engine.net.traffic import Echo, Flood, Rtt, Side, echo, flood, live_flood, rtt
from engine.net.wire import Pause, Way, Wire, WirePlan, wire_decide
from engine.net.xdp import XdpCount, XdpEcho

__all__ = [
    "FRAME_REASONS",
    "Action",
    "Cable",
    "Caps",
    "Datagram",
    "Echo",
    "Flood",
    "Frame",
    "Impair",
    "Pause",
    "Port",
    "Probe",
    "Rtt",
    "Side",
    "Way",
    "Wire",
    "WirePlan",
    "XdpCount",
    "XdpEcho",
    "build_frame",
    "cable",
    "echo",
    "flood",
    "live_flood",
    "open_port",
    "probe",
    "read_frame",
    "rtt",
    "wire_decide",
]
