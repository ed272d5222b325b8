"""The report's section of counted instructions: there when given, true to its file, and tame."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import run_dirs

from harness.cli import main
from harness.config.instructions import Instructions
from harness.config.samples import Samples
from harness.errors import ExitCode
from harness.report import render
from harness.report.charts_flame import flame_chart

HOSTILE = '<script>alert("x")</script>'


def instructions(frame: str = "parse", *, control_found: bool = True) -> Instructions:
    stacks = [{"frames": ["loop"], "instructions": 100}]
    stacks.append({"frames": ["loop", frame], "instructions": 300})
    one: dict[str, Any] = {"component": "fix.parse", "regime": "stream", "n_ops": 4}
    one |= {"instructions": 400, "n_allocs": 0, "answer": "aa", "stacks": stacks}
    return Instructions.model_validate(
        {
            "schema": "redline.instructions/1",
            "key": {"compiler": "cc 1", "flags": "-O3", "libc": "glibc 2", "counter": "v 3"},
            "control": "16 planted",
            "control_found": control_found,
            "components": [one],
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_dirs.build(tmp_path_factory.mktemp("runs"), "good", blocks=5)


def test_the_section_is_there_when_counts_are_given(run: Path) -> None:
    page = render(run, [instructions()])
    assert 'id="profile"' in page
    assert "100.0" in page  # 400 instructions of 4 operations
    assert "parse 75 %" in page
    assert 'id="profile"' not in render(run)


def test_a_function_called_from_two_places_is_named_once(run: Path) -> None:
    counted = instructions().components[0]
    stacks = [{"frames": [caller, "parse"], "instructions": 200} for caller in "ab"]
    one = counted.model_validate({**counted.model_dump(), "stacks": stacks})
    page = render(run, [instructions().model_copy(update={"components": [one]})])
    assert "parse 100 %" in page


def samples(frame: str = "open_all") -> Samples:
    return Samples.model_validate(
        {
            "schema": "redline.samples/1",
            "what": "heap",
            "unit": "bytes",
            "of": "a trial",
            "tool": "valgrind-3",
            "control": "16 planted",
            "control_found": True,
            "stacks": [
                {"frames": ["main", frame], "weight": 300},
                {"frames": ["main"], "weight": 100},
            ],
        }
    )


def test_each_profile_that_is_given_has_its_section(run: Path) -> None:
    page = render(run, [instructions(), samples()])
    assert page.index('id="profile"') < page.index('id="profile2"')
    assert "Who holds the heap" in page
    assert "<td>open_all</td><td>300</td><td>75.0 %</td>" in page


def test_a_control_that_was_missed_is_said(run: Path) -> None:
    assert "this profile proves nothing" in render(run, [instructions(control_found=False)])


def test_a_name_does_not_become_markup(run: Path) -> None:
    assert HOSTILE not in render(run, [instructions(HOSTILE), samples(HOSTILE)])
    assert HOSTILE not in flame_chart("t", [((HOSTILE,), 1)])


def widths(svg: str) -> list[float]:
    return [float(width) for width in re.findall(r'<rect [^>]*width="([0-9.]+)"', svg)]


def test_a_frame_is_as_wide_as_all_that_it_holds() -> None:
    svg = flame_chart("t", [(("a",), 1), (("a", "b"), 2), (("c",), 1)])
    a, b, c = widths(svg)
    assert a == pytest.approx(3 * c, abs=0.25)  # printed with one decimal
    assert b == pytest.approx(2 * c, abs=0.25)


def test_nothing_counted_is_said_and_not_drawn() -> None:
    assert "nothing was counted" in flame_chart("t", [])
    assert "nothing was counted" in flame_chart("t", [(("a",), 0)])


def test_the_command_shows_a_profile_beside_the_sealed_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "profile.json", tmp_path / "page.html"
    path.write_text(json.dumps(instructions().model_dump()))
    assert main(["report", str(run), "--profile", str(path), "--out", str(out)]) == ExitCode.READY
    assert 'id="profile"' in out.read_text()
    path.write_text("{}")
    assert main(["report", str(run), "--profile", str(path), "--out", str(out)]) == ExitCode.USAGE
    assert str(path) in capsys.readouterr().err
