"""Session scripts against the acceptor: ours for every version, the shared ones, and negatives.

A script that passes proves little unless it can fail: every expected message of every script is
altered once, and the acceptor is made to misbehave in ways that only certain scripts look at.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from xml.etree import ElementTree as Tree

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from conformance.variants import HERE, OTHERS, SCRIPTS, names, rewritten
from test_dictionary import shared

from engine.session import Send
from harness import cli
from harness.conformance import server, versions
from harness.conformance.compare import BUILT_IN
from harness.conformance.echo import EchoApplication
from harness.conformance.play import Outcome, play
from harness.conformance.script import Kind, Script, ScriptError, read_script
from harness.conformance.suite import Bench, find_scripts, run_suite
from harness.conformance.versions import VERSIONS, Shelf
from harness.errors import RedlineError

ROOT = Path(__file__).parents[2]


@cache
def bench() -> Bench:
    return Bench(Shelf(shared("fix/dictionaries/FIX44.xml").parent, ()))


def played(script: Script, version: str = HERE.name) -> Outcome:
    return play(script, bench().server(script, VERSIONS[version]), BUILT_IN)


def ours() -> list[Script]:
    return [read_script(SCRIPTS / f"{name}.def") for name in names(HERE)]


def written(folder: Path, text: str, name: str = "a.def") -> Path:
    path = folder / name
    path.write_text(text.replace("|", "\x01"), encoding="latin-1", newline="\n")
    return path


# --- all of them pass ---


def test_there_are_scripts_for_every_case() -> None:
    assert len(ours()) >= 55
    told = {n for s in ours() for n in re.findall(r"Case (\d+)", s.path.read_text("latin-1"))}
    assert told >= {"1", "2", "3", "4", "6", "7", "8", "10", "11", "12", "13", "14", "15", "19"}


@pytest.mark.parametrize("name", names(HERE))
def test_our_script_passes(name: str) -> None:
    assert played(read_script(SCRIPTS / f"{name}.def")).failure is None


@pytest.mark.parametrize("version", [version.name for version in OTHERS])
def test_our_scripts_pass_for_version(version: str, tmp_path: Path) -> None:
    failed = {}
    for name in names(VERSIONS[version]):
        text = rewritten((SCRIPTS / f"{name}.def").read_text("latin-1"), VERSIONS[version])
        outcome = played(read_script(written(tmp_path, text, f"{name}.def")), version)
        if outcome.failure is not None:
            failed[name] = str(outcome.failure)
    assert failed == {}


@pytest.mark.parametrize("folder", ["fix42", "fix44"])
def test_the_shared_scripts_pass(folder: str) -> None:
    scripts, aside = find_scripts([shared(f"fix/definitions/{folder}")])
    assert len(scripts) > 50
    report = run_suite(scripts, shelf=bench().shelf, aside=aside)
    assert [result.line() for result in report.results if not result.passed] == []


def test_virtual_time_is_what_passes() -> None:
    outcome = played(read_script(SCRIPTS / "silence_ends_it.def"))
    # HeartBtInt 4, nothing heard: given up after 2.4 intervals.
    assert outcome.virtual_s == pytest.approx(9.6)


def test_the_same_script_ends_the_same_way_twice() -> None:
    script = read_script(SCRIPTS / "resend_of_both.def")
    wire: list[list[bytes]] = []
    for _ in range(2):
        acceptor = bench().server(script, HERE)
        sent: list[bytes] = []
        receive = acceptor.receive

        def spy(wire: server.Wire, data: bytes, now: int, *, to: Callable[..., None] = receive,
                sent: list[bytes] = sent) -> None:  # fmt: skip
            before = len(wire.unread)
            to(wire, data, now)
            sent.append(bytes(wire.unread[before:]))

        acceptor.receive = spy  # type: ignore[method-assign]
        assert play(script, acceptor, BUILT_IN).failure is None
        wire.append(sent)
    assert wire[0] == wire[1]


# --- all of them can fail ---


def test_every_expected_message_is_looked_at_to_the_last_field() -> None:
    wrong, n_altered = [], 0
    for script in ours():
        for at, line in enumerate(script.lines):
            if line.kind is not Kind.EXPECT:
                continue
            altered = list(script.lines)
            altered[at] = replace(line, text=line.text + b"9999=x\x01")
            outcome = played(replace(script, lines=tuple(altered)))
            n_altered += 1
            if outcome.failure is None or outcome.failure.line != line.number:
                wrong.append(f"{script.path.name}:{line.number}: {outcome.failure}")
    assert wrong == []
    assert n_altered > 250


def test_a_disconnect_that_does_not_come_is_missed(tmp_path: Path) -> None:
    text = (SCRIPTS / "logon_is_answered.def").read_text("latin-1")
    lines = text.splitlines()
    at = next(i for i, line in enumerate(lines) if "\x0135=5\x01" in line)
    cut = "\n".join([*lines[:at], "eDISCONNECT"])
    failure = played(read_script(written(tmp_path, cut))).failure
    assert failure is not None
    assert failure.what == "expected a disconnect, got nothing in 10 s"


def test_a_message_that_was_not_expected_is_found_before_the_disconnect(tmp_path: Path) -> None:
    text = (SCRIPTS / "logout_is_answered.def").read_text("latin-1")
    lines = [line for line in text.splitlines() if not re.match("E.*\x0135=5\x01", line)]
    failure = played(read_script(written(tmp_path, "\n".join(lines)))).failure
    assert failure is not None
    assert failure.what.startswith("expected a disconnect, got 8=FIX.4.4|9=51|35=5|")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("I8=FIX.4.4|35=0|", "connection 1 is not there"),
        ("iDISCONNECT", "connection 1 is not there"),
        ("e7,DISCONNECT", "connection 7 is not there"),
    ],
)
def test_a_connection_that_is_not_there_is_named(tmp_path: Path, line: str, said: str) -> None:
    failure = played(read_script(written(tmp_path, f"{line}\niCONNECT\n"))).failure
    assert failure is not None
    assert (failure.line, failure.what) == (1, said)


def test_damaged_scripts_fail_or_pass_but_never_break_the_player(tmp_path: Path) -> None:
    random = Random(20261123)
    texts = [script.path.read_bytes() for script in ours()]
    unreadable, lines = 0, set[int]()
    for _ in range(300):
        text = bytearray(random.choice(texts))
        for _ in range(random.choice((1, 2, 8))):
            at = random.randrange(len(text) - 1) if len(text) > 1 else 0
            match random.randrange(4):
                case 0:
                    text[at : at + 1] = bytes([random.choice(b"\x00\x01\n|=0123456789IEie<>\xff")])
                case 1:
                    del text[at : at + random.choice((1, 5, 200))]
                case 2:
                    text[at:at] = text[at - 30 : at] * random.choice((1, 20))
                case _:
                    text[at:at] = random.choice(
                        (
                            b"<TIME+999999999>",
                            b"<FILE:x>",
                            b"9=",
                            b"10=0\x01",
                            b"\nI1,",
                            b"9=9999999",
                        )
                    )
        path = tmp_path / "a.def"
        path.write_bytes(text)
        try:
            played(read_script(path))
        except ScriptError as error:
            unreadable += 1
            lines.add(str(error).count("\n"))
    assert 0 < unreadable < 300
    assert lines == {0}


# --- an acceptor that misbehaves ---


def reframed(data: bytes) -> bytes:
    """BodyLength and CheckSum as the altered message wants them."""
    head, _, rest = data.partition(b"\x019=")
    body = rest[rest.index(b"\x01") + 1 : rest.rindex(b"10=")]
    whole = head + b"\x019=%d\x01" % len(body) + body
    return whole + b"10=%03d\x01" % (sum(whole) % 256)


def expects(pattern: str) -> set[str]:
    """Scripts that expect a message like that."""
    return {
        script.path.stem
        for script in ours()
        for line in script.lines
        if line.kind is Kind.EXPECT and re.search(pattern, line.text.decode("latin-1"))
    }


def failing(monkeypatch: pytest.MonkeyPatch, wrong: Callable[[bytes], bytes]) -> set[str]:
    """Scripts that fail when what is sent goes through `wrong` first."""
    put = server._put
    monkeypatch.setattr(server, "_put", lambda wire, data: put(wire, wrong(data)))
    return {script.path.stem for script in ours() if played(script).failure is not None}


def test_a_text_with_another_word_fails_the_scripts_that_expect_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(data: bytes) -> bytes:
        return reframed(data.replace(b"58=CompID problem", b"58=CompID mistake"))

    expected = {"other_sender", "other_target"}
    assert failing(monkeypatch, wrong) == expected == expects("CompID problem")


def test_fields_in_another_order_fail_the_scripts_that_expect_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(data: bytes) -> bytes:
        return reframed(re.sub(rb"(372=[^\x01]*\x01)(373=[^\x01]*\x01)", rb"\2\1", data))

    assert failing(monkeypatch, wrong) == expects("\x01373=") != set()


def test_a_heartbeat_that_is_not_sent_fails_the_scripts_that_wait_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(data: bytes) -> bytes:
        return b"" if b"\x0135=0\x01" in data and b"\x01112=" not in data else data

    assert failing(monkeypatch, wrong) == expects("\x0135=0\x01(?!.*\x01112=)") != set()


def test_a_wrong_body_length_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    script = read_script(SCRIPTS / "logon_is_answered.def")
    put = server._put
    monkeypatch.setattr(
        server, "_put", lambda wire, data: put(wire, data.replace(b"\x019=6", b"\x019=7"))
    )
    assert played(script).failure is not None


def test_a_number_given_twice_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(data: bytes) -> bytes:
        return reframed(data.replace(b"\x0134=3\x01", b"\x0134=2\x01"))

    assert failing(monkeypatch, wrong) >= expects("\x0134=3\x01")


def test_an_application_that_answers_nothing_fails_the_scripts_with_orders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EchoApplication, "__call__", lambda self, message: [])
    failed = {script.path.stem for script in ours() if played(script).failure is not None}
    assert failed == expects("\x0135=[Dj]\x01")


def test_an_application_whose_answer_cannot_be_sent_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(EchoApplication, "__call__", lambda self, message: [Send("D", b"x")])
    failure = played(read_script(SCRIPTS / "fields_in_any_order.def")).failure
    assert failure is not None
    assert failure.what.startswith("the application's answer was refused")


def test_a_timer_that_stays_due_ends_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server.AcceptorServer, "tick", lambda self, now: None)
    failure = played(read_script(SCRIPTS / "silence_ends_it.def")).failure
    assert failure is not None
    assert failure.what == "a timer that is due stays due"


def test_a_script_that_reads_nothing_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(server, "MAX_UNREAD", 1000)
    logon = (SCRIPTS / "numbers_in_order.def").read_text("latin-1").splitlines()[2:4]
    ask = "I8=FIX.4.4|35=1|34={}|49=TW44|52=<TIME>|56=ISLD|112=x|"
    text = "\n".join([*logon, *(ask.format(n) for n in range(2, 40))])
    failure = played(read_script(written(tmp_path, text))).failure
    assert failure is not None
    assert "that the script never expected" in failure.what


# --- a session that connects ---


def test_a_script_may_be_connected_to(tmp_path: Path) -> None:
    text = """eCONNECT
E8=FIX.4.4|35=A|34=1|49=US|52=00000000-00:00:00.000|56=THEM|98=0|108=12|
R8=FIX.4.4|35=A|34=1|49=THEM|52=<TIME>|56=US|98=0|108=12|
E8=FIX.4.4|35=0|34=2|49=US|52=00000000-00:00:00.000|56=THEM|
R8=FIX.4.4|35=5|34=2|49=THEM|52=<TIME>|56=US|
E8=FIX.4.4|35=5|34=3|49=US|52=00000000-00:00:00.000|56=THEM|
eDISCONNECT
"""
    assert played(read_script(written(tmp_path, text))).failure is None
    later = text.replace("108=12|\nR", "108=12|999=x|\nR")
    assert played(read_script(written(tmp_path, later))).failure is not None


# --- the command ---


def redline(
    *args: str | Path, cwd: Path = ROOT, data: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "harness.cli", "fix-conformance", *map(str, args)]
    env = os.environ | {"REDLINE_DATA": data}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def wrong_logon(text: str) -> str:
    """It expects another HeartBtInt than the one it asks for."""
    return re.sub("(E8=.*\x0135=A\x01.*)108=30", r"\g<1>108=31", text)


def dictionaries() -> Path:
    return shared("fix/dictionaries/FIX44.xml").parent


def test_the_command_plays_a_folder_and_exits_with_0(tmp_path: Path) -> None:
    junit = tmp_path / "out.xml"
    done = redline(SCRIPTS, "--dictionaries", dictionaries(), "--junit", junit)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(
        r"(\d+) passed, 0 failed, in [\d.]+ s \(\d+ s of virtual time\)\n", done.stdout
    )
    suites = Tree.parse(junit).getroot()
    assert suites.get("tests") == str(len(ours()))
    assert suites.get("failures") == "0"
    assert len(suites.findall("testsuite/testcase")) == len(ours())


def test_the_command_names_the_line_and_the_tag_and_exits_with_1(tmp_path: Path) -> None:
    text = (SCRIPTS / "logon_is_answered.def").read_text("latin-1")
    folder = tmp_path / "fix44"
    folder.mkdir()
    written(folder, text, "good.def")
    bad = written(folder, wrong_logon(text), "bad.def")
    written(folder, "iCONNECT\nhello\n", "broken.def")
    junit = tmp_path / "out.xml"
    done = redline(tmp_path, "--dictionaries", dictionaries(), "-v", "--junit", junit)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"{bad}:5: expected 108=31, got 108=30 (tag 108)"
    assert lines[1].startswith("    expected 8=FIX.4.4|9=63|35=A|34=1|49=ISLD|")
    assert lines[2].startswith("    got      8=FIX.4.4|9=63|35=A|34=1|49=ISLD|")
    assert lines[3] == f"{folder}/broken.def:2: not a line of a script: hello"
    assert lines[4] == f"{folder}/good.def: passed"
    assert lines[5].startswith("1 passed, 2 failed, ")
    failures = Tree.parse(junit).getroot().findall("testsuite/testcase/failure")
    assert [failure.get("message") for failure in failures] == [lines[0], lines[3]]


def test_json_says_the_same(tmp_path: Path) -> None:
    text = (SCRIPTS / "logon_is_answered.def").read_text("latin-1")
    bad = written(tmp_path, wrong_logon(text))
    done = redline(bad, "--dictionaries", dictionaries(), "--json")
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert (said["passed"], said["failed"]) == (0, 1)
    (script,) = said["scripts"]
    assert script["path"] == str(bad)
    assert (script["version"], script["line"], script["tag"]) == ("FIX44", 5, "108")


def test_scripts_of_another_version_and_of_the_future_are_left_aside(tmp_path: Path) -> None:
    text = (SCRIPTS / "logon_is_answered.def").read_text("latin-1")
    for folder in ("fix44", "fix43", "future"):
        (tmp_path / folder).mkdir()
        version = VERSIONS["FIX43" if folder == "fix43" else "FIX44"]
        written(tmp_path / folder, rewritten(text, version))
    chosen = redline(tmp_path, "--dictionaries", dictionaries(), "--version", "fix44")
    assert chosen.stdout.startswith("1 passed, 0 failed, 2 left aside, ")
    everything = redline(tmp_path, "--dictionaries", dictionaries())
    assert everything.stdout.startswith("2 passed, 0 failed, 1 left aside, ")
    itself = redline(tmp_path / "future", "--dictionaries", dictionaries())
    assert itself.stdout.startswith("1 passed, 0 failed, in ")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nowhere"], "nowhere: no such file or directory"),
        (["empty"], "empty: no scripts: nothing in it or below is named *.def"),
        (["a.def", "--version", "FIX9"], "--version: no version 'FIX9': one of FIX40, FIX41, "),
        (["a.def", "--version", "FIX42"], "a.def: no scripts of FIX42"),
        (["a.def", "--dictionaries", "nowhere"], "--dictionaries: no such directory: nowhere"),
        (["a.def", "--dictionaries", "empty"], "no dictionary FIX44.xml in empty: name its folder"),
        (
            ["t.def", "--dictionaries", "empty"],
            "no dictionary FIX50SP2.xml and FIXT11.xml in empty",
        ),
        (["a.def", "--dictionaries", "bad"], "bad/FIX44.xml:1: "),
        (["a.def", "--junit", "nowhere/x.xml"], "nowhere/x.xml: no such file or directory"),
        ([], "redline: Missing argument 'DIR|FILE...'"),
    ],
)
def test_a_mistake_is_one_line_and_exits_with_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    said: str,
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "FIX44.xml").write_text("<fix")
    (tmp_path / "dictionaries").symlink_to(dictionaries())
    written(tmp_path, (SCRIPTS / "logon_is_answered.def").read_text("latin-1"))
    written(tmp_path, "iCONNECT\nI8=FIXT.1.1|35=A|1137=9|\n", "t.def")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["fix-conformance", *args]) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1


def test_without_a_dictionary_it_says_where_it_looked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(versions, "ROOT", tmp_path / "checkout")
    monkeypatch.setenv("REDLINE_DATA", str(tmp_path / "data"))
    (tmp_path / "scripts" / "dictionaries").mkdir(parents=True)
    shelf = Shelf(None, [tmp_path / "scripts" / "fix42" / "a.def"])
    with pytest.raises(RedlineError) as refused:
        shelf.paths(VERSIONS["FIX42"])
    places = ["scripts/dictionaries", "data/fix/dictionaries", "shared/data/fix/dictionaries"]
    looked = ", ".join(str(tmp_path / place) for place in places)
    assert str(refused.value).startswith(f"no dictionary FIX42.xml in {looked}")


def test_dictionaries_are_found_above_the_scripts(tmp_path: Path) -> None:
    (tmp_path / "dictionaries").symlink_to(dictionaries())
    inner = tmp_path / "scripts" / "fix44"
    inner.mkdir(parents=True)
    path = written(inner, (SCRIPTS / "logon_is_answered.def").read_text("latin-1"))
    shelf = Shelf(None, [path])
    assert shelf.paths(VERSIONS["FIX44"])[0].parent == tmp_path.resolve() / "dictionaries"


def test_fields_fmt_above_the_scripts_is_what_compares(tmp_path: Path) -> None:
    folder = tmp_path / "fix44"
    folder.mkdir()
    path = written(folder, (SCRIPTS / "logon_is_answered.def").read_text("latin-1"))
    (tmp_path / "fields.fmt").write_text("10=.\n52=^2027\n")
    result = bench().play(path)
    assert result is not None
    assert (
        result.line() == f"{path}:5: expected 52 like ^2027, got 52=20260105-09:00:00.000 (tag 52)"
    )


# --- the guide ---


def test_the_guide_shows_what_happens(tmp_path: Path) -> None:
    guide = (ROOT / "docs/guides/fix-conformance.md").read_text()
    blocks = re.findall(r"```\n(.*?)```", guide, re.DOTALL)
    script = next(block for block in blocks if block.startswith("iCONNECT"))
    written(tmp_path, script, "hello.def")
    shown = [block for block in blocks if block.startswith("$ redline fix-conformance hello.def")]
    assert len(shown) == 2
    for block, change in zip(
        shown, [("", ""), ("56=TW44|112=hi|", "56=TW44|112=ho|")], strict=True
    ):
        if change[0]:
            assert change[0] in script
            written(tmp_path, script.replace(*change), "hello.def")
        done = redline("hello.def", "--dictionaries", dictionaries(), cwd=tmp_path)
        expected = "".join(block.splitlines(keepends=True)[1:])
        assert seconds(done.stdout) == seconds(expected)


def seconds(text: str) -> str:
    return re.sub(r"in \d+\.\d+ s", "in 0.00 s", text)
