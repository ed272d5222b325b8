"""`redline kill`: what it says, and everything that keeps one person alone from letting go."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from people import People, make_people

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.trade.cause import Cause, KillState
from engine.trade.kill import KillBoard
from engine.trade.orders import Scope
from harness import cli

LIMITS = Path(__file__).parents[2] / "scenarios" / "limits"


@dataclass
class Desk:
    """An engine (this process) on a board, ACTIVE, and a command line that looks at it."""

    where: Path
    board: KillBoard
    capsys: pytest.CaptureFixture[str]

    def run(self, command: str, *words: object) -> tuple[int, str, str]:
        code = cli.main(["kill", command, *map(str, words), "--dir", str(self.where)])
        out = self.capsys.readouterr()
        return code, out.out, out.err

    def refused(self, command: str, *words: object) -> str:
        code, out, err = self.run(command, *words)
        assert (code, out) == (1, "")
        assert err.count("\n") == 1
        return err

    def mistaken(self, command: str, *words: object) -> str:
        code, out, err = self.run(command, *words)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        return err

    def tripped(
        self, cause: Cause = Cause.LOSS, scope: Scope = Scope.GLOBAL, index: int = 0
    ) -> None:
        self.board.trip(cause, scope, index)
        self.drain()

    def drain(self) -> None:
        if self.board.draining():
            assert self.board.drained()


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    return make_people(tmp_path_factory.mktemp("people"))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    board = KillBoard.create(tmp_path / "run")
    desk = Desk(tmp_path / "run", board, capsys)
    desk.drain()
    board.arm(board.request())
    board.persist()
    yield desk
    board.close()


@pytest.fixture
def approval(tmp_path: Path) -> Path:
    return tmp_path / "reset.json"


Reset = Callable[..., tuple[int, str, str]]


@pytest.fixture
def reset(desk: Desk, approval: Path, people: People) -> Reset:
    """request-reset by the first name, approve by the others, then arm."""

    def run(*names: str, scope: str = "all") -> tuple[int, str, str]:
        first, *others = names
        asked = ["--reason", "it is gone", "--scope", scope, "--key", people.key(first)]
        assert desk.run("request-reset", approval, *asked)[0] == 0
        for name in others:
            code, _, err = desk.run("approve", approval, "--key", people.key(name))
            assert code == 0, err
        return arm()

    def arm() -> tuple[int, str, str]:
        signers = ["--allowed-signers", people.allowed, "--without-watchdog"]
        return desk.run("arm", approval, *signers)

    return run


def installed(name: str) -> Path:
    """A program of csrc/tools, as the wheel puts it beside the interpreter."""
    path = Path(sys.executable).with_name(name)
    if not path.exists():
        pytest.skip(f"needs {path}: pip install -e .")
    return path


# ---- Looking and stopping -----------------------------------------------------------------------


def test_status_says_that_nothing_is_stopped(desk: Desk) -> None:
    code, out, err = desk.run("status")
    assert (code, err) == (0, "")
    assert out.startswith(f"{desk.where}: active, epoch ")
    assert "watchdog    none runs" in out
    assert "latch       saved" in out


def test_status_says_what_is_stopped_why_and_by_whom(desk: Desk) -> None:
    desk.board.trip(Cause.LOSS, Scope.ACCOUNT, 3)
    desk.board.trip(Cause.FEED_GAP, Scope.SYMBOL, 7)
    desk.board.set_active([Cause.FEED_GAP])
    code, out, _ = desk.run("status")
    assert code == 1
    assert "first       loss above the limit (account=3), 20" in out
    assert "also        a gap in the market data stays open" in out
    assert "stopped     account=3, symbol=7" in out
    assert "holds now   a gap in the market data" in out
    assert "has NOT seen it" in out
    assert "latch       BEHIND" in out
    desk.board.acknowledge()
    assert ", has seen it" in desk.run("status")[1]


def test_status_as_json_has_all_of_it(desk: Desk) -> None:
    desk.board.trip(Cause.LOSS, Scope.ACCOUNT, 3)
    code, out, _ = desk.run("status", "--json")
    said: dict[str, Any] = json.loads(out)
    assert code == 1
    assert said["state"] == "active"
    assert said["cause"] == "LOSS"
    assert said["tripped"] == ["account=3"]
    assert said["is_latched"] is False
    assert said["counters"]["sent_orders"] == 0


@pytest.mark.parametrize(
    ("words", "scope", "index", "cause"),
    [
        ([], Scope.GLOBAL, 0, Cause.MANUAL),
        (["--scope", "account=63"], Scope.ACCOUNT, 63, Cause.MANUAL),
        (
            ["--scope", "symbol=65534", "--cause", "feed_stale"],
            Scope.SYMBOL,
            65534,
            Cause.FEED_STALE,
        ),
    ],
)
def test_trip_stops_it_and_the_disk_knows(
    desk: Desk, words: list[str], scope: Scope, index: int, cause: Cause
) -> None:
    code, out, err = desk.run("trip", *words)
    assert (code, err) == (0, "")
    assert "stopped, epoch " in out
    assert desk.board.is_tripped(scope, index)
    assert desk.board.cause == cause
    file = desk.board.file_status()
    assert file is not None
    assert file.is_latched
    assert "was stopped before" in desk.run("trip", *words)[1]


def test_names_of_the_limits_can_be_used_and_are_shown(desk: Desk, tmp_path: Path) -> None:
    [limits, *_] = sorted(LIMITS.glob("*.yaml"))
    from harness.config.limits import load_limits

    name = load_limits(limits).names.accounts[-1]
    index = len(load_limits(limits).names.accounts) - 1
    assert desk.run("trip", "--scope", f"account={name}", "--limits", limits)[0] == 0
    assert desk.board.is_tripped(Scope.ACCOUNT, index)
    assert f"stopped     account={name}\n" in desk.run("status", "--limits", limits)[1]
    assert "no such account in the limits" in desk.mistaken(
        "trip", "--scope", "account=nobody", "--limits", limits
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scope", "acount=3"], "--scope: not a scope: 'acount=3' (write it like account=3"),
        (["--scope", "account"], "--scope: not a scope: 'account'"),
        (["--scope", "account="], "--scope: not a scope: 'account='"),
        (["--scope", "global=0"], "--scope: not a scope: 'global=0'"),
        (["--scope", "account=64"], "--scope: account=64: numbers go from 0 to 63"),
        (["--scope", "account=99999999999999999999"], "numbers go from 0 to 63"),
        (["--scope", "account=main"], "account=main: a name needs --limits FILE"),
        (["--scope", "all"], "--scope: 'all' cannot be stopped"),
        (["--cause", "boredom"], "--cause: not a cause: 'boredom'"),
        (["--cause", "boot"], "--cause: not a cause: 'boot'"),
    ],
)
def test_a_mistake_stops_nothing_and_is_one_line(desk: Desk, words: list[str], said: str) -> None:
    assert said in desk.mistaken("trip", *words)
    assert desk.board.status().tripped == ()


def test_a_directory_without_a_board_is_named(desk: Desk, tmp_path: Path) -> None:
    desk.where = tmp_path / "nowhere"
    assert f"{desk.where}: no such directory" in desk.mistaken("status")


# ---- Letting go ---------------------------------------------------------------------------------


def test_two_people_let_it_go_on(desk: Desk, reset: Reset) -> None:
    desk.tripped()
    code, out, err = reset("alice", "bob")
    assert (code, err) == (0, "")
    assert out == f"{desk.where}: active, approved by alice and bob\n"
    assert desk.board.state == KillState.ACTIVE
    file = desk.board.file_status()
    assert file is not None
    assert file.is_latched


def test_two_people_let_one_account_go_on(desk: Desk, reset: Reset) -> None:
    desk.board.trip(Cause.LOSS, Scope.ACCOUNT, 3)
    desk.board.trip(Cause.LOSS, Scope.ACCOUNT, 4)
    assert reset("bob", "carol", scope="account=3")[0] == 0
    assert desk.board.status().tripped == ((Scope.ACCOUNT, 4),)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["alice"], "needs the signatures of two people, has 1"),
        (["alice", "alice"], "alice signed twice; a second person must sign"),
        (["alice", "alice2"], "alice signed twice; a second person must sign"),
        (["alice", "eve"], "signature 2 is by a key that is nobody's here"),
    ],
)
def test_one_person_does_not(desk: Desk, reset: Reset, names: list[str], said: str) -> None:
    desk.tripped()
    code, out, err = reset(*names)
    assert (code, out) == (1, "")
    assert said in err
    assert desk.board.state == KillState.ARMING


def arm(desk: Desk, approval: Path, people: People) -> str:
    signers = ["--allowed-signers", people.allowed, "--without-watchdog"]
    return desk.refused("arm", approval, *signers)


def test_an_approval_is_good_once(desk: Desk, reset: Reset, approval: Path, people: People) -> None:
    desk.tripped()
    assert reset("alice", "bob")[0] == 0
    desk.tripped()
    assert "the approval is of epoch" in arm(desk, approval, people)
    assert desk.board.state == KillState.DRAINED


def test_a_second_request_makes_the_first_approval_stale(
    desk: Desk, approval: Path, people: People
) -> None:
    desk.tripped()
    key = ["--reason", "gone", "--key", people.key("alice")]
    assert desk.run("request-reset", approval, *key)[0] == 0
    assert desk.run("approve", approval, "--key", people.key("bob"))[0] == 0
    old = approval.read_bytes()
    assert desk.run("request-reset", approval, *key)[0] == 0
    approval.write_bytes(old)
    assert "the approval is of epoch" in arm(desk, approval, people)
    assert "the approval is of epoch" in desk.refused(
        "approve", approval, "--key", people.key("carol")
    )


@pytest.mark.parametrize("cause", [Cause.LOSS, Cause.CLOCK])
def test_what_trips_between_signature_and_reset_wins(
    desk: Desk, approval: Path, people: People, cause: Cause
) -> None:
    desk.tripped(Cause.LOSS)
    key = ["--reason", "gone", "--key", people.key("alice")]
    assert desk.run("request-reset", approval, *key)[0] == 0
    assert desk.run("approve", approval, "--key", people.key("bob"))[0] == 0
    desk.board.trip(cause)
    said = arm(desk, approval, people)
    again = "something was stopped since the request: ask again"
    assert (again if cause is Cause.LOSS else "the approval is of something else") in said
    assert desk.board.state == KillState.TRIPPED


def test_no_reset_while_a_cause_holds(
    desk: Desk, reset: Reset, approval: Path, people: People
) -> None:
    desk.tripped(Cause.CLOCK)
    desk.board.set_active([Cause.CLOCK])
    code, _, err = reset("alice", "bob")
    assert code == 1
    assert "a cause still holds: CLOCK" in err
    desk.board.set_active([])
    signers = ["--allowed-signers", people.allowed, "--without-watchdog"]
    assert desk.run("arm", approval, *signers)[0] == 0


def test_an_approval_is_of_one_board_and_one_scope(
    desk: Desk, approval: Path, people: People, tmp_path: Path
) -> None:
    desk.tripped()
    key = ["--reason", "gone", "--key", people.key("alice")]
    assert desk.run("request-reset", approval, *key)[0] == 0
    assert desk.run("approve", approval, "--key", people.key("bob"))[0] == 0
    text = approval.read_text()
    approval.write_text(text.replace("reset all on", "reset global on"))
    assert "is not good for this" in arm(desk, approval, people)
    approval.write_text(text)
    other = KillBoard.create(tmp_path / "other")
    desk.where = tmp_path / "other"
    assert "the approval is of" in arm(desk, approval, people)
    other.close()


def test_an_approval_expires(
    desk: Desk, reset: Reset, approval: Path, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    desk.tripped()
    key = ["--reason", "gone", "--key", people.key("alice")]
    assert desk.run("request-reset", approval, *key)[0] == 0
    assert desk.run("approve", approval, "--key", people.key("bob"))[0] == 0
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert "expired" in arm(desk, approval, people)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (KillState.ACTIVE, "nothing is stopped"),
        (KillState.TRIPPED, "tripped: its orders are not taken back yet"),
        (KillState.DRAINING, "draining: its orders are not taken back yet"),
    ],
)
def test_a_reset_is_not_asked_for_before_its_time(
    desk: Desk, approval: Path, state: KillState, said: str
) -> None:
    if state is not KillState.ACTIVE:
        desk.board.trip(Cause.LOSS)
    if state is KillState.DRAINING:
        desk.board.draining()
    assert said in desk.refused("request-reset", approval, "--reason", "gone")
    assert not approval.exists()


def test_without_an_engine_nothing_is_armed(
    desk: Desk, reset: Reset, approval: Path, people: People
) -> None:
    desk.tripped()
    key = ["--reason", "gone", "--key", people.key("alice")]
    assert desk.run("request-reset", approval, *key)[0] == 0
    assert desk.run("approve", approval, "--key", people.key("bob"))[0] == 0
    desk.board.close()
    assert "no engine runs here" in arm(desk, approval, people)
    desk.board = KillBoard.create(desk.where)
    assert desk.board.state == KillState.HALTED


def test_without_a_watchdog_nothing_is_armed_unless_somebody_says_so(
    desk: Desk, approval: Path, people: People
) -> None:
    tool = installed("redline-watchdog")
    desk.tripped()
    key = ["--reason", "gone", "--key", people.key("alice")]
    signers = ["--allowed-signers", people.allowed]
    assert desk.run("request-reset", approval, *key)[0] == 0
    assert desk.run("approve", approval, "--key", people.key("bob"))[0] == 0
    assert "no watchdog runs" in desk.refused("arm", approval, *signers)
    dog = subprocess.Popen(
        [tool, "--dir", desk.where, "--rule", "loss 1"], stdout=subprocess.PIPE, text=True
    )
    assert dog.stdout is not None
    assert dog.stdout.readline().startswith("watching")
    assert desk.run("arm", approval, *signers)[0] == 0
    assert "watchdog    process " in desk.run("status")[1]
    dog.terminate()
    dog.communicate()
    assert desk.board.cause == Cause.SIGNAL  # nobody watches: nobody trades


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not an approval"),
        ("{}", "not an approval"),
        ('{"format": "redline-approval-1"}', "not an approval"),
    ],
)
def test_a_file_that_is_no_approval_is_one_line(
    desk: Desk, approval: Path, people: People, text: str, said: str
) -> None:
    approval.write_text(text)
    assert said in desk.mistaken("approve", approval, "--key", people.key("alice"))


def test_a_reason_that_cannot_be_signed_changes_nothing(desk: Desk, approval: Path) -> None:
    desk.tripped()
    before = desk.board.epoch
    assert "reason" in desk.refused("request-reset", approval, "--reason", "two\nlines")
    assert desk.board.epoch == before


# ---- redline-kill as it is installed -------------------------------------------------------------


def test_the_installed_tool_stops_the_same_board(desk: Desk) -> None:
    tool = installed("redline-kill")
    done = subprocess.run(
        [tool, "--dir", desk.where, "--scope", "account=3", "--cause", "rate"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "cause=RATE scope=account=3 engine=running latch=saved" in done.stdout
    assert desk.board.is_tripped(Scope.ACCOUNT, 3)
