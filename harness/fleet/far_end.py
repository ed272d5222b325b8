"""The far end of a connection: what another host runs for us, and all of us it ever sees.

Sent as text into a fresh Python there, so only the standard library is imported, and even a Python
that is too old must be able to read it. The source of harness.tuning follows as a zip, is kept in
memory that has no name in any file system, and goes with this process.

Texts of JSON are exchanged: `{"id": 7, "wait_s": 90, "request": {...}}` comes, and what goes is
`{"id": 7, "reply": {...}}` with a reply of service.py. A goodbye, the connection's end, or `wait_s`
seconds without a request end the process; what it holds is given back then.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

NEEDS = (3, 11)
BYE = "bye"  # asked of this far end, not of the service
FIRST_WAIT_S = 60.0  # for what is sent right after the connection was made
MAX_CHARS = 16 << 20  # of a request or a reply; facts of a large machine are a tenth of it
MFD_CLOEXEC, MFD_ALLOW_SEALING, MFD_NOEXEC_SEAL = 1, 2, 8
F_ADD_SEALS, F_SEAL_ALL = 1033, 0x1 | 0x2 | 0x4 | 0x8


def serve(channel: Any) -> None:
    """Answer requests until the connection ends."""
    seen = sys.version_info[:3]
    if seen < NEEDS:
        shown = ".".join(map(str, seen))
        _send(channel, _refused("Python there is %s; it takes 3.11 or newer" % shown))  # noqa: UP031
        return
    _send(channel, {"ok": True, "python": list(seen)})
    sent = json.loads(channel.receive(FIRST_WAIT_S))
    if sent["state"]:
        os.environ["REDLINE_STATE"] = sent["state"]
    sys.dont_write_bytecode = True
    try:
        sys.path.insert(0, in_memory(channel.receive(FIRST_WAIT_S)))
        from harness.tuning.service import Service
    except (OSError, ImportError) as error:
        _send(channel, _refused("what was sent cannot be run there: %s" % error))  # noqa: UP031
        return
    service = Service()
    _send(channel, {"ok": True, "pid": os.getpid()})
    goodbye = answer(channel, service)
    try:
        service.close()
        reply: dict[str, Any] = {"ok": True}
    except Exception as error:
        reply = _refused("has not given back all that it held: %s" % _told(error))  # noqa: UP031
    if goodbye is not None:
        _send(channel, {"id": goodbye, "reply": reply})


def answer(channel: Any, service: Any) -> int | None:
    """Until somebody says goodbye, by a request of this number; or the connection ends."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            text = channel.receive(wait_s)
        except (EOFError, channel.TimeoutError):
            return None  # nobody asks any more
        try:
            envelope = json.loads(text) if len(text) <= MAX_CHARS else {}
            number, request = int(envelope["id"]), envelope["request"]
            wait_s = float(envelope["wait_s"])
        except (ValueError, TypeError, KeyError):
            return None  # whoever that is does not speak as we do
        if request == {"do": BYE}:
            return number
        reply = _reply(service, request)
        text = json.dumps({"id": number, "reply": reply})
        if len(text) > MAX_CHARS:
            reply = _refused("the reply is too long to send: %d characters" % len(text))  # noqa: UP031
            text = json.dumps({"id": number, "reply": reply})
        channel.send(text)


def in_memory(zipped: bytes) -> str:
    """A path to import from that leads to memory; nothing is written to a disk.

    Processes that are given its descriptor, whose number the path ends with, find it there too.
    """
    flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create("redline", flags | MFD_NOEXEC_SEAL)
    except OSError:  # a kernel before 6.3 does not know the last flag; one after may insist on it
        fd = os.memfd_create("redline", flags)
    view = memoryview(zipped)
    while view:
        view = view[os.write(fd, view) :]
    try:
        import fcntl

        fcntl.fcntl(fd, F_ADD_SEALS, F_SEAL_ALL)
    except OSError:
        pass  # it works as well unsealed
    return "/proc/self/fd/%d" % fd  # noqa: UP031


def _reply(service: Any, request: Any) -> dict[str, Any]:
    if not isinstance(request, dict):
        return _refused("not a request")
    try:
        reply: dict[str, Any] = service.handle(request)
        return reply
    except Exception as error:  # a defect of ours, which the one who asked has to hear of
        return _refused("%s fails there: %s" % (request.get("do"), _told(error)), 1)  # noqa: UP031


def _told(error: Exception) -> str:
    return "%s: %s" % (type(error).__name__, " ".join(str(error).split()))  # noqa: UP031


def _refused(error: str, exit_code: int = 3) -> dict[str, Any]:
    return {"ok": False, "error": error, "exit_code": exit_code}


def _send(channel: Any, reply: dict[str, Any]) -> None:
    channel.send(json.dumps(reply))


if __name__ == "__channelexec__":
    serve(globals()["channel"])
