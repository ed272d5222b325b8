"""FIX sessions: logon, heartbeats, gaps and resends as steps, without a socket or a clock.

    session = FixSession(SessionConfig(begin_string="FIX.4.4", sender="US", target="YOU"), now=now)
    session.step(Connected(), now)
    for action in session.run(Received(frame), now, answer):
        if isinstance(action, Sent):
            socket.sendall(action.data)

Time is an argument, in ns since 1970; numbers and sent messages are kept in memory.
"""

from __future__ import annotations

from engine.session.config import Precision, SessionConfig
from engine.session.events import (
    Action,
    Connected,
    Delivered,
    Disconnect,
    Disconnected,
    Event,
    LoggedOn,
    LoggedOut,
    Logout,
    Proceed,
    Received,
    Refusal,
    Refuse,
    Send,
    Sent,
    Timer,
)
from engine.session.fix import CAUSES, Application, FixAcceptor, FixSession, Refused, cut

__all__ = [
    "CAUSES",
    "Action",
    "Application",
    "Connected",
    "Delivered",
    "Disconnect",
    "Disconnected",
    "Event",
    "FixAcceptor",
    "FixSession",
    "LoggedOn",
    "LoggedOut",
    "Logout",
    "Precision",
    "Proceed",
    "Received",
    "Refusal",
    "Refuse",
    "Refused",
    "Send",
    "Sent",
    "SessionConfig",
    "Timer",
    "cut",
]
