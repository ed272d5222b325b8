"""One script against one server, in virtual time: waiting moves the clock to the next deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from re import Pattern

from harness.conformance.compare import difference
from harness.conformance.message import complete
from harness.conformance.script import Kind, Line, Script, shown
from harness.conformance.server import NS_PER_S, Server, ServerError, Wire

START_NS = 1_767_603_600 * NS_PER_S  # Monday, 5 January 2026, 09:00:00 UTC
DISCONNECT_WAIT_NS = 10 * NS_PER_S
# A message may take the longest heartbeat interval of the scripts, twice.
MESSAGE_WAIT_NS = 60 * NS_PER_S
MAX_STUCK = 1000  # timers at one moment: one that is never done would never end


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a script ended and why; whole messages when two were compared."""

    line: int
    what: str
    tag: str = ""
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a script; `failure` is None when it passed."""

    failure: Failure | None
    n_sent: int
    n_compared: int
    virtual_s: float


class _Failed(Exception):
    def __init__(self, what: str, tag: str = "", expected: bytes = b"", got: bytes = b"") -> None:
        super().__init__(what)
        self.tag, self.expected, self.got = tag, expected, got


def play(script: Script, server: Server, patterns: Mapping[int, Pattern[str]]) -> Outcome:
    """Plays every line up to the first that fails."""
    player = _Player(script, server, patterns)
    failure = None
    for line in script.lines:
        try:
            player.perform(line)
        except _Failed as failed:
            whole = [shown(m, 1 << 16) for m in (failed.expected, failed.got)]
            failure = Failure(line.number, str(failed), failed.tag, *whole)
            break
        except (ServerError, ValueError) as error:
            failure = Failure(line.number, str(error))
            break
    virtual_s = (player.now - START_NS) / NS_PER_S
    return Outcome(failure, player.n_sent, player.n_compared, virtual_s)


class _Player:
    def __init__(
        self, script: Script, server: Server, patterns: Mapping[int, Pattern[str]]
    ) -> None:
        self.now = START_NS
        self.n_sent = self.n_compared = 0
        self._n_stuck = 0
        self._server = server
        self._patterns = patterns
        self._folder = script.path.parent
        self._wires: dict[int, Wire] = {}

    def perform(self, line: Line) -> None:
        match line.kind:
            case Kind.CONNECT | Kind.WAIT_CONNECT:
                self._wires[line.connection] = self._server.connect(self.now)
            case Kind.DISCONNECT:
                self._server.hang_up(self._wire(line), self.now)
                del self._wires[line.connection]
            case Kind.SEND:
                self._send(line)
            case Kind.EXPECT:
                self._expect(line)
            case Kind.WAIT_DISCONNECT:
                self._wait_disconnect(self._wire(line))

    def _wire(self, line: Line) -> Wire:
        wire = self._wires.get(line.connection)
        if wire is None:
            raise _Failed(f"connection {line.connection} is not there")
        return wire

    def _send(self, line: Line) -> None:
        # Bytes for a connection that the server closed are lost, as in a network.
        data = complete(line.text, self.now, self._folder)
        self._server.receive(self._wire(line), data, self.now)
        self.n_sent += 1

    def _expect(self, line: Line) -> None:
        wire = self._wire(line)
        wanted = complete(line.text, self.now, self._folder)
        until = self.now + MESSAGE_WAIT_NS
        while (got := wire.take()) is None:
            if not wire.is_open:
                why = f" ({wire.why})" if wire.why else ""
                raise _Failed(f"expected {_kind(wanted)}, got a disconnect{why}", expected=wanted)
            if not self._pass_time(until):
                came = f", but {shown(bytes(wire.unread))}" if wire.unread else ""
                waited = MESSAGE_WAIT_NS // NS_PER_S
                raise _Failed(
                    f"expected {_kind(wanted)}, got nothing in {waited} s{came}", expected=wanted
                )
        self.n_compared += 1
        found = difference(wanted, got, self._patterns)
        if found is not None:
            raise _Failed(f"{found} (tag {found.tag})", found.tag, wanted, got)

    def _wait_disconnect(self, wire: Wire) -> None:
        until = self.now + DISCONNECT_WAIT_NS
        while wire.is_open and not wire.unread:
            if not self._pass_time(until):
                waited = DISCONNECT_WAIT_NS // NS_PER_S
                raise _Failed(f"expected a disconnect, got nothing in {waited} s")
        if wire.unread:
            got = wire.take() or bytes(wire.unread)
            raise _Failed(f"expected a disconnect, got {_kind(got)}", got=got)

    def _pass_time(self, until: int) -> bool:
        """To the next deadline, and what happens then; False when there is none in time."""
        at = self._server.deadline()
        if at is None or at > until:
            return False
        self._n_stuck = self._n_stuck + 1 if at <= self.now else 0
        if self._n_stuck > MAX_STUCK:
            raise ServerError("a timer that is due stays due")
        self.now = max(at, self.now)
        self._server.tick(self.now)
        return True


def _kind(message: bytes) -> str:
    return shown(message, 160)
