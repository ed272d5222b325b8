"""`redline exchange serve`: real processes, real sockets, clients that behave and clients that
do not."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.exchange.match import Phase
from engine.exchange.server import ExchangeServer, FixSession, Rules, Server, ServerError, Symbol
from engine.market import ouch
from harness import cli

from .conftest import ROOT, redline
from .fix_client import FixClient, frame, utc_text

PATIENCE_S = 20


class Running:
    """The command as a user runs it, and what it said so far."""

    def __init__(self, *args: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", "exchange", "serve", "--json", *map(str, args)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        first = self.process.stdout.readline()
        if not first:
            raise AssertionError(self.process.communicate()[1])
        self.listening: dict[str, Any] = json.loads(first)
        self.fix: str = self.listening["addresses"].get("fix", "")

    def end(self, signum: int = signal.SIGTERM) -> dict[str, Any]:
        """What it says at the end; it must leave with 0."""
        self.process.send_signal(signum)
        out, error = self.process.communicate(timeout=PATIENCE_S)
        assert self.process.returncode == 0, error
        assert error == ""
        said: dict[str, Any] = json.loads(out.splitlines()[-1])
        return said

    def resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()


@contextlib.contextmanager
def running(*args: str | Path) -> Iterator[Running]:
    one = Running(*args)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.communicate()


@contextlib.contextmanager
def serving(config: Server) -> Iterator[ExchangeServer]:
    """Small, so that many of them fit in a test run."""
    numbers = {"n_orders": 4096, "n_levels_per_side": 256, "n_fix_sessions": 16}
    with ExchangeServer(
        Server(
            **{
                **{name: getattr(config, name) for name in Server.__dataclass_fields__},
                "fix": config.fix or "127.0.0.1:0",
                "numbers": {**numbers, **config.numbers},
            }
        )
    ) as server:
        yield server


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def still_serves(address: str) -> None:
    with FixClient(address, name="CONTROL") as client:
        client.logon("141=Y|")
        client.say("1", "112=well?|")
        assert client.hear("0")[112] == "well?"
        client.say("5")
        client.hear("5")


# --- it serves ------------------------------------------------------------------------------------


def test_clients_log_on_trade_and_hear_goodbye() -> None:
    with running("--fix", ":0", "--symbols", "AAPL,MSFT") as exchange:
        with (
            FixClient(exchange.fix, begin="FIX.4.2", name="ALICE") as alice,
            FixClient(exchange.fix, begin="FIXT.1.1", name="BOB") as bob,
        ):
            alice.logon()
            bob.logon()
            alice.order("a1", 1, 100, "10.50")
            assert alice.hear("8")[39] == "0"
            bob.order("b1", 2, 60, "10.50")
            assert bob.hear("8")[39] == "0"
            fill = bob.hear("8")
            assert (fill[39], fill[32], fill[31]) == ("2", "60", "10.5")
            fill = alice.hear("8")
            assert (fill[39], fill[14], fill[151]) == ("1", "60", "40")
            exchange.process.send_signal(signal.SIGTERM)
            for client in (alice, bob):
                assert client.hear("5")[58] == "the exchange closes"
                client.say("5")
                assert client.is_cut_off()
        said = exchange.end()
    assert said["counters"]["orders"] == 2
    assert said["counters"]["trades"] == 1
    assert said["drops"] == {"logged out": 2}


def itch_file(path: Path, *messages: bytes) -> Path:
    path.write_bytes(b"".join(struct.pack(">H", len(one)) + one for one in messages))
    return path


def crowd_of_two() -> tuple[bytes, ...]:
    """A directory entry, then two orders that offer AAPL at 10.00, and the first one's end."""
    head = struct.pack(">HH", 1, 0) + bytes(6)
    directory = b"R" + head + b"AAPL    " + b"Q N" + struct.pack(">I", 100) + b"NCZ PNNNN"
    directory += bytes(39 - len(directory))
    adds = tuple(
        b"A" + head + struct.pack(">QcI8sI", ref, b"S", 50, b"AAPL    ", 100_000) for ref in (1, 2)
    )
    return (directory, *adds, b"D" + head + struct.pack(">Q", 1))


def test_a_recorded_crowd_is_there_to_trade_with(tmp_path: Path) -> None:
    crowd = itch_file(tmp_path / "day.itch", *crowd_of_two())
    with (
        running("--fix", ":0", "--symbols", "AAPL", "--crowd", crowd) as exchange,
        FixClient(exchange.fix, name="ALICE") as alice,
    ):
        time.sleep(0.1)  # four messages at a thousand a second
        alice.logon()
        alice.order("a1", 1, 70, "10.00")
        assert alice.hear("8")[39] == "0"
        fill = alice.hear("8")
        assert (fill[32], fill[31], fill[151]) == ("50", "10", "20")  # the first one is gone
        said = exchange.end()
    assert said["counters"]["trades"] == 1


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--crowd", "none.itch"), "none.itch: no such file"),
        (("--crowd", "README.md"), "README.md: "),
        (("--crowd", "README.md", "--crowd-rate", "fast"), "--crowd-rate: not a rate: 'fast'"),
    ],
)
def test_a_crowd_that_cannot_be_is_a_line(options: tuple[str, ...], complaint: str) -> None:
    done = redline("exchange", "serve", "--fix", ":0", *options)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_another_library_trades_too() -> None:
    simplefix = pytest.importorskip("simplefix")

    def message(kind: str, number: int, *pairs: tuple[int, str]) -> bytes:
        m = simplefix.FixMessage()
        m.append_pair(8, "FIX.4.4")
        m.append_pair(35, kind)
        m.append_pair(34, number)
        m.append_pair(49, "SIMPLE")
        m.append_utc_timestamp(52, precision=3)
        m.append_pair(56, "VENUE")  # whatever name a client calls it by
        for tag, value in pairs:
            m.append_pair(tag, value)
        encoded: bytes = m.encode()
        return encoded

    parser = simplefix.FixParser()
    with running("--fix", ":0") as exchange:
        host, _, port = exchange.fix.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as peer:

            def hear() -> Any:
                while True:
                    m = parser.get_message()
                    if m is not None:
                        return m
                    more = peer.recv(4096)
                    assert more
                    parser.append_buffer(more)

            peer.sendall(message("A", 1, (98, "0"), (108, "30")))
            assert hear().get(35) == b"A"
            order = ((11, "1"), (55, "IBM"), (54, "1"), (60, utc_text()), (38, "5"), (40, "2"))
            peer.sendall(message("D", 2, *order, (44, "99.5")))
            assert hear().get(150) == b"0"
            cross = ((11, "2"), (55, "IBM"), (54, "2"), (60, utc_text()), (38, "5"), (40, "1"))
            peer.sendall(message("D", 3, *cross))
            kinds = [hear().get(39) for _ in range(3)]
            assert sorted(kinds) == [b"0", b"2", b"2"]
        assert exchange.end()["counters"]["trades"] == 1


def test_the_shipped_configuration_is_served(tmp_path: Path) -> None:
    text = (ROOT / "scenarios" / "exchange" / "bench.yaml").read_text()
    for port in ("9880", "9881", "26500"):  # the real ones may be taken on this machine
        text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:0")
    file = tmp_path / "bench.yaml"
    file.write_text(text)
    with running("--config", file) as exchange:
        assert set(exchange.listening["addresses"]) == {
            "fix",
            "ouch",
            "market data A",
            "market data B",
            "market data requests",
        }
        assert exchange.listening["symbols"] == ["AAPL", "AMZN", "GOOG", "MSFT", "SPY"]
        with FixClient(exchange.fix, name="DESK1") as desk:
            desk.logon()
            desk.order("1", 1, 100, "10.50", "SPY")  # an auction: it rests
            assert desk.hear("8")[39] == "0"
        assert exchange.end()["counters"]["orders"] == 1


def test_market_data_leaves_on_both_lines() -> None:
    lines = []
    for _ in range(2):
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.bind(("127.0.0.1", 0))
        line.settimeout(PATIENCE_S)
        lines.append(line)
    where = tuple(f"127.0.0.1:{line.getsockname()[1]}" for line in lines)
    with (
        serving(
            Server(
                symbols=(Symbol("AAPL"),),
                market_data=where,
                market_data_requests="127.0.0.1:0",
            )
        ) as server,
        FixClient(server.addresses["fix"]) as client,
        contextlib.ExitStack() as stack,
    ):
        for line in lines:
            stack.enter_context(line)
        client.logon()
        client.order("1", 1, 100, "10.50")
        client.hear("8")

        def add_in(packet: bytes) -> bool:
            at = 20
            while at < len(packet):
                n, kind = struct.unpack_from(">Hc", packet, at)
                if kind == b"A":
                    return True
                at += 2 + n
            return False

        for line in lines:
            while not add_in(line.recv(9000)):
                pass
        host, _, port = server.addresses["market data requests"].rpartition(":")
        asking = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        asking.settimeout(PATIENCE_S)
        asking.sendto(b"REDLINE   " + struct.pack(">QH", 1, 5), (host, int(port)))
        answer = asking.recv(9000)
        assert answer[:10] == b"REDLINE   "
        assert struct.unpack_from(">Q", answer, 10)[0] == 1


def test_fix_sessions_may_subscribe_to_market_data() -> None:
    with (
        serving(Server(symbols=(Symbol("AAPL"),))) as server,
        FixClient(server.addresses["fix"]) as client,
    ):
        client.logon()
        client.say("V", "262=r1|263=1|264=0|265=1|267=2|269=0|269=1|146=1|55=AAPL|")
        assert client.hear("W")[262] == "r1"
        client.order("1", 1, 100, "10.50")
        update = client.hear("X")
        assert (update[269], update[270], update[271]) == ("0", "10.5", "100")


def test_ouch_clients_log_in_and_trade() -> None:
    def packet(kind: bytes, payload: bytes = b"") -> bytes:
        return struct.pack(">H", 1 + len(payload)) + kind + payload

    with serving(Server(ouch="127.0.0.1:0", symbols=(Symbol("AAPL"),))) as server:
        host, _, port = server.addresses["ouch"].rpartition(":")
        with socket.create_connection((host, int(port)), timeout=PATIENCE_S) as peer:

            def get(n: int) -> bytes:
                bytes_ = b""
                while len(bytes_) < n:
                    more = peer.recv(n - len(bytes_))
                    assert more
                    bytes_ += more
                return bytes_

            def hear() -> tuple[bytes, bytes]:
                body = get(int.from_bytes(get(2), "big"))
                return body[:1], body[1:]

            peer.sendall(packet(b"L", b"DESK  " + b"SECRET    " + b" " * 10 + b"1".rjust(20)))
            assert hear()[0] == b"A"
            rows = np.zeros(2, ouch.dtype("in"))
            rows["type"] = b"O"
            rows["ref"] = (1, 2)
            rows["side"] = (b"B", b"S")
            rows["qty"] = 100
            rows["symbol"] = b"AAPL    "
            rows["px_nano"] = 10_500_000_000
            for name, letter in (
                ("tif", "0"),
                ("display", "Y"),
                ("capacity", "A"),
                ("sweep", "N"),
                ("cross", "N"),
            ):
                rows[name] = letter
            rows["cl_ord_id"] = b"mine".ljust(14)
            data, records = ouch.write(rows, "in")
            for record in records:
                start = int(record["offset"])
                peer.sendall(packet(b"U", data[start : start + int(record["n_bytes"])]))
            kinds: list[bytes] = []
            while len(kinds) < 4:
                kind, body = hear()
                if kind == b"S":
                    kinds.append(body[:1])
            assert kinds == [b"A", b"A", b"E", b"E"]
            assert server.counters()["trades"] == 1


def test_a_halt_is_the_venues_to_decide() -> None:
    with (
        serving(Server(symbols=(Symbol("AAPL"), Symbol("MSFT", Phase.HALTED)))) as server,
        FixClient(server.addresses["fix"]) as client,
    ):
        client.logon()
        client.order("1", 1, 100, "10.50", "MSFT")
        assert client.hear("8")[39] == "8"
        server.set_phase(Phase.OPEN, "MSFT")
        client.order("2", 1, 100, "10.50", "MSFT")
        assert client.hear("8")[39] == "0"
        server.set_phase(Phase.HALTED)
        client.order("3", 1, 100, "10.50")
        assert client.hear("8")[39] == "8"
        with pytest.raises(ValueError, match="not listed"):
            server.set_phase(Phase.OPEN, "IBM")
        (one,) = server.sessions()
        assert (one.version, one.them, one.state) == ("FIX.4.4", "CLIENT", "logged on")


def test_sessions_go_on_after_a_restart(tmp_path: Path) -> None:
    kept = Server(symbols=(Symbol("AAPL"),), store=str(tmp_path))
    with (
        serving(kept) as server,
        FixClient(server.addresses["fix"], name="../DESK 1") as client,  # a name, not a path
    ):
        client.logon()
        client.order("1", 1, 100, "10.50")
        assert client.hear("8")[34] == "2"
    assert len(list(tmp_path.iterdir())) == 1
    with (
        serving(kept) as server,
        FixClient(server.addresses["fix"], name="../DESK 1", next_out=3) as client,
    ):
        assert int(client.logon()[34]) >= 3
        client.say("2", "7=2|16=2|")
        again = client.hear("8")
        assert (again[34], again[43], again[11]) == ("2", "Y", "1")


def test_a_killed_exchange_never_uses_a_number_twice(tmp_path: Path) -> None:
    with (
        running("--fix", ":0", "--store", tmp_path) as exchange,
        FixClient(exchange.fix) as client,
    ):
        client.logon()
        client.order("1", 1, 100, "10.50")
        seen = int(client.hear("8")[34])
        exchange.process.kill()
        assert client.is_cut_off()
    with running("--fix", ":0", "--store", tmp_path) as exchange:
        with FixClient(exchange.fix, next_out=3) as client:
            assert int(client.logon()[34]) > seen
        exchange.end()


def test_in_the_calling_thread_it_serves_for_so_long() -> None:
    server = ExchangeServer(Server(fix="127.0.0.1:0", numbers={"n_orders": 4096}))
    heard: list[str] = []

    def client() -> None:
        with FixClient(server.addresses["fix"]) as one:
            heard.append(one.logon()[35])

    thread = threading.Thread(target=client)
    thread.start()
    server.run(lambda: thread.is_alive(), seconds=PATIENCE_S)
    thread.join()
    server.stop()
    server.close()
    assert heard == ["A"]


# --- it says what is wrong ------------------------------------------------------------------------


def test_a_port_in_use_is_one_line_and_exit_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = redline("exchange", "serve", "--fix", f":{port}")
    assert done.returncode == 2
    assert done.stderr == f"fix 127.0.0.1:{port}: address already in use\n"
    assert done.stdout == ""


def test_a_privileged_port_is_one_line_and_exit_3() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    setpriv = shutil.which("setpriv")
    if first <= 79:
        pytest.skip(f"ports from {first} on need no rights here")
    if os.geteuid() == 0 and setpriv is None:
        pytest.skip("needs setpriv to give up the right to port 79")
    without = (
        [str(setpriv), "--inh-caps=-all", "--bounding-set=-net_bind_service"]
        if os.geteuid() == 0
        else []
    )
    done = subprocess.run(
        [*without, sys.executable, "-m", "harness.cli", "exchange", "serve", "--fix", ":79"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("fix 127.0.0.1:79: permission denied (")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ([], "exchange serve: nowhere to listen; give --fix :PORT or --ouch :PORT"),
        (["--fix", "x:1"], "--fix: not an IP address: 'x' (names are not looked up)"),
        (["--fix", ":65536"], "--fix: not HOST:PORT with a port of 0 to 65535: ':65536'"),
        (["--fix", "192.0.2.1:0"], "fix 192.0.2.1:0: cannot assign requested address"),
        (["--fix", ":0", "--symbols", "A,,B"], "--symbols: not a symbol of 1 to 16 characters"),
        (["--fix", ":0", "--symbols", "A,A"], "--symbols: one of them is given twice: A,A"),
        (["--fix", ":0", "--market-data", "a"], "--market-data: not HOST:PORT"),
        (["--fix", ":0", "--retransmission", ":0"], "--retransmission: of what?"),
        (["--fix", ":0", "--max-connections", "0"], "--max-connections: not 1 to 65536: 0"),
        (["--fix", ":0", "--for", "-1"], "--for: not a length of time in seconds: -1"),
        (["--fix", ":0", "--config", "none.yaml"], "none.yaml: no such file"),
        (["--fix", ":0", "--store", "/dev/null/x"], "/dev/null/x: not a directory"),
        (["--fix", ":0", "--dictionaries", "docs"], "no FIX40.xml ... FIX50SP2.xml"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["exchange", "serve", *args]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fix: 1.2.3.4:x\n", ":1: fix: not HOST:PORT with a port of 0 to 65535: '1.2.3.4:x'"),
        ("fixx: :1\n", ":1: fixx: unknown key, did you mean 'fix'?"),
        ("fix: :1\nsymbols: [A, B, A]\n", ":2: symbols.2: the same as number 1"),
        ("fix: :1\nsymbols:\n  - {name: A, fase: open}\n", ":3: symbols.0.fase: unknown key"),
        ("fix: :1\nrules: {rate: 5}\n", ":2: rules.rate: no unit: 5"),
        (
            "fix: :1\nsessions:\n  - {version: FIX.4.5, them: A}\n",
            ":3: sessions.0.version: not one",
        ),
        ("fix: :1\nconnections: {receive_buffer: 5000B}\n", ":2: connections.receive_buffer: not"),
        ("fix: :1\nresend: {messages: 1000}\n", ":2: resend.messages: not a power of two"),
        ("fix: :1\nmax_sessions: 0\n", ":2: max_sessions: must be greater than or equal to 1"),
        ("fix: :1\nmischief: {resets: 5}\n", ":2: mischief.resets: no unit: 5"),
    ],
)
def test_a_wrong_file_is_one_line_with_its_place(
    tmp_path: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    assert cli.main(["exchange", "serve", "--config", str(file)]) == 2
    printed = capsys.readouterr()
    assert f"{file}{said}" in printed.err
    assert printed.err.count("\n") == 1


def test_what_cannot_be_shown_as_itch_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fine.yaml"
    file.write_text("fix: :0\nvenue: {tick: 0.000001}\nmarket_data: {lines: [127.0.0.1:9]}\n")
    assert cli.main(["exchange", "serve", "--config", str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_server_says_which_address_it_cannot_have() -> None:
    with (
        serving(Server()) as server,
        pytest.raises(ServerError, match="fix: address already in use") as caught,
    ):
        ExchangeServer(Server(fix=server.addresses["fix"]))
    assert not caught.value.needs_rights


# --- it goes on -----------------------------------------------------------------------------------


def test_a_thousand_connections_at_once_are_bounded_and_served() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 1400:
        pytest.skip(f"needs RLIMIT_NOFILE of 1400, may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1400), hard))
    try:
        with running("--fix", ":0", "--max-connections", "1000") as exchange:
            host, _, port = exchange.fix.rpartition(":")
            with contextlib.ExitStack() as stack:
                peers = [
                    stack.enter_context(socket.create_connection((host, int(port)), PATIENCE_S))
                    for _ in range(1000)
                ]
                for peer in peers:
                    peer.sendall(b"8=FIX.4.4\x019=100\x0135=A\x01")
                before = exchange.resident_bytes()
                beyond = [
                    stack.enter_context(socket.create_connection((host, int(port)), PATIENCE_S))
                    for _ in range(100)
                ]
                for one in beyond:
                    with contextlib.suppress(ConnectionError):
                        assert one.recv(1) == b""
                assert exchange.resident_bytes() < before + (32 << 20)
                for peer in peers[:10]:
                    peer.close()
                until(lambda: _serves(exchange.fix))
            said = exchange.end()
            assert said["counters"]["refused"] >= 100
            assert said["counters"]["connections"] >= 1001
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _serves(address: str) -> bool:
    try:
        still_serves(address)
    except Exception:
        return False
    return True


def test_bad_bytes_are_answered_with_the_end_of_their_connection() -> None:
    logon = f"35=A|34=1|49=BAD|52={utc_text()}|56=REDLINE|98=0|108=30|"
    good = frame("FIX.4.4", logon)
    hostile = [
        b"GET / HTTP/1.1\r\n\r\n8=",
        b"\x00" * 70_000,
        b"8=FIX.4.4\x019=99999999\x0135=A\x01" + b"x" * 70_000,
        good.replace(b"10=", b"11="),
        good[:-4] + b"000\x01" + b"8=FIX.4.4\x01",
        frame("FIX.4.4", logon.replace("35=A", "35=D")),
        frame("FIX.9.9", logon),
        frame("FIX.4.4", logon.replace("49=BAD|", "")),
        frame("FIX.4.4", logon.replace("108=30", "108=-1")),
        frame("FIX.4.4", logon.replace("34=1", "34=x")),
        frame("FIX.4.4", logon.replace(utc_text()[:8], "20000101")),
    ]
    with serving(Server(numbers={"logon_ns": 300_000_000})) as server:
        for bytes_ in hostile:
            with FixClient(server.addresses["fix"]) as client:
                with contextlib.suppress(ConnectionError):
                    client.socket.sendall(bytes_)
                assert client.is_cut_off(), bytes_[:60]
        still_serves(server.addresses["fix"])
        until(lambda: sum(server.ends().values()) == len(hostile) + 1)
        assert server.counters()["orders"] == 0


def test_messages_cut_anywhere_and_put_together_are_the_same_messages() -> None:
    with (
        serving(Server(symbols=(Symbol("AAPL"),))) as server,
        FixClient(server.addresses["fix"]) as client,
    ):
        client.logon()
        for byte in client.text("1", "112=slowly|"):
            client.socket.sendall(bytes([byte]))
        assert client.hear("0")[112] == "slowly"
        client.socket.sendall(
            b"".join(client.text("D", client.order_body(f"o{i}", 1, 10, "9.99")) for i in range(50))
        )
        assert [client.hear("8")[11] for _ in range(50)] == [f"o{i}" for i in range(50)]


def test_a_slow_reader_goes_and_the_others_stay() -> None:
    numbers = {"stall_ns": 200_000_000, "n_bytes_tx": 1 << 14}
    with serving(Server(symbols=(Symbol("AAPL"),), numbers=numbers)) as server:
        address = server.addresses["fix"]
        with FixClient(address, name="SLOW") as slow, FixClient(address, name="FINE") as fine:
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.logon()
            fine.logon()
            burst = b"".join(slow.text("1", "112=" + "x" * 500 + "|") for _ in range(20_000))
            with contextlib.suppress(ConnectionError):
                slow.socket.sendall(burst)  # and nothing is read
            until(lambda: server.ends().get("the peer did not read what was sent for a time") == 1)
            fine.order("1", 1, 100, "10.50")
            assert fine.hear("8")[39] == "0"


def test_half_open_clients_are_found() -> None:
    with (
        serving(Server()) as server,
        FixClient(server.addresses["fix"]) as client,
    ):
        client.say("A", "98=0|108=1|")  # and then nothing, not even to a TestRequest
        assert client.hear("A")[108] == "1"
        assert client.hear("1")[35] == "1"
        until(lambda: server.ends().get("no message in time") == 1)


def test_a_client_that_is_killed_may_lose_its_orders_but_nobody_elses() -> None:
    rules = Rules(cancel_on_disconnect=True)
    sessions = (FixSession("FIX.4.4", "REDLINE", "DIES", rules),)
    with serving(Server(symbols=(Symbol("AAPL"),), fix_sessions=sessions)) as server:
        address = server.addresses["fix"]
        script = (
            "import sys, time\n"
            "from tests.integration.fix_client import FixClient\n"
            f"c = FixClient({address!r}, name='DIES')\n"
            "c.logon()\n"
            "c.order('1', 1, 100, '10.50')\n"
            "c.hear('8')\n"
            "print('there', flush=True)\n"
            "time.sleep(60)\n"
        )
        with FixClient(address, name="LIVES") as lives:
            lives.logon()
            lives.order("1", 1, 100, "10.40")
            lives.hear("8")
            with subprocess.Popen(
                [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True
            ) as dies:
                assert dies.stdout is not None
                assert dies.stdout.readline() == "there\n"
                dies.kill()
            until(lambda: sum(server.ends().values()) == 1)
            lives.order("2", 2, 150, "10.40")
            assert lives.hear("8")[39] == "0"
            lives.order("3", 2, 100, "10.50")  # nothing left to trade with at that price
            reports = [lives.hear("8") for _ in range(3)]
            assert {one[11] for one in reports} == {"1", "2", "3"}
            assert server.counters()["trades"] == 1


def test_resets_in_the_middle_of_messages_leave_nothing_behind() -> None:
    with running("--fix", ":0") as exchange:
        before = 0
        number = 1
        for i in range(60):
            with FixClient(exchange.fix, name="CUT", next_out=number) as client:
                client.logon()
                client.socket.sendall(client.text("1", "112=never whole|")[:40])
                client.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            number += 1
            if i == 20:
                before = exchange.resident_bytes()
        assert exchange.resident_bytes() < before + (4 << 20)
        still_serves(exchange.fix)
        assert exchange.end()["counters"]["sessions"] == 2
