"""The guide to tuned hosts and its runbook: what they show can be typed, and says what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness.cli import main
from harness.config.profile import load_profile
from harness.errors import ExitCode

from .real_host import real_settings

pytestmark = pytest.mark.usefixtures("alone")

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "guides/hosts.md").read_text()
RUNBOOK = (DOCS / "runbooks/restore.md").read_text()


def commands(text: str) -> list[str]:
    """The lines of all blocks that start with our command, without their comments."""
    blocks = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("redline ")]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDLINE_STATE", str(tmp_path / "state"))


@pytest.mark.parametrize("line", sorted({*commands(GUIDE), *commands(RUNBOOK)}))
def test_every_command_and_every_option_shown_exists(
    line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _, *words = shlex.split(line)
    upto = 2 if words[0] == "host" else 1
    assert main([*words[:upto], "--help"]) == ExitCode.READY
    said = capsys.readouterr().out
    for option in (word for word in words if word.startswith("--")):
        assert option in said


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`[^`]*?(--[a-z][a-z-]+)", GUIDE))))
def test_an_option_that_is_only_mentioned_exists_too(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("facts", "check", "plan", "apply", "verify", "restore", "ablate")
    for name in names:
        main(["host", name, "--help"])
    assert option in capsys.readouterr().out


def test_a_plan_says_what_the_guide_says(capsys: pytest.CaptureFixture[str]) -> None:
    states = re.findall(r"^\| (change|noop|denied|unsupported|reboot|ineffective) \|", GUIDE, re.M)
    assert len(states) == 6
    code = main(["host", "plan", "--profile", "vm-dev", "--all"])
    said = capsys.readouterr().out
    assert code in (ExitCode.READY, ExitCode.FAIL)
    assert {line.split()[0] for line in said.splitlines()[:-1]} <= {*states, "kernel", "failed"}


def test_a_tuning_comes_and_goes_as_the_guide_says(capsys: pytest.CaptureFixture[str]) -> None:
    with real_settings("/proc/sys/vm/swappiness", "/proc/sys/vm/stat_interval"):
        assert main(["host", "apply", "--profile", "ci", "--for", "10ms"]) == ExitCode.READY
    said = capsys.readouterr().out
    assert "held until" in said
    assert "put back" in said.splitlines()[-1]


def test_nothing_to_put_back_is_said_as_the_runbook_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "`nothing to put back`" in RUNBOOK
    assert main(["host", "restore", "--show"]) == ExitCode.READY
    assert capsys.readouterr().out.strip() == "nothing to put back"


def test_the_profile_that_is_shown_is_one(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
    path = tmp_path / "ours.yaml"
    path.write_text(shown)
    assert load_profile(path).cards["feed"]


def test_a_command_with_a_wrong_option_is_caught(capsys: pytest.CaptureFixture[str]) -> None:
    main(["host", "plan", "--help"])
    assert "--perhaps" not in capsys.readouterr().out
