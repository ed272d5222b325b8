"""Where a figure was made: the environment of a run, and the fingerprint that makes two comparable.

env.json holds facts, each with its value, its source and, without a value, the reason:

    {"schema": "redline.env/1",
     "facts": {"cpu.model": {"value": "...", "source": "/proc/cpuinfo", "reason": null}, ...},
     "fingerprint": {"sha256": "...", "parts": {"hardware": "...", ...},
                     "fields": ["cpu.model", ...]}}

What the fingerprint covers says fingerprint.py.

Made before or after the measurements, never between them: it reads many files and starts git.
"""

from __future__ import annotations

import hashlib
import importlib
import platform
import subprocess
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import harness
from harness.measure.fingerprint import FINGERPRINT, fingerprint, part_hashes
from harness.tuning.facts import Fact
from harness.tuning.facts import collect as host_facts

SCHEMA = "redline.env/1"

PACKAGES = ("numpy", "pydantic", "PyYAML", "hdrhistogram", "zstandard")
_GIT_TIMEOUT_S = 10  # a large checkout on a cold disk


def collect(
    *,
    scenario_path: Path | None = None,
    cpus: Mapping[str, int] | None = None,
    profile: str | None = None,
    root: Path = Path("/"),
    checkout: Path | None = None,
) -> dict[str, Any]:
    """env.json for the machine below `root`.

    `cpus` are the CPUs of the run by role, `profile` is what tuned the machine for it. `checkout`
    is the source tree that the program runs from; by default the one around this file, if there
    is one.
    """
    facts = host_facts(root)
    facts.update(_program(checkout or Path(__file__).resolve().parents[2]))
    facts.update(_build())
    if scenario_path is not None:
        facts["run.scenario"] = Fact(str(scenario_path), "command line")
    if cpus is not None:
        shown = {role: str(cpu) for role, cpu in cpus.items()}
        facts["run.cpus"] = Fact(shown, "chosen by the runner")
    found = None if profile else "the machine as it was found"
    facts["run.profile"] = Fact(profile, "command line", found)
    plain = {name: fact.as_json() for name, fact in sorted(facts.items())}
    return {
        "schema": SCHEMA,
        "facts": plain,
        "fingerprint": {
            "sha256": fingerprint(plain),
            "parts": part_hashes(plain),
            "fields": list(FINGERPRINT),
        },
    }


def _program(checkout: Path) -> Iterator[tuple[str, Fact]]:
    """What runs: versions, and the state of the source tree if there is one."""
    yield "program.version", Fact(harness.__version__, "harness")
    yield "program.files_sha256", _sources()
    yield "python.version", Fact(platform.python_version(), "platform")
    yield "python.implementation", Fact(platform.python_implementation(), "platform")
    yield "libc.version", _libc()
    yield "python.packages", Fact(dict(_packages()), "importlib.metadata")
    yield "source.revision", _git(checkout, "rev-parse", "HEAD")
    changes = _git(checkout, "diff", "HEAD", "--no-ext-diff", "--binary")
    if isinstance(changes.value, str):
        dirty = hashlib.sha256(changes.value.encode()).hexdigest() if changes.value else "clean"
        changes = Fact(dirty, changes.source)
    yield "source.changes_sha256", changes


def _sources() -> Fact:
    """One hash over the Python files that measure and judge: an edited judge is another judge."""
    top = Path(harness.__file__).parent
    files = sorted(top.rglob("*.py"))
    sums = hashlib.sha256()
    for path in files:
        name = path.relative_to(top).as_posix()
        sums.update(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}\n".encode())
    return Fact(sums.hexdigest(), f"{len(files)} files of harness")


def _build() -> Iterator[tuple[str, Fact]]:
    """How the engine was compiled, from the engine itself."""
    names = ("build_type", "march", "compiler", "version")
    try:
        engine = importlib.import_module("engine")
    except ImportError as error:
        reason = str(error).splitlines()[0]
        yield from ((f"build.{name}", Fact(None, "engine", reason)) for name in names)
        return
    for name in names:
        yield f"build.{name}", Fact(str(getattr(engine, name.upper())), "engine")


def _libc() -> Fact:
    name, version = platform.libc_ver()
    if not version:
        return Fact(None, "platform", "the interpreter does not name its C library")
    return Fact(f"{name} {version}", "platform")


def _packages() -> Iterator[tuple[str, str]]:
    for name in PACKAGES:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def _git(checkout: Path, *words: str) -> Fact:
    """Output of a git command in a checkout; its first line of complaint as the reason."""
    source = f"git {' '.join(words)}"
    if not (checkout / ".git").exists():
        return Fact(None, source, "not run from a checkout")
    try:
        done = subprocess.run(
            ["git", "-C", str(checkout), *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_GIT_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError:
        return Fact(None, source, "git is not installed")
    except subprocess.TimeoutExpired:
        return Fact(None, source, f"no answer within {_GIT_TIMEOUT_S} s")
    if done.returncode != 0:
        complaint = done.stderr.strip().splitlines()
        return Fact(None, source, complaint[0] if complaint else f"exit code {done.returncode}")
    return Fact(done.stdout.strip(), source)
