"""Components counted: one process each under callgrind, which sees the counted steps alone."""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.config.instructions import Component, Key, Stack
from harness.profile import callgrind
from harness.quality.program import Absent, must, run, version

PROGRAM = "tests/c/count_component"
TRIAL = "tests/c/profile_trial"
BOUNDARY = "profile_counted"
_DEPTH = 24  # callers that are told apart; our call chains are a third of that


@dataclass(frozen=True, slots=True)
class Tree:
    """A checkout, and the directory of the build whose components are counted."""

    source: Path
    build: Path

    @property
    def program(self) -> Path:
        return self.build / PROGRAM

    @property
    def trial(self) -> Path:
        return self.build / TRIAL


def built(source: Path) -> Tree:
    """The release build, up to date. Absent when it does not build."""
    must(["cmake", "--preset", "release"], cwd=source)
    build = ["nice", "cmake", "--build", "--preset", "release"]
    must([*build, "--target", *(Path(p).name for p in (PROGRAM, TRIAL))], cwd=source)
    return Tree(source, source / "build/release")


def components(tree: Tree) -> list[str]:
    """What can be counted."""
    return must([str(tree.program)], cwd=tree.source).split()


def count(program: Path, component: str) -> Component:
    """Counts one. Absent when the program or valgrind fails, or an answer was wrong."""
    with TemporaryDirectory() as scratch:
        out = Path(scratch) / "callgrind.out"
        watched = [f"--separate-callers={_DEPTH}", f"--toggle-collect={BOUNDARY}"]
        tool = ["nice", "valgrind", "--quiet", "--tool=callgrind", *watched]
        command = [*tool, f"--callgrind-out-file={out}", str(program), component]
        done = run(command, cwd=Path(scratch), timeout_s=600, with_errors=False)
        if done.status != 0 or not out.is_file():
            missing = run(["valgrind", "--version"], cwd=Path(scratch))  # Absent names it
            raise Absent(f"{component}: {missing.said.strip()} ended with {done.status}")
        stacks = callgrind.read(out.read_text(errors="replace"), BOUNDARY)
    try:
        said = json.loads(done.said)
        n_wrong = said.pop("n_wrong")
        said.pop("n_inputs")
        counted = Component(
            **said,
            instructions=stacks.total(),
            stacks=[
                Stack(frames=list(frames), instructions=n) for frames, n in sorted(stacks.items())
            ],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Absent(f"{component}: said what is none of its facts: {error}") from None
    if n_wrong:
        raise Absent(f"{component}: {n_wrong} wrong answers: its count is worthless")
    if counted.instructions < counted.n_ops:
        raise Absent(f"{component}: less than an instruction an operation: nothing was counted")
    return counted


def key_of(tree: Tree) -> Key:
    """What else decides the counts, as this build was compiled."""
    words = compile_words(tree, "csrc/market/fix/parse.c")
    flags = [word for word in words if word.startswith(("-O", "-m", "-f"))]
    return Key(
        compiler=version(words[:1]),
        flags=" ".join(flags),
        libc=" ".join(platform.libc_ver()).strip() or "unknown",
        counter=version(["valgrind"]),
    )


def compile_words(tree: Tree, source: str) -> list[str]:
    """The command that compiled a file of the checkout. Absent when the build does not know it."""
    path = tree.build / "compile_commands.json"
    try:
        database = json.loads(path.read_text())
        wanted = str(tree.source / source)
        return shlex.split(next(one["command"] for one in database if one["file"] == wanted))
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise Absent(f"{path}: does not say how {source} is compiled") from None


def counted(tree: Tree, names: Sequence[str]) -> list[Component]:
    """Each of them, in this order."""
    return [count(tree.program, name) for name in names]
