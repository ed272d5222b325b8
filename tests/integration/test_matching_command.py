"""`redline exchange script`: how a script may be written, what is refused, what it prints, and what
a hasty user gets: one clear line and the right code.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import NamedTuple

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.cli import main
from harness.exchange.script import Script, usage
from harness.exchange.script_run import run

from .conftest import ROOT, redline
from .test_matching_scenarios import LADDER, START, book_of, ladder, outcome_of

# --- how a script may be written ------------------------------------------------------------------

WRITTEN = {
    "carriage returns": (START + LADDER).replace("\n", "\r\n").encode(),
    "no newline at the end": (START + LADDER).rstrip().encode(),
    "a byte order mark": b"\xef\xbb\xbf" + (START + LADDER).encode(),
    "spaces and tabs": (START + LADDER).replace(" ", "\t  ").replace("\n", "  \n ").encode(),
    "comments": ("# first\n\n  # second\n" + START + LADDER + "#").encode(),
    "a comment behind a command": (START + LADDER).replace("98 5", "98 5 # low").encode(),
    "rubbish behind exit": (START + LADDER + "exit\nrubbish\n\xff").encode("latin-1"),
    "quit": (START + LADDER + "quit").encode(),
    "leading zeros": (START + LADDER).replace("98 5", "098 0005").encode(),
}


@pytest.mark.parametrize("data", WRITTEN.values(), ids=WRITTEN)
def test_a_script_may_be_written_like_this(data: bytes) -> None:
    outcome = run(Script(data, "script"))
    assert outcome.failures == ()
    assert outcome.books == outcome_of(START + LADDER).books


def test_a_name_may_hold_spaces_and_signs() -> None:
    outcome = outcome_of("add symbol 7 BRK B #1\nadd book 7")
    assert [book.name for book in outcome.books] == ["BRK B #1"]


def test_two_runs_have_the_same_hash_and_another_order_has_another() -> None:
    first, again = outcome_of(START + LADDER), outcome_of(START + LADDER)
    assert first.hash == again.hash
    assert first.hash != outcome_of(START + LADDER.replace("98 5", "98 6")).hash


# --- what is refused: the script goes on ----------------------------------------------------------

REFUSED = {
    "add symbol 0 Y": "add symbol: symbol 0 exists",
    "delete symbol 5": "delete symbol: no symbol 5",
    "add book 5": "add book: no symbol 5",
    "add book 0": "add book: book 0 exists",
    "delete book 5": "delete book: no book 5",
    "add limit buy 9 5 10 5": "add limit: no book 5",
    "add limit buy 2 0 10 5": "add limit: order 2 exists",
    "add limit buy 0 0 10 5": "add limit: an id is not 0",
    "add limit buy 9 0 10 0": "add limit: quantity is 0 or too large",
    "add stop sell 2 0 10 5": "add stop: order 2 exists",
    "add trailing stop sell 9 0 0 5 0 0": "add trailing stop: these conditions",
    "delete order 77": "delete order: no order 77",
    "reduce order 77 1": "reduce order: no order 77",
    "reduce order 2 0": "reduce order: quantity is 0 or too large",
    "modify order 77 1 1": "modify order: no order 77",
    "modify order 2 50 0": "modify order: quantity is 0 or too large",
    "mitigate order 2 50 0": "mitigate order: quantity is 0 or too large",
    "replace order 77 78 1 1": "replace order: no order 77",
    "replace order 2 3 50 1": "replace order: order 3 exists",
    "replace order 2 0 50 1": "replace order: an id is not 0",
    "bust 1": "bust: unknown trade",
    "add limit buy 9 0 101 5 post-only": "add limit: post-only order would trade",
}


@pytest.mark.parametrize(("line", "why"), REFUSED.items(), ids=REFUSED)
def test_what_is_refused_is_named_with_its_line_and_changes_nothing(line: str, why: str) -> None:
    outcome = outcome_of(START + LADDER + line + "\nadd symbol 1 LAST")
    (failure,) = outcome.failures
    assert failure.line == (START + LADDER).count("\n") + 1
    assert failure.text.startswith(why)
    assert outcome.books == outcome_of(START + LADDER).books
    assert (1, "LAST") in outcome.symbols


def test_an_order_that_leaves_nothing_may_be_called_like_one_that_rests() -> None:
    assert book_of(START + LADDER + "add market sell 2 0 5") == ladder("bid 99 7 3:7")


def test_a_deleted_book_ends_its_orders_and_may_be_opened_again() -> None:
    again = START + LADDER + "delete book 0\nadd book 0\nadd limit buy 1 0 5 5"
    assert book_of(again) == ["bid 5 5 1:5"]


# --- the command line -----------------------------------------------------------------------------


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`redline exchange script`, in this process."""

    def called(*arguments: str | Path) -> Done:
        code = main(["exchange", "script", *map(str, arguments)])
        return Done(code, *capsys.readouterr())

    return called


def one_line(done: Done | subprocess.CompletedProcess[str]) -> str:
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    return line


def script(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "orders.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_the_command_prints_the_book_and_what_was_traded(tmp_path: Path) -> None:
    done = redline("exchange", "script", script(tmp_path, START + LADDER + "add market buy 9 0 6"))
    assert done.returncode == 0, done.stderr
    *book, trades, hash = done.stdout.splitlines()
    assert [" ".join(line.split()) for line in book[1:]] == ladder("ask 101 6 5:6")
    assert trades == "trades 2, quantity 6"
    assert hash.startswith("hash 0x")
    assert done.stderr == ""


def test_events_come_before_the_books(tmp_path: Path, command: Callable[..., Done]) -> None:
    done = command(script(tmp_path, START + LADDER + "add market buy 9 0 6"), "--events")
    lines = done.stdout.splitlines()
    fills = [line for line in lines if " fill " in line]
    assert len(fills) == 4
    assert fills[0] == "11: 4 fill sell 5 at 101 with 9, trade 1, 0 left"
    assert lines.index(fills[-1]) < lines.index("book 0 X")


def test_json_has_the_same_as_data(tmp_path: Path, command: Callable[..., Done]) -> None:
    path = script(tmp_path, START + LADDER + "add stop sell 9 0 90.5 6\ndelete order 77")
    done = command(path, "--json", "--events")
    assert done.returncode == 1
    data = json.loads(done.stdout)
    (book,) = data["books"]
    assert [(level["price"], level["quantity"]) for level in book["bids"]] == [(99, 12), (98, 5)]
    assert [order["id"] for order in book["asks"][0]["orders"]] == [4, 5]
    (stop,) = book["stops"]
    assert (stop["id"], stop["side"], stop["stop_price"], stop["price"]) == (9, "sell", 90.5, None)
    assert data["errors"] == [{"line": 12, "error": "delete order: no order 77"}]
    assert data["symbols"] == [{"id": 0, "name": "X"}]
    assert len(data["events"]) > 10
    assert one_line(done) == f"{path}:12: delete order: no order 77"


def test_a_script_comes_from_standard_input_too(
    command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = BytesIO((START + "delete order 1").encode())
    monkeypatch.setattr("sys.stdin", TextIOWrapper(typed))
    done = command("-")
    assert done.returncode == 1
    assert done.stdout.startswith("book 0 X")
    assert one_line(done) == "<stdin>:4: delete order: no order 1"


def test_help_in_a_script_tells_every_command(tmp_path: Path, command: Callable[..., Done]) -> None:
    done = command(script(tmp_path, "help"))
    assert done.returncode == 0
    assert "add trailing stop-limit SIDE ID SYMBOL STOP PRICE QTY DISTANCE STEP" in done.stderr


def test_of_very_many_refusals_the_first_are_told(
    tmp_path: Path, command: Callable[..., Done]
) -> None:
    done = command(script(tmp_path, "delete order 1\n" * 5000))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 101
    assert done.stderr.endswith("orders.txt: and 4900 more\n")


MISTAKES = {
    "rubbish": "not a command: 'rubbish'",
    "add": "not a command: 'add'",
    "add limits buy 1 0 1 1": "not a command: 'add limits buy 1 0 1 1'",
    "ADD LIMIT buy 1 0 1 1": "not a command",
    "add limit": "add limit: SIDE is missing: add limit SIDE ID SYMBOL PRICE QTY",
    "add limit buy 1 0 10": "add limit: QTY is missing",
    "add limit hold 1 0 10 10": "add limit: SIDE: 'hold' is not buy or sell",
    "add limit buy one 0 10 10": "add limit: ID: not a number: 'one'",
    "add limit buy -1 0 10 10": "add limit: ID: not a number: '-1'",
    "add limit buy ٣ 0 10 10": "add limit: ID: not a number",
    "add limit buy 1 0 1e3 10": "add limit: PRICE: not a price: '1e3'",
    "add limit buy 1 0 0.0000000001 10": "add limit: PRICE: not a price",
    "add limit buy 1 0 10 10 10": "add limit: too much: '10'; options are: show",
    "add limit buy 1 0 10 10 day until 5": "add limit: until: day is given already",
    "add limit buy 1 0 10 10 show": "add limit: show: QTY is missing",
    "delete order 1 2": "delete order: too much: '2'",
    "add limit buy 1 0 10 18446744073709551616": "add limit: QTY: '18446744073709551616' is above",
    "add limit buy 1 0 9223372037 1": "add limit: PRICE: '9223372037' is not below",
    "add limit buy 9223372036854775808 0 1 1": "add limit: ID: '9223372036854775808' is above",
    "add symbol 4294967295 X": "add symbol: SYMBOL: '4294967295' is above 4294967294",
    f"add limit buy {'9' * 4000} 0 1 1": "add limit: ID: '9999",
    "add symbol 1 \x1b[31m": "add symbol: NAME: not at most 64 letters",
    f"# {'x' * 5000}": "a line has at most 4096 bytes",
}


@pytest.mark.parametrize(("line", "why"), MISTAKES.items(), ids=list(MISTAKES.values()))
def test_a_line_that_is_no_command_is_one_line_and_2_and_nothing_runs(
    tmp_path: Path, command: Callable[..., Done], line: str, why: str
) -> None:
    path = script(tmp_path, START + line + "\nmore rubbish")
    done = command(path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert one_line(done).startswith(f"{path}:4: {why}")
    assert len(one_line(done)) < len(str(path)) + 200


@pytest.mark.parametrize(
    "data", [bytes(range(256)), b"\x00" * 5000, b"\x7fELF\x02\x01\x01\x00\xff", b"\xfe\xff\x00a"]
)
def test_binary_rubbish_is_one_line_and_2(
    tmp_path: Path, command: Callable[..., Done], data: bytes
) -> None:
    done = command(script(tmp_path, data))
    assert done.returncode == 2
    assert one_line(done).startswith(f"{tmp_path}/orders.txt:")


def test_a_missing_file_and_a_directory_are_one_line_and_2(
    tmp_path: Path, command: Callable[..., Done]
) -> None:
    for path, why in ((tmp_path / "nowhere.txt", "no such file"), (tmp_path, "is a directory")):
        done = command(path)
        assert done.returncode == 2
        assert one_line(done).startswith(str(path))
        assert why in one_line(done)


def test_a_script_without_end_is_one_line_and_2() -> None:
    done = redline("exchange", "script", "/dev/zero")
    assert done.returncode == 2
    assert one_line(done) == "/dev/zero: a script has at most 64 MiB"


def test_the_largest_numbers_are_refused_or_kept() -> None:
    largest = 2**64 - 1
    outcome = outcome_of(
        START
        + f"add limit buy 1 0 9223372035.999999999 {2**63 - 1}\n"
        + f"add limit buy 2 0 9223372035.999999999 {2**63 - 1}\n"
        + f"add limit buy 3 0 9223372035.999999999 {largest}\n"
        + f"add market sell {2**63 - 1} 0 {largest}\n"
    )
    for failure in outcome.failures:
        assert failure.text.split(":")[0] in ("add limit", "add market")
    assert sum(level.qty for book in outcome.books for level in book.bids) <= largest


# --- the guide ------------------------------------------------------------------------------------


def test_the_guide_shows_what_happens(
    tmp_path: Path, command: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    guide = (ROOT / "docs/guides/matching-scripts.md").read_text()
    text, shown = re.findall(r"^```\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)[:2]
    (tmp_path / "day.txt").write_text(text)
    monkeypatch.chdir(tmp_path)
    done = command("day.txt")
    assert shown == f"$ redline exchange script day.txt\n{done.stdout}{done.stderr}"
    assert done.returncode == 1


def test_the_guide_has_every_command() -> None:
    guide = (ROOT / "docs/guides/matching-scripts.md").read_text()
    every = usage().split("\n\n")[0].splitlines()
    short = {"add ioc limit", "add fok limit", "add aon limit"}
    for form in every:
        verb = re.sub(r" [A-Z_ ]+$", "", form)
        wanted = f"`{verb} ..." if verb in short else f"`{form}"
        assert wanted in guide, form
