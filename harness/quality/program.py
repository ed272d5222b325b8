"""Other people's programs: started, waited for, and named when they are missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HostError

NICE = 10  # whoever else works on this machine comes first
BESIDE = Path(sys.executable).parent  # cmake, ruff and the like, installed beside this Python


class Absent(HostError):
    """A tool that is not here, or that could not do its work; the row stays MISSING with this."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended; what it said is both of its streams, in their order."""

    status: int
    said: str


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    timeout_s: float = 7200,
    log: Path | None = None,
    with_errors: bool = True,
) -> Done:
    """Run to its end, `env` on top of ours. Absent when it is not there or does not end."""
    if log is not None:
        log.parent.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, "PATH": _path(), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if with_errors else subprocess.DEVNULL,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise Absent(f"{command[0]}: is not installed") from None
    except subprocess.TimeoutExpired:
        raise Absent(f"{command[0]}: did not end within {timeout_s:.0f} s") from None
    said = done.stdout.decode(errors="replace")
    if log is not None:
        log.write_text(said)
    return Done(done.returncode, said)


def must(command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What a program says that has to succeed. Absent with its last words when it does not."""
    done = run(command, cwd=cwd, env=env)
    if done.status != 0:
        errors = [line for line in done.said.splitlines() if "error" in line.lower()]
        last = (errors or done.said.splitlines() or ["nothing"])[0]
        raise Absent(f"{Path(command[0]).name} ended with {done.status}: {last.strip()}")
    return done.said


def version(command: Sequence[str]) -> str:
    """The line of `--version` that has a number. Absent when there is no such program."""
    said = must([*command, "--version"], cwd=Path.cwd())
    return next((line.strip() for line in said.splitlines() if any(map(str.isdigit, line))), "?")


def is_there(name: str) -> bool:
    return shutil.which(name, path=_path()) is not None


def _path() -> str:
    return f"{BESIDE}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
