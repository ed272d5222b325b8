"""`redline host`: what it prints, what it leaves with, and that no mistake is a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hosts_tree
import pytest

from harness import cli
from harness.commands import host_ablate, host_check, host_recover
from harness.commands.host_noise import causes_lines, floor_lines
from harness.errors import ExitCode, HostError
from harness.measure import causes
from harness.measure.causes import Attribution, Cause, CoreCauses, observer_of
from harness.measure.noise import floor_record
from harness.run import worth
from harness.tuning import hold, lock, service
from harness.tuning.host import Host
from harness.tuning.knobs.base import Roles, Scope, Wish
from harness.tuning.plan import wish_of

TUNED, VM = "tuned-bare-metal", "vm"
COMMANDS = ["facts", "check", "plan", "apply", "verify", "restore", "diff", "ablate"]
HOSTILE = "\x1b[31mred\x07\n"
Json = dict[str, Any]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Result]


@pytest.fixture
def redline(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Run:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))

    def run(*words: object) -> Result:
        code = cli.main(["host", *map(str, words)])
        captured = capfd.readouterr()
        return Result(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be read alone, as every recorded host."""
    return hosts_tree.load(TUNED, tmp_path_factory.mktemp(TUNED))


@pytest.fixture(scope="module")
def vm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hosts_tree.load(VM, tmp_path_factory.mktemp(VM))


def profile(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(f"why: for a test\n{text}")
    return path


@pytest.fixture
def swappy(tmp_path: Path) -> Path:
    """A profile that both recorded hosts do not have."""
    return profile(tmp_path, "knobs: {memory.swappiness: 33}\n")


def noise_file(folder: Path, cpus: Sequence[int], gaps: Sequence[float]) -> Path:
    looks = [
        floor_record(gaps, 2.0, 60.0, when="look 1", cpu=cpu, role=f"cpu{cpu}") for cpu in cpus
    ]
    path = folder / "noise.json"
    path.write_text(json.dumps({"floor": looks}))
    return path


def test_the_commands_are_listed_in_the_order_in_which_they_are_used(redline: Run) -> None:
    done = redline("--help")
    said = [line.strip("│ ").split(" ")[0] for line in done.out.splitlines()]
    assert [word for word in said if word in COMMANDS] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(redline: Run, command: str) -> None:
    done = redline(command, "--help")
    assert done.code == 0
    assert "Example: redline host" in " ".join(done.out.split())


# Recorded hosts


def test_a_well_tuned_host_is_qualified(redline: Run, tuned: Path, tmp_path: Path) -> None:
    quiet = noise_file(tmp_path, range(2, 16), [1_000.0])
    done = redline("check", "--tree", tuned, "--noise", quiet)
    assert done.code == ExitCode.READY, done.out
    assert done.out.splitlines()[-1] == "QUALIFIED"
    found = redline("check", "--tree", tuned, "--noise", quiet, "--json").json
    assert found["hosts"][str(tuned)]["qualified"] is True


def test_a_loud_one_is_not_and_says_why(redline: Run, tuned: Path, tmp_path: Path) -> None:
    loud = noise_file(tmp_path, range(2, 16), [90_000.0])
    done = redline("check", "--tree", tuned, "--noise", loud)
    assert done.code == ExitCode.HOST_NOT_FIT
    assert done.out.splitlines()[-1].startswith("NOT QUALIFIED: longest gap: 90 us on CPU 2")
    assert "CPU 2: 0.0045 % of 2 s lost, longest gap 90 us; gaps: 1 of 10-100 us" in done.out


def test_what_was_not_listened_to_is_not_shown(redline: Run, tuned: Path) -> None:
    done = redline("check", "--tree", tuned)
    assert done.code == ExitCode.HOST_NOT_FIT
    assert "no noise floor was measured" in done.out.splitlines()[-1]


@pytest.mark.parametrize(
    ("wanted", "code", "state"), [(33, ExitCode.FAIL, "change"), (60, ExitCode.READY, "noop")]
)
def test_a_plan_leaves_with_drift(
    redline: Run, vm: Path, tmp_path: Path, wanted: int, code: int, state: str
) -> None:
    mine = profile(tmp_path, f"knobs: {{memory.swappiness: {wanted}}}\n")
    done = redline("plan", "--tree", vm, "--profile", mine, "--json")
    assert done.code == code
    assert [op["state"] for op in done.json["hosts"][str(vm)]["ops"]] == [state]


def test_a_plan_has_the_arguments_for_the_next_boot(redline: Run, vm: Path, tmp_path: Path) -> None:
    mine = profile(tmp_path, 'require: {cmdline: {isolcpus: "${hot}", nosmt: ~}}\n')
    done = redline("plan", "--tree", vm, "--profile", mine)
    assert done.code == ExitCode.FAIL
    assert done.out.splitlines()[-1] == (
        "kernel arguments for the next boot, never written by us: isolcpus=1 nosmt"
    )


@pytest.mark.parametrize(("wanted", "code"), [(33, ExitCode.FAIL), (60, ExitCode.READY)])
def test_a_verification_leaves_with_what_does_not_hold(
    redline: Run, vm: Path, tmp_path: Path, wanted: int, code: int
) -> None:
    mine = profile(tmp_path, f"knobs: {{memory.swappiness: {wanted}}}\n")
    done = redline("verify", "--tree", vm, "--profile", mine)
    assert done.code == code
    assert ("does not" in done.out) is bool(code)


def test_what_is_said_of_many_targets_in_the_same_words_is_said_once(
    redline: Run, tuned: Path, tmp_path: Path
) -> None:
    mine = profile(tmp_path, "knobs: {cpu.governor: powersave}\n")
    done = redline("verify", "--tree", tuned, "--profile", mine, "--level", "readback")
    (line,) = [line for line in done.out.splitlines() if line.startswith("does not")]
    assert " and 31 more" in line


def test_facts_and_the_fingerprint_of_a_recorded_host(redline: Run, tuned: Path) -> None:
    done = redline("facts", "--tree", tuned, "--json")
    assert done.code == 0
    (host,) = done.json["hosts"].values()
    assert host["facts"]["cpu.isolated"]["value"] == list(range(2, 16))
    text = redline("facts", "--tree", tuned).out
    assert text.splitlines()[-1] == f"fingerprint {host['fingerprint']}"


def test_a_host_that_says_nothing_has_reasons_in_the_place_of_facts(
    redline: Run, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    done = redline("facts", "--tree", tmp_path / "empty")
    assert done.code == 0
    assert "(no such file)" in done.out


def test_two_hosts_differ_field_by_field(redline: Run, tuned: Path, vm: Path) -> None:
    done = redline("diff", tuned, vm)
    assert done.code == ExitCode.FAIL
    assert any(line.startswith("tuning    cpu.isolated") for line in done.out.splitlines())
    same = redline("diff", tuned, tuned)
    assert same.code == ExitCode.READY
    assert "the same fingerprint: " in same.out


def test_facts_that_were_printed_can_be_compared_with_the_host(
    redline: Run, vm: Path, tmp_path: Path
) -> None:
    (tmp_path / "facts.json").write_text(redline("facts", "--tree", vm, "--json").out)
    done = redline("diff", tmp_path / "facts.json", vm, "--json")
    assert done.code == ExitCode.READY
    assert done.json["differences"] == []
    assert "build" not in done.json["parts"]


# Mistakes


BAD_CARDS = ["feed=../x", "feed=-o", f"feed={HOSTILE}", "feed=", "feed", "=eth0", "feed=a/b"]


@pytest.mark.parametrize("nic", BAD_CARDS)
def test_a_card_that_cannot_be_is_a_line(redline: Run, tuned: Path, nic: str) -> None:
    done = redline("plan", "--tree", tuned, "--profile", "low-latency", "--nic", nic)
    assert_one_line(done, "--nic: not ")


def test_a_card_for_a_role_that_no_profile_has_is_a_line(redline: Run, vm: Path) -> None:
    done = redline("plan", "--tree", vm, "--profile", "vm-dev", "--nic", "feed=eth0")
    assert_one_line(done, "--nic: no role 'feed' in the profile; it asks nothing of a card")


def test_a_card_given_twice_is_a_line(redline: Run, vm: Path) -> None:
    done = redline("plan", "--tree", vm, "--profile", "ci", "--nic", "a=x", "--nic", "a=y")
    assert_one_line(done, "--nic: 'a' is given twice")


@pytest.mark.parametrize("name", ["../../etc", "-o", HOSTILE, "no such", "a" * 5000])
@pytest.mark.parametrize("command", ["facts", "check", "restore"])
def test_a_host_that_cannot_be_is_a_line(redline: Run, command: str, name: str) -> None:
    assert_one_line(redline(command, "--", name), "no host ")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "--noise", "/dev/zero"], "/dev/zero: is not a regular file"),
        (["check", "--noise", "none.json"], "none.json: no such file"),
        (["check", "--tree", "/nowhere"], "/nowhere: no such directory"),
        (["check", "--seconds", "nan"], "--seconds: not 0.05 to 600: nan"),
        (["check", "--seconds", "1e9"], "--seconds: not 0.05 to 600"),
        (["facts", "--inventory", "/dev/zero"], "/dev/zero: is not a regular file"),
        (["facts", "--inventory", "none.yaml"], "none.yaml: no such file"),
        (["facts", "local", "--tree", "/"], "--tree: takes the place of hosts"),
        (["facts", "local", "--record", "x"], "--record: only of this machine"),
        (["facts", "--record", "/"], "/: is there already"),
        (["plan"], "local: no profile: name one with --profile"),
        (["plan", "--profile", "/dev/zero"], "/dev/zero: is not a regular file"),
        (["plan", "--profile", "low-latencey"], "no profile 'low-latencey', did you mean"),
        (["apply", "--profile", "ci", "--for", "1"], "--for: no unit"),
        (["apply", "--profile", "ci", "--for", "-1s"], "--for: not a duration"),
        (["apply", "--profile", "ci", "--for", "10000h"], "--for: more than a week"),
        (["apply", "--profile", "ci", "--while", ""], "--while: no command"),
        (["apply", "--profile", "ci", "--while", "'x"], "--while: no closing quotation"),
        (["apply", "--profile", "ci", "--while", "no-such-x"], "--while: no such program"),
        (["apply", "--profile", "ci", "--while", "true", "--keep"], "--keep and --while"),
        (["verify", "--profile", "ci", "--level", "all"], "--level: not one of"),
        (["diff", "/dev/null", "local"], "no host '/dev/null'"),
        (["ablate", "--profile", "ci", "--measure", "x"], "--measure: not one of"),
        (["ablate", "--profile", "ci", "--repeats", "0"], "--repeats: not 1 to"),
        (["ablate", "--profile", "ci", "--seed", "-1"], "--seed: not 0 to"),
        (["ablate"], "local: no profile"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_a_line(redline: Run, words: Sequence[str], said: str) -> None:
    assert_one_line(redline(*words), said)


BAD_NOISE: Mapping[str, object] = {
    "no json": "{",
    "deep": "[" * 100_000,
    "a list": [],
    "no looks": {"floor": 7},
    "no look": {"floor": [7]},
    "no cpu": {"floor": [{"cpu": "1", "seconds": 1, "lost_ns": 1, "max_ns": 1}]},
    "no time": {"floor": [{"cpu": 1, "seconds": 0, "lost_ns": 0, "max_ns": 0}]},
    "no number": {"floor": [{"cpu": 1, "seconds": 1, "lost_ns": "1", "max_ns": 1}]},
    "not a number": '{"floor": [{"cpu": 1, "seconds": 1, "lost_ns": NaN, "max_ns": 1}]}',
    "endless": '{"floor": [{"cpu": 1, "seconds": 1, "lost_ns": 1e999, "max_ns": 1}]}',
    "more than all": {"floor": [{"cpu": 1, "seconds": 1, "lost_ns": 2e9, "max_ns": 1}]},
    "no curve": {"floor": [{"cpu": 1, "seconds": 1, "lost_ns": 1, "max_ns": 1, "rate": 7}]},
}


@pytest.mark.parametrize("what", BAD_NOISE)
def test_a_broken_noise_file_is_a_line(
    redline: Run, tuned: Path, tmp_path: Path, what: str
) -> None:
    raw = BAD_NOISE[what]
    path = tmp_path / "noise.json"
    path.write_text(raw if isinstance(raw, str) else json.dumps(raw))
    assert_one_line(redline("check", "--tree", tuned, "--noise", path), f"{path}: ")


@pytest.mark.parametrize(
    "text", ["", "[]", "[" * 100_000, "{}", '{"facts": {"x": 1}}', '{"hosts": {"a": 1}}', "\xff"]
)
def test_a_file_without_facts_is_a_line(redline: Run, tmp_path: Path, text: str) -> None:
    path = tmp_path / "env.json"
    path.write_bytes(text.encode("latin-1"))
    assert_one_line(redline("diff", path, path), f"{path}: ")


@pytest.mark.parametrize(
    "text", ["", "[]", "hosts: 7\n", "hosts: {../x: {transport: local}}\n", "hosts: {a: {}}\n"]
)
def test_a_broken_inventory_is_a_line_with_its_place(
    redline: Run, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(text)
    assert_one_line(redline("facts", "--inventory", path), f"{path}:")


def assert_one_line(done: Result, said: str) -> None:
    assert done.code == ExitCode.USAGE
    assert done.out == ""
    (line,) = done.err.splitlines()
    assert said in line
    assert line.isprintable()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host whose files command a terminal."""
    evil = {
        "/proc/sys/vm/swappiness": "\x1b]0;owned\x07\x9b31m60\n",
        "/proc/sys/kernel/osrelease": "6.1\x1b[2J\u202e\n",
        "/sys/devices/system/clocksource/clocksource0/current_clocksource": "\x1b[31m\n",
    }
    return hosts_tree.load(VM, tmp_path_factory.mktemp("hostile"), evil)


OF_A_TREE: Mapping[str, Sequence[str]] = {
    "facts": ["--tree", "TREE"],
    "check": ["--tree", "TREE", "--all"],
    "plan": ["--tree", "TREE", "--profile", "MINE", "--all"],
    "verify": ["--tree", "TREE", "--profile", "MINE", "--all"],
    "diff": ["TREE", "FILE"],
}


@pytest.mark.parametrize("command", OF_A_TREE)
def test_what_a_host_says_reaches_no_terminal_as_it_is(
    redline: Run, hostile: Path, swappy: Path, tmp_path: Path, command: str
) -> None:
    file = tmp_path / "env.json"
    file.write_text(json.dumps({"facts": {"kernel.release": {"value": HOSTILE, "source": ""}}}))
    places = {"TREE": hostile, "MINE": swappy, "FILE": file}
    words = [command, *(places.get(word, word) for word in OF_A_TREE[command])]
    text = redline(*words)
    assert text.out
    assert "\\x1b" in text.out
    assert all(line.isprintable() for line in text.out.splitlines())
    done = redline(*words, "--json")
    assert done.out.isascii()
    assert done.json["schema"] == f"redline.host-{command}/1"


# What is held, with a stand-in for the service


ITEM = {"key": "a", "target": "/a", "before": "1", "seen": "2", "why": "", "state": "restored"}
OP = {"knob": "k", "target": "/a", "before": "1", "want": "2", "state": "change", "why": ""}
TUNING = {"title": "ci", "since": "then", "kept": True, "until": "", "guard": {"pid": 7}}


class FakeService:
    """Replies as a host would; what was asked of it is in `did`."""

    replies: Mapping[str, Json] = {}
    did: list[str] = []  # noqa: RUF012

    def handle(self, request: Mapping[str, Any]) -> Json:
        self.did.append(request["do"])
        usual: Mapping[str, Json] = {
            "plan": {"ops": [OP]},
            "apply": {
                "ops": [OP | {"on_unsupported": "warn"}],
                "roles": {},
                "commands": ["echo 1 > /a"],
                "fell_short": [],
                "already": False,
            },
            "held": {"ended": ""},
            "release": {"restored": [ITEM]},
            "restore": {"restored": [ITEM]},
            "status": {"tuned": None, "commands": [], "log": []},
        }
        return {"ok": True} | usual[request["do"]] | self.replies.get(request["do"], {})

    def close(self) -> None:
        pass


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeService]:
    FakeService.replies, FakeService.did = {}, []
    monkeypatch.setattr(service, "Service", FakeService)
    return FakeService


APPLY = ["apply", "--profile", "ci"]


def test_a_tuning_is_held_as_long_as_a_command_runs(redline: Run, fake: type[FakeService]) -> None:
    done = redline(*APPLY, "--while", "echo measured")
    assert done.code == 0
    assert [one for one in fake.did if one != "held"] == ["plan", "apply", "release"]
    assert [line for line in done.out.splitlines() if line in ("measured", "1 put back")] == [
        "measured",
        "1 put back",
    ]


def test_a_command_that_fails_is_a_failure(redline: Run, fake: type[FakeService]) -> None:
    assert redline(*APPLY, "--while", "false").code == ExitCode.FAIL
    assert fake.did[-1] == "release"


def test_json_is_all_that_is_printed_whatever_the_command_prints(
    redline: Run, fake: type[FakeService]
) -> None:
    done = redline(*APPLY, "--while", "echo measured", "--json")
    assert done.json["hosts"]["local"]["restored"] == [ITEM]
    assert done.err == "measured\n"


def test_a_command_that_takes_too_long_is_ended(redline: Run, fake: type[FakeService]) -> None:
    done = redline(*APPLY, "--while", "sleep 60", "--for", "50ms")
    assert done.code == ExitCode.FAIL
    assert done.err == "sleep: ended after 0.05 s\n"
    assert fake.did[-1] == "release"


@pytest.mark.parametrize(
    ("do", "reply"),
    [
        ("release", {"restored": [ITEM | {"state": "foreign"}]}),
        ("release", {"restored": [ITEM | {"state": "failed"}]}),
        ("apply", {"fell_short": ["/a"]}),
    ],
    ids=["foreign", "failed", "fell short"],
)
def test_what_did_not_go_as_planned_is_drift(
    redline: Run, fake: type[FakeService], do: str, reply: Json
) -> None:
    fake.replies = {do: reply}
    assert redline(*APPLY, "--for", "1ms").code == ExitCode.FAIL


def interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)


def test_ctrl_c_ends_what_is_held_until_then(
    redline: Run, fake: type[FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(monkeypatch)
    done = redline(*APPLY)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-2:] == ["held until Ctrl-C", "1 put back"]


def test_ctrl_c_interrupts_what_is_held_for_a_time_and_tells_what_came_back(
    redline: Run, fake: type[FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(monkeypatch)
    done = redline(*APPLY, "--for", "1h")
    assert (done.code, done.err) == (ExitCode.INTERRUPTED, "interrupted\n")
    assert done.out.splitlines()[-1] == "1 put back"


def test_what_is_no_longer_held_is_told_at_once(redline: Run, fake: type[FakeService]) -> None:
    fake.replies = {
        "held": {"ended": "its time was over"},
        "release": {"ok": False, "error": "ci: was not held until the end", "exit_code": 3},
    }
    done = redline(*APPLY)
    assert done.code == ExitCode.HOST_NOT_FIT
    assert done.err == "ci: was not held until the end\n"


def test_what_is_kept_says_how_to_put_it_back(redline: Run, fake: type[FakeService]) -> None:
    done = redline(*APPLY, "--keep")
    assert done.code == 0
    assert done.out.splitlines()[-2:] == [
        "kept until `redline host restore`; by hand, in this order:",
        "  echo 1 > /a",
    ]
    assert "release" not in fake.did


def test_what_is_kept_already_is_told(redline: Run, fake: type[FakeService]) -> None:
    fake.replies = {"apply": {"already": True}}
    done = redline(*APPLY, "--keep")
    assert done.out.splitlines()[-1] == "kept already; nothing was changed"


def test_a_refusal_of_a_host_is_its_own_line(redline: Run, fake: type[FakeService]) -> None:
    fake.replies = {"plan": {"ok": False, "error": f"in use {HOSTILE}", "exit_code": 3}}
    done = redline(*APPLY)
    assert (done.code, done.out) == (ExitCode.HOST_NOT_FIT, "")
    assert done.err == "in use \\x1b[31mred\\x07\n"
    assert fake.did == ["plan"]


@pytest.mark.parametrize(
    ("state", "code"), [("restored", 0), ("unchanged", 0), ("gone", 0), ("foreign", 1)]
)
def test_a_restore_leaves_with_what_is_left(
    redline: Run, fake: type[FakeService], state: str, code: int
) -> None:
    fake.replies = {"restore": {"restored": [ITEM | {"state": state}]}}
    assert redline("restore").code == code
    done = redline("restore", "--json")
    assert done.json["hosts"]["local"]["restored"][0]["state"] == state


def test_how_to_put_it_back_is_shown_and_nothing_is_done(
    redline: Run, fake: type[FakeService]
) -> None:
    fake.replies = {"status": {"tuned": TUNING, "commands": ["echo 1 > /a"], "log": ["then: x"]}}
    done = redline("restore", "--show")
    assert done.out.splitlines() == [
        "ci, since then, kept by process 7; by hand, in this order:",
        "  echo 1 > /a",
        "before: then: x",
    ]
    assert fake.did == ["status"]


def test_a_dead_tuning_is_put_back_before_a_host_is_used_but_not_before_it_is_shown(
    redline: Run, fake: type[FakeService], monkeypatch: pytest.MonkeyPatch
) -> None:
    recovered: list[None] = []
    monkeypatch.setattr(host_recover, "recover", lambda: recovered.append(None))
    redline("restore", "--show")
    redline("restore")
    assert recovered == []
    redline(*APPLY, "--for", "1ms")
    assert recovered == [None]


def test_one_host_that_fails_keeps_no_other_from_being_checked(
    redline: Run, tmp_path: Path
) -> None:
    inventory = tmp_path / "hosts.yaml"
    inventory.write_text(
        "hosts:\n  gone: {transport: {netns: redline-no-such}}\n  here: {transport: local}\n"
    )
    done = redline("check", "--inventory", inventory, "--seconds", "0.05", "--json")
    assert done.code == ExitCode.HOST_NOT_FIT
    assert {name: one["ok"] for name, one in done.json["hosts"].items()} == {
        "gone": False,
        "here": True,
    }
    assert done.err.startswith("gone: ")


# Noise


def test_gaps_are_counted_by_their_length() -> None:
    gaps = [150.0, 500.0, 2_000.0, 50_000.0, 60_000.0, 20_000_000.0]
    looks = [floor_record(gaps, 1.0, 60.0, when="x", cpu=3, role="hot") for _ in range(2)]
    (line,) = floor_lines(looks)
    assert line == (
        "CPU 3: 2 % of 2 s lost, longest gap 20 ms; gaps: 4 of 0.1-1 us, 2 of 1-10 us, "
        "4 of 10-100 us, 2 of 10 ms or more"
    )


def test_a_cpu_without_a_gap_has_none() -> None:
    (line,) = floor_lines([floor_record([], 1.0, 60.0, when="x", cpu=3, role="hot")])
    assert line == "CPU 3: 0 % of 1 s lost, longest gap 0 us; gaps: none"


def core(n_causes: int = 1, lost_events: int = 0) -> CoreCauses:
    found = tuple(Cause(f"task: {i}", 100_000.0, 2, 60_000.0) for i in range(n_causes))
    left = Cause("unexplained", 100_000.0, 5, 30_000.0)
    lost_ns = 100_000.0 * (n_causes + 1)
    observer = observer_of([0.0] * 8, [1e-6] * 8)
    return CoreCauses(3, 1.0, lost_ns, found, left, 0.0, lost_events, 0, observer)


def test_causes_have_shares_and_what_is_left_has_one_too() -> None:
    lines = list(causes_lines(Attribution((core(3),))))
    assert all(" 25.0 % " in line for line in lines[1:5])
    assert "unexplained (hypervisor, SMI)" in lines[4]
    assert lines[5].startswith("  looking cost 1 ppm of the time")


def test_the_least_of_many_causes_are_one_line() -> None:
    lines = list(causes_lines(Attribution((core(12),))))
    assert sum(line.startswith("  task: ") for line in lines) == 8
    assert any(line.startswith("  4 others ") for line in lines)


def test_lost_events_are_told() -> None:
    assert "7 events were lost" in list(causes_lines(Attribution((core(1, 7),))))[-1]


def test_a_host_that_cannot_be_traced_says_why() -> None:
    assert list(causes_lines(Attribution(missing="no tracefs"))) == [
        "causes: not shown: no tracefs"
    ]


def test_causes_are_shown_when_they_are_asked_for(
    redline: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = [floor_record([], 1.0, 60.0, when="x", cpu=0, role="hot")]
    monkeypatch.setattr(host_check, "_look", lambda *_: heard)
    monkeypatch.setattr(causes, "by_cause", lambda *_: Attribution(missing="not here"))
    words = ["check"]
    assert "causes: not shown: not here" in redline(*words, "--causes").out
    assert "causes:" not in redline(*words).out
    (found,) = redline(*words, "--causes", "--json").json["hosts"].values()
    assert found["causes"]["missing"] == "not here"


def test_causes_are_only_of_this_machine(redline: Run, vm: Path) -> None:
    assert_one_line(redline("check", "--tree", vm, "--causes"), "--causes: only of this machine")


# What tunings are worth


@pytest.fixture
def taken_apart(vm: Path, swappy: Path, monkeypatch: pytest.MonkeyPatch) -> list[frozenset[str]]:
    """A recorded host in the place of this one; by turns what was on."""
    turns: list[frozenset[str]] = []
    wishes = [
        wish_of({"knob": "memory.swappiness", "value": 33}),
        wish_of({"knob": "memory.stat-interval", "value": 77}),
    ]
    scope = Scope(Host(vm), Roles((1,), (0,), (0,)))

    @contextlib.contextmanager
    def tuned(scope: Scope, mine: Sequence[Wish], *, title: str) -> Iterator[None]:
        turns.append(frozenset(one.knob for one in mine))
        yield

    def measure(cpus: object) -> Mapping[str, float]:
        return {"p50": 100.0 if "memory.swappiness" in turns[-1] else 900.0, "p99": 5.0}

    monkeypatch.setattr(host_ablate, "_asked", lambda *_: (scope, wishes, "mine"))
    monkeypatch.setattr(hold, "tuned", tuned)
    monkeypatch.setattr(worth, "MEASURES", {"blocking-rtt": measure})
    return turns


ABLATE = ["ablate", "--profile", "ci", "--repeats", "6"]


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_the_worth_of_each_tuning_is_shown_with_what_chance_would_show(
    redline: Run, taken_apart: list[frozenset[str]]
) -> None:
    done = redline(*ABLATE)
    assert done.code == 0
    (row,) = [line for line in done.out.splitlines() if line.startswith("memory.swappiness  ")][:1]
    assert row.split()[1:5] == ["p50", "100", "900", "800"]
    assert row.endswith("gains")
    assert done.out.splitlines()[-1] == (
        "2 of 6 rows show a difference; 0.3 would by chance if there were none"
    )
    assert len(taken_apart) == 6 * 4


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two CPUs")
def test_only_the_named_knob_is_taken_apart(
    redline: Run, taken_apart: list[frozenset[str]]
) -> None:
    done = redline(*ABLATE, "--knob", "memory.swappiness", "--json")
    assert {row["name"] for row in done.json["rows"]} == {"memory.swappiness", "all"}
    assert done.json["measure"] == "blocking-rtt"


def test_a_knob_that_changes_nothing_is_a_line(
    redline: Run, taken_apart: list[frozenset[str]]
) -> None:
    done = redline(*ABLATE, "--knob", HOSTILE)
    assert_one_line(done, "changes nothing here by this profile")
    assert taken_apart == []


def test_a_production_host_is_not_taken_apart(
    redline: Run, taken_apart: list[frozenset[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise HostError("this host is marked as a production host")

    monkeypatch.setattr(lock, "refuse_production", refuse)
    done = redline(*ABLATE)
    assert (done.code, done.err) == (3, "this host is marked as a production host\n")
    assert taken_apart == []


def test_a_look_at_waiting_has_enough_round_trips_for_its_percentiles() -> None:
    from harness.measure.ablation import percentiles_of

    assert percentiles_of(range(worth.ROUND_TRIPS))["p99"] is not None
    assert percentiles_of(range(worth.ROUND_TRIPS - 1))["p99"] is None


def test_help_loads_nothing_that_measures_or_connects() -> None:
    code = (
        "import sys; from harness.cli import main; main(['host', '--help']); "
        "print([m for m in ('numpy', 'engine', 'execnet', 'harness.tuning') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
