"""What docs/guides/exchange.md and rough-day.md show is what happens, but for times and ids."""

from __future__ import annotations

import re
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from harness.config.exchange import ExchangeConfig
from harness.config.loader import parse as parse_config
from harness.config.mischief import MischiefConfig

from .conftest import ROOT, redline
from .fix_client import FixClient, parse, utc_text

GUIDE = (ROOT / "docs/guides/exchange.md").read_text()
ROUGH_DAY = (ROOT / "docs/guides/rough-day.md").read_text()

PATIENCE_S = 20
LEFT_OUT = {8, 9, 10, 49, 52, 56, 60}
VARIES = {9, 10, 52}  # lengths too: ids grow
IDS = {17, 37}


def blocks(text: str, kind: str = "") -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def shown_session() -> list[tuple[str, str]]:
    """The guide's messages in their order: '>' or '<', and the fields."""
    lines = [line for block in blocks(GUIDE) for line in block.splitlines()]
    return [(line[0], line[2:]) for line in lines if line[:2] in ("> ", "< ")]


def fields(text: str) -> dict[int, str]:
    return parse(text.replace("|", "\x01").encode("latin-1"))


class Ids:
    """Equal ids stay equal, different ones different; which they are is of no consequence."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def plain(self, message: dict[int, str]) -> list[tuple[int, str]]:
        """What has to be as it is shown: tags in their order, and the values that do not vary."""
        return [
            (tag, self.known.setdefault(value, f"#{len(self.known)}") if tag in IDS else value)
            for tag, value in message.items()
            if tag not in VARIES
        ]


def differences(address: str, session: list[tuple[str, str]]) -> Iterator[str]:
    """Says what the guide's client says; yields each answer that is not the one shown."""
    theirs, ours = Ids(), Ids()
    with FixClient(address) as client:
        for direction, text in session:
            shown = fields(text)
            if direction == ">":
                body = re.sub(r"^(8=.*?\|35=.*?\|56=.*?\||35=.*?\|34=.*?\|)", "", text)
                body = re.sub(r"\b10=\d{3}\|$", "", body)
                if shown[35] in "DGF":
                    body += f"60={utc_text()}|"
                sent = client.text(shown[35], body)
                assert fields(sent.decode("latin-1"))[34] == shown[34]
                client.socket.sendall(sent)
                continue
            heard = client.hear()
            if 8 not in shown:
                heard = {tag: value for tag, value in heard.items() if tag not in LEFT_OUT}
            if ours.plain(heard) != theirs.plain(shown):
                yield f"shown {shown}\nheard {heard}"


def test_the_session_that_the_guide_shows_is_what_happens() -> None:
    first = next(block for block in blocks(GUIDE) if "$ redline exchange serve" in block)
    command, *said = first.splitlines()
    args = command.removeprefix("$ redline ").replace(":9880", ":0").split()
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *args], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as exchange:
        try:
            assert exchange.stdout is not None
            heard = [exchange.stdout.readline().rstrip("\n") for _ in said]
            address = heard[0].split()[-1]
            assert numberless(heard[1:]) == numberless(said[1:])
            assert heard[0].replace(address, "") == said[0].replace("127.0.0.1:9880", "")
            assert list(differences(address, shown_session())) == []
            exchange.send_signal(signal.SIGINT)
            rest, _ = exchange.communicate(timeout=PATIENCE_S)
        finally:
            exchange.kill()
    assert rest == next(block for block in blocks(GUIDE) if block.startswith("connections "))
    assert exchange.returncode == 0


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("39=1|", "39=2|"),
        ("|58=too late", "|58=too early"),
        # an OrderID that changes, an ExecID that does not
        ("17=514076953624444984|37=514076953624444929", "17=514076953624444984|37=5"),
        ("17=514076953624444941|", "17=514076953624444940|"),
        ("|150=4|151=0|", "|151=0|150=4|"),
    ],
)
def test_a_guide_that_shows_something_else_would_be_noticed(old: str, new: str) -> None:
    from engine.exchange.server import ExchangeServer, Server, Symbol

    session = [(direction, text.replace(old, new)) for direction, text in shown_session()]
    assert session != shown_session()
    config = Server(fix="127.0.0.1:0", symbols=(Symbol("AAPL"),), numbers={"n_orders": 4096})
    with ExchangeServer(config) as exchange:
        assert list(differences(exchange.addresses["fix"], session))


def test_the_guides_configuration_is_read_and_says_what_the_defaults_are() -> None:
    (text,) = blocks(GUIDE, "yaml")
    config = parse_config(text, ExchangeConfig, name="guide.yaml")
    default = ExchangeConfig()
    assert config.connections == default.connections
    assert config.resend == default.resend
    assert (config.venue.orders, config.venue.levels) == (
        default.venue.orders,
        default.venue.levels,
    )
    assert config.rules == default.rules
    assert set(config.model_fields_set) >= set(ExchangeConfig.model_fields) - {
        "name",
        "max_sessions",
        "dictionaries",
    }


def test_every_word_of_mischief_is_in_the_table_and_every_row_is_read() -> None:
    section = GUIDE.split("## Misbehaviour")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    words = {row.split(":")[0] for row in rows}
    assert words == set(MischiefConfig.model_fields)
    for row in rows:
        parse_config(row.replace("...", "2ms"), MischiefConfig, name="guide.yaml")


def test_the_ends_of_connections_are_called_what_the_guide_says() -> None:
    section = GUIDE.split("## When a connection ends")[1].split("\n## ")[0]
    sources = "".join(
        path.read_text()
        for folder in ("net/loop", "session", "rig/exchange")
        for path in (ROOT / "csrc" / folder).glob("*.[hc]")
    )
    named = [
        text
        for row in re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
        for text in re.findall(r"`(.*?)`", row)
    ]
    assert len(named) >= 14
    assert [text for text in named if f'"{text}"' not in sources] == []


def test_the_guides_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = blocks(GUIDE, "python")
    exec(compile(program, "exchange.md", "exec"), {})
    assert capsys.readouterr().out.startswith("127.0.0.1:")


def test_a_snapshot_is_asked_for_as_the_guide_says() -> None:
    from engine.exchange.server import ExchangeServer, Server, Symbol

    config = Server(
        fix="127.0.0.1:0",
        symbols=(Symbol("AAPL"),),
        market_data=("127.0.0.1:9",),  # nobody hears the lines
        market_data_requests="127.0.0.1:0",
        numbers={"n_orders": 4096},
    )
    with (
        ExchangeServer(config) as exchange,
        FixClient(exchange.addresses["fix"]) as client,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking,
    ):
        client.logon()
        client.order("1", 1, 100, "10.50")
        client.hear("8")
        host, _, port = exchange.addresses["market data requests"].rpartition(":")
        asking.connect((host, int(port)))
        asking.settimeout(PATIENCE_S)
        asking.send(b"REDLINE   " + struct.pack(">QH", 0, 1))
        image = asking.recv(9000)[:10]
        assert re.fullmatch(rb"S\d{9}", image)
        asking.send(image + struct.pack(">QH", 1, 100))
        kinds = b""
        packet = asking.recv(9000)[20:]
        while packet:
            (n_bytes,) = struct.unpack_from(">H", packet)
            kinds += packet[2:3]
            last, packet = packet[2 : 2 + n_bytes], packet[2 + n_bytes :]
    assert kinds == b"RHAG"
    assert re.fullmatch(rb"G\d{20}", last)


def test_the_rough_day_that_the_guide_shows_is_what_happens() -> None:
    shown = next(block for block in blocks(ROUGH_DAY) if "$ redline exchange drill" in block)
    command, *expected = shown.splitlines()
    done = redline(*command.removeprefix("$ redline ").split())
    assert done.returncode == 0, done.stdout
    assert numberless(done.stdout.splitlines()) == numberless(expected)


def test_every_key_of_a_drill_is_in_its_guide() -> None:
    from harness.config.drill import DrillConfig

    section = ROUGH_DAY.split("## The file")[1].split("\n## ")[0]
    first = re.findall(r"^\| (`.*?`) \|", section, re.MULTILINE)
    words = {word for row in first for word in re.findall(r"`(\w+)`", row)}
    keys = {field.alias or name for name, field in DrillConfig.model_fields.items()}
    assert words == keys - {"name", "mischief"}


def test_the_guides_links_lead_somewhere() -> None:
    for page in ("docs/guides/exchange.md", "docs/guides/rough-day.md"):
        here = ROOT / page
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", here.read_text()):
            assert (here.parent / link).exists(), f"{page}: {link}"


def numberless(lines: list[str]) -> list[str]:
    """Counts, hashes and blanks aside."""
    return [re.sub(r"\b[0-9a-f]*\d[0-9a-f]*\b", "N", " ".join(one.split())) for one in lines]
