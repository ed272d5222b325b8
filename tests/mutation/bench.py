"""Builds a C file changed into the tests that cover it, beside the libraries of a build.

A changed object is linked before the archives: the linker then has its symbols and leaves the
archive's member out, so that nothing of the build is touched.
"""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILDS = ROOT / "build"
# One that hangs has found the change. A slow machine is no hang: many times what it took unchanged.
HANG_TIMES, HANG_AT_LEAST_S, FIRST_LIMIT_S = 20, 10, 120


class BenchError(Exception):
    """What is missing to measure, in one line."""


def _compile_command(build: str, source: str) -> list[str]:
    """Of a build, without its output and debug lines (which would tell equal code apart)."""
    try:
        database = json.loads((BUILDS / build / "compile_commands.json").read_text())
    except OSError:
        raise BenchError(
            f"build/{build}: not configured: cmake --workflow --preset {build}"
        ) from None
    for row in database:
        if row["file"] == str(ROOT / source):
            words = shlex.split(row["command"])
            kept = words[: words.index("-o")] + words[words.index("-o") + 2 :]
            return [w for w in kept if w not in (row["file"], "-c", "-g1", "-Werror")]
    raise BenchError(f"{source}: not in build/{build}")


@cache
def _link_command(build: str, test: str) -> tuple[str, ...]:
    """The last command that ninja runs for a test, without its shell."""
    done = subprocess.run(
        ["ninja", "-C", str(BUILDS / build), "-t", "commands", f"tests/c/{test}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    line = done.stdout.strip().rsplit("\n", 1)[-1]
    if done.returncode != 0 or not line:
        raise BenchError(f"{test}: not in build/{build}")
    return tuple(shlex.split(line.removeprefix(": && ").removesuffix(" && :")))


@dataclass(frozen=True)
class Bench:
    """The tests of one C file in one build. `killer` names one that a changed text fails."""

    build: str
    source: str
    tests: tuple[str, ...]
    scratch: Path
    _took_s: dict[str, float] = field(default_factory=dict)  # unchanged, quickest first

    def object_of(self, text: str) -> bytes | None:
        """The object code of a text in the file's place; None when it does not compile."""
        changed, out = self.scratch / "changed.c", self._object()
        changed.write_text(text)
        beside = ["-I", str((ROOT / self.source).parent)]
        command = [
            *_compile_command(self.build, self.source),
            *beside,
            "-w",
            "-g0",
            "-c",
            str(changed),
        ]
        done = subprocess.run(
            [*command, "-o", str(out)], cwd=BUILDS / self.build, capture_output=True, check=False
        )
        return out.read_bytes() if done.returncode == 0 else None

    def prepare(self, text: str) -> bytes:
        """The object of the file as it is. BenchError: a test fails with it. Before `killer`."""
        plain = self.object_of(text)
        if plain is None:
            raise BenchError(f"{self.source}: the compiler fails unchanged")
        for test in self.tests:
            began = time.monotonic()
            if self._fails(test, FIRST_LIMIT_S):
                raise BenchError(f"{self.source}: {test} fails unchanged")
            self._took_s[test] = time.monotonic() - began
        return plain

    def killer(self) -> str | None:
        """A test that fails with the object made last, sought among the quickest first; None."""
        for test in sorted(self._took_s, key=self._took_s.__getitem__):
            if self._fails(test, max(HANG_AT_LEAST_S, HANG_TIMES * self._took_s[test])):
                return test
        return None

    def _fails(self, test: str, limit_s: float) -> bool:
        """Linked with the object made last and run; 77 (cannot run here) is no failure."""
        words, program = list(_link_command(self.build, test)), self.scratch / test
        words[words.index("-o") + 1] = str(program)
        words.insert(words.index("-o"), str(self._object()))
        linked = subprocess.run(
            words, cwd=BUILDS / self.build, capture_output=True, text=True, check=False
        )
        if linked.returncode != 0:
            raise BenchError(f"{test}: does not link: {linked.stderr.strip()[:200]}")
        quiet = subprocess.DEVNULL
        with subprocess.Popen(
            [program], cwd=self.scratch, stdout=quiet, stderr=quiet, start_new_session=True
        ) as running:
            try:
                return running.wait(limit_s) not in (0, 77)
            except subprocess.TimeoutExpired:
                return True
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)  # and what it has started

    def _object(self) -> Path:
        return self.scratch / "changed.o"
