"""What the exchange says of orders is what each version's dictionary allows, field by field.

The server looks at what it is sent with the same dictionary, so the client speaks each version
properly, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from test_dictionary import load

from engine.exchange.match import Stp
from engine.exchange.server import ExchangeServer, FixSession, Rules, Server, Symbol
from engine.market.dictionary import Dictionary

from .fix_client import FixClient, Gone, Message, parse, utc_text

VERSIONS = {
    "FIX40": "FIX.4.0",
    "FIX41": "FIX.4.1",
    "FIX42": "FIX.4.2",
    "FIX43": "FIX.4.3",
    "FIX44": "FIX.4.4",
    "FIX50": "FIX.5.0",
    "FIX50SP1": "FIX.5.0SP1",
    "FIX50SP2": "FIX.5.0SP2",
}
APPL = {"FIX50": "7", "FIX50SP1": "8", "FIX50SP2": "9"}
OK = 0


class Client(FixClient):
    """Keeps the bytes of what it hears, and writes requests as its version has them."""

    def __init__(self, address: str, name: str, file: str) -> None:
        begin = "FIXT.1.1" if file in APPL else VERSIONS[file]
        super().__init__(address, begin=begin, name=name)
        self.age = list(VERSIONS).index(file)
        self.file = file
        self.heard: list[bytes] = []

    def messages(self) -> Iterator[Message]:
        while True:
            end = self.unread.find(b"\x0110=")
            if end >= 0 and len(self.unread) >= end + 8:
                whole, self.unread = self.unread[: end + 8], self.unread[end + 8 :]
                self.heard.append(whole)
                yield parse(whole)
                continue
            more = self.socket.recv(1 << 16)
            if not more:
                raise Gone
            self.unread += more

    def logon(self, body: str = "") -> Message:
        appl = f"1137={APPL[self.file]}|" if self.file in APPL else ""
        self.say("A", f"98=0|108=30|{appl}{body}")
        return self.hear("A")

    @property
    def time(self) -> str:
        return f"60={utc_text()}|" if self.age >= 2 else ""  # 4.0 and 4.1 know none

    def order(
        self, order: str, side: int, qty: int, price: str, symbol: str = "AAPL", more: str = ""
    ) -> None:
        self.say(
            "D",
            f"11={order}|21=1|{more}38={qty}|40=2|44={price}|54={side}|55={symbol}|{self.time}",
        )

    def stop(self, order: str, side: int, qty: int, stop: str, price: str = "") -> None:
        kind = f"40=4|44={price}|" if price else "40=3|"
        self.say("D", f"11={order}|21=1|38={qty}|{kind}54={side}|55=AAPL|{self.time}99={stop}|")

    def cancel(self, order: str, of: str, side: int) -> None:
        kind = "125=F|" if self.age == 0 else ""
        self.say("F", f"11={order}|38=100|41={of}|54={side}|55=AAPL|{self.time}{kind}")

    def replace(self, order: str, of: str, side: int, qty: int, price: str) -> None:
        self.say(
            "G", f"11={order}|21=1|38={qty}|40=2|41={of}|44={price}|54={side}|55=AAPL|{self.time}"
        )

    def status(self, order: str) -> None:
        self.say("H", f"11={order}|54=1|55=AAPL|")

    def wait(self) -> None:
        """All that was asked is answered, and what came of it for others is told."""
        self.say("1", "112=wait|")
        while self.hear("0").get(112) != "wait":
            pass


def trade(server: ExchangeServer, one: Client, two: Client) -> None:
    """Everything that the gateway can say; `two` is a client of the same version."""
    one.order("new", 1, 100, "10.25", more="1=acct|")
    one.wait()
    two.order("hit", 2, 40, "10.25")
    two.wait()
    one.replace("more", "new", 1, 120, "10.5")
    one.order("new", 1, 100, "10.25")  # again
    one.status("more")
    one.status("none")
    one.cancel("gone", "more", 1)
    one.cancel("late", "more", 1)
    one.cancel("none", "nothing", 1)
    one.replace("late2", "more", 1, 10, "11")
    one.order("rest", 1, 5, "1")
    one.replace("rest2", "rest", 1, 6, "1")
    one.say("D", f"11=now|21=1|38=5|40=2|44=1|54=1|55=AAPL|59=3|{one.time}")
    one.say("D", f"11=market|21=1|38=5|40=1|54=1|55=AAPL|{one.time}")
    one.order("symbol", 1, 5, "1", "NONE")
    one.order("price", 1, 5, "-1")
    one.order("qty", 1, 0, "1")
    one.say("D", f"11=iceberg|21=1|38=50|40=2|44=2|54=1|55=AAPL|{one.time}111=10|")
    one.say("D", f"11=date|21=1|38=50|40=2|44=2|54=1|55=AAPL|59=6|{one.time}126=20991231-00:00:00|")
    one.order("self", 2, 20, "2")  # prevented: takes 20 off the iceberg
    one.stop("stop", 2, 5, "1.5")
    one.stop("stop limit", 2, 5, "1.25", "1")
    one.wait()
    two.order("all", 2, 100, "1")  # through everything, down to the stops
    two.wait()
    one.wait()
    if one.age >= 3:
        one.order("m1", 1, 5, "0.5")
        one.say("AF", "584=all|585=7|")
        one.say("AF", "584=none|585=1|55=NONE|")
        one.say("q", f"11=mass|530=7|{one.time}")
        one.say("q", f"11=mass2|530=1|55=NONE|{one.time}")
        one.say("q", f"11=mass3|530=7|{one.time}")
    one.order("day", 1, 5, "0.25")
    one.wait()
    server.bust(1)
    server.end_day()
    one.wait()
    two.wait()


def kinds(client: Client) -> set[str]:
    """MsgType, and of reports what happened: ExecTransType, ExecType, OrdStatus."""
    messages = [parse(one) for one in client.heard]
    return {
        m[35] + ("".join(m.get(tag, "") for tag in (20, 150, 39)) if m[35] == "8" else "")
        for m in messages
    }


def session(file: str) -> tuple[Dictionary, Client, Client]:
    dictionary = load(file)
    sessions = tuple(
        FixSession(VERSIONS[file], "REDLINE", name, Rules(stp=Stp.DECREMENT))
        for name in ("ONE", "TWO")
    )
    config = Server(
        fix="127.0.0.1:0",
        symbols=(Symbol("AAPL"),),
        takes_any=False,
        fix_sessions=sessions,
        dictionaries={VERSIONS[file]: dictionary},
        numbers={"n_orders": 4096, "n_levels_per_side": 256, "n_fix_sessions": 4},
    )
    with (
        ExchangeServer(config) as server,
        Client(server.addresses["fix"], "ONE", file) as one,
        Client(server.addresses["fix"], "TWO", file) as two,
    ):
        one.logon()
        two.logon()
        trade(server, one, two)
    return dictionary, one, two


# MsgTypes; of reports ExecTransType, ExecType and OrdStatus.
MODERN = {"800", "8F1", "8F2", "844", "850", "851", "888", "881", "8CC", "8D0", "8H4", "8I0"}
MODERN |= {"8I1", "8I8", "9", "r"}
SAID = {
    "FIX40": {"800", "801", "802", "804", "805", "808", "80C", "814", "830", "831", "838", "9"},
    "FIX41": {
        "8000",
        "8011",
        "8022",
        "8044",
        "8051",
        "8055",
        "8081",
        "8088",
        "80CC",
        "8144",
        "8300",
        "8311",
        "8388",
        "9",
    },
    "FIX42": {
        "8000",
        "8011",
        "8022",
        "8044",
        "8051",
        "8055",
        "8081",
        "8088",
        "80CC",
        "80D0",
        "8144",
        "8311",
        "8388",
        "9",
    },
    "FIX43": MODERN,
    "FIX44": MODERN,
    "FIX50": MODERN | {"8L0"},
    "FIX50SP1": MODERN | {"8L0"},
    "FIX50SP2": MODERN | {"8L0"},
}


@pytest.mark.parametrize("file", VERSIONS)
def test_all_that_is_said_of_orders_is_in_the_dictionary(file: str) -> None:
    dictionary, one, two = session(file)
    for client in (one, two):
        for message in client.heard:
            result, reason, tag, _, what = dictionary.core.validate(message)
            assert result == OK, (message.replace(b"\x01", b"|"), reason, tag, what)
            assert parse(message)[35] not in ("3", "j"), message.replace(b"\x01", b"|")
    assert (kinds(one) | kinds(two)) - {"A", "0"} == SAID[file]


def test_a_report_with_a_field_of_another_version_would_be_found() -> None:
    newest, old = load("FIX44"), load("FIX40")
    _, one, _ = session("FIX44")
    report = next(m for m in one.heard if parse(m)[35] == "8")
    assert newest.core.validate(report)[0] == OK
    assert old.core.validate(report.replace(b"FIX.4.4", b"FIX.4.0"))[0] != OK
