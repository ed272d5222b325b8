"""Profiles of heap, cycles and Python: what tools write is read right, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.config.loader import ConfigError
from harness.config.samples import Samples, load_profile
from harness.errors import ExitCode
from harness.profile import __main__ as front
from harness.profile import cycles, heap, python, stacks
from harness.quality.found import Control
from harness.quality.program import Absent

VALGRIND = "(in /usr/libexec/valgrind/vgpreload_dhat-amd64-linux.so)"
FRAMES = ["[root]", f"0x1A: malloc {VALGRIND}", "0x2B: __wrap_malloc (mem.c:9)"]
FRAMES += ["0x3C: take (open.c:12)", "0x4D: main (main.c:3)", "0x5E: spare (open.c:30)"]


def dhat(**changed: Any) -> dict[str, Any]:
    points = [
        {"gb": 64, "tb": 128, "fs": [1, 2, 3, 4]},
        {"gb": 8, "tb": 8, "fs": [1, 3, 4]},
        {"gb": 0, "tb": 999, "fs": [1, 5, 4]},  # given back before the peak
        {"gb": 4, "tb": 4, "fs": [1]},
    ]
    return {"dhatFileVersion": 2, "mode": "heap", "pps": points, "ftbl": FRAMES} | changed


def test_bytes_of_the_peak_are_of_those_who_asked_and_not_of_the_allocator() -> None:
    assert heap.read(dhat()) == {("main", "take"): 72, (stacks.NO_FRAME,): 4}


@pytest.mark.parametrize(
    "changed",
    [{"dhatFileVersion": 3}, {"mode": "copy"}, {"pps": None}, {"ftbl": FRAMES[:3]}, {"pps": [{}]}],
)
def test_another_format_of_a_heap_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(Absent, match="dhat"):
        heap.read(dhat(**changed))


def test_samples_of_perf_are_turned_round_and_counted() -> None:
    told = "\t   14f38 leaf (inlined)\n\t   23a main\n\n\t   14f99 leaf (inlined)\n\t 23b main\n\n"
    told += "\t    55 [unknown]\n\n"
    assert cycles.read(told) == {("main", "leaf (inlined)"): 2, ("[unknown]",): 1}


def test_folded_stacks_are_added_up_and_a_sample_of_no_frame_is_kept() -> None:
    told = "main (a.py:1);run (b.py:2) 3\n 4\nmain (a.py:1);run (b.py:2) 1\n"
    assert stacks.folded(told) == {("main (a.py:1)", "run (b.py:2)"): 4, (stacks.NO_FRAME,): 4}


def test_frames_that_are_left_out_leave_their_weight_to_their_callers() -> None:
    found = stacks.folded("main;load (<frozen importlib>) 2\nmain 1\nload (<frozen importlib>) 4\n")
    assert python.without(found, "importlib") == {("main",): 3, (stacks.NO_FRAME,): 4}


@pytest.mark.parametrize("told", ["main", "main;run x", "main;run "])
def test_a_line_without_a_weight_is_none(told: str) -> None:
    with pytest.raises(ValueError, match=r"stack|invalid literal"):
        stacks.folded(told)


def taken(*, found: bool = True) -> Samples:
    return stacks.samples(
        what="heap",
        unit="bytes",
        of="a trial",
        tool="valgrind-3",
        control=Control("16 bytes planted", found),
        stacks=heap.read(dhat()),
    )


def test_the_table_tells_who_holds_most_first() -> None:
    heads, most, least, total = stacks.table(taken())
    assert heads.split() == ["bytes", "share", "function"]
    assert most.split() == ["72", "94.7", "%", "take"]
    assert least.split()[0] == "4"
    assert total == "76 bytes of a trial; control seen: 16 bytes planted"


def test_what_is_written_is_read_and_known_by_its_schema(tmp_path: Path) -> None:
    front.write(tmp_path / "a.json", taken())
    assert load_profile(tmp_path / "a.json") == taken()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema": "redline.samples/1"}', "what"),
        (json.dumps(taken().model_dump()).replace("72", "0"), "weight"),
        ('{"schema": "redline.samples/2"}', "schema"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ConfigError, match=said) as refused:
        load_profile(tmp_path / "a.json")
    assert "\n" not in str(refused.value)


def front_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: Callable[[Path], Samples]
) -> int:
    monkeypatch.setattr(front, "SAMPLED", {"heap": profile})
    return front.main(["--of", "heap", "--out", str(tmp_path / "heap.json")])


def test_a_profile_is_written_and_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert front_of(monkeypatch, tmp_path, lambda tree: taken()) == ExitCode.READY
    assert load_profile(tmp_path / "heap.json") == taken()


def test_a_tool_that_does_not_see_what_was_planted_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert front_of(monkeypatch, tmp_path, lambda tree: taken(found=False)) == ExitCode.FAIL
    assert "not seen: 16 bytes planted" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["--only=fix", "--write-baseline"])
def test_what_only_counts_have_is_not_silently_left_out(
    capsys: pytest.CaptureFixture[str], other: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        front.main(["--of=heap", other])
    assert refused.value.code == ExitCode.USAGE
    assert "--of=heap: --only and --write-baseline" in capsys.readouterr().err


def test_a_host_without_the_tool_is_told_of_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(tree: Path) -> Samples:
        raise Absent("perf: is not installed")

    assert front_of(monkeypatch, tmp_path, absent) == ExitCode.HOST_NOT_FIT
    assert capsys.readouterr().err == "profile: perf: is not installed\n"
