"""Builds of the checkout for one purpose each: C tests of a preset, and an extension beside ours.

The extension of a purpose is put in the place of the installed one by a `sitecustomize` that every
Python below inherits through its search path: nothing installed is touched.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.quality.found import Control
from harness.quality.junit import Case, read
from harness.quality.program import Absent, must, run
from harness.regression.builds import EXTENSION, OPTIONS

_FINDER = '''"""Puts another build of the extension in the place of the installed one."""

import importlib.util
import os
import sys


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "engine._core":
            return None
        return importlib.util.spec_from_file_location(name, os.environ["REDLINE_CORE"])


sys.meta_path.insert(0, _Finder)
'''
_PLACED = "import engine; print(engine.core_file())"


@dataclass(frozen=True, slots=True)
class Place:
    """The checkout, and where everything that is made goes."""

    tree: Path
    out: Path


def c_tests(place: Place, build: str, *options: str, env: Mapping[str, str] | None = None) -> Path:
    """The C tests, built with these options of CMake below the directory of this name."""
    where = place.tree / "build" / build
    settings = ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DRL_BENCHES=OFF", *options]
    configure = ["cmake", "-G", "Ninja", "-S", str(place.tree), "-B", str(where), *settings]
    must(configure, cwd=place.tree, env=env)
    must(["nice", "cmake", "--build", str(where)], cwd=place.tree, env=env)
    run(["ninja", "-C", str(where), "-t", "cleandead"], cwd=place.tree)
    return where


def ctest(
    place: Place, build: Path, report: Path, *words: str, env: Mapping[str, str] | None = None
) -> list[Case]:
    """Run the C tests of a build; how each ended. Absent when there was no run."""
    report.unlink(missing_ok=True)
    command = ["nice", "ctest", "--test-dir", str(build), "--timeout", "300", "-j", "2"]
    command += ["--output-on-failure", "--output-junit", str(report), *words]
    run(command, cwd=place.tree, env=env, log=report.with_suffix(".log"))
    return read(report)


def extension(place: Place, purpose: str, *options: str) -> dict[str, str]:
    """Build the extension so; the environment in which Python loads it instead of the installed.

    Absent when it does not compile.
    """
    where = place.tree / "build/quality" / purpose
    configure = ["cmake", "-G", "Ninja", "-S", str(place.tree), "-B", str(where), *OPTIONS]
    configure += ["-DCMAKE_BUILD_TYPE=RelWithDebInfo", f"-DPython_EXECUTABLE={sys.executable}"]
    must([*configure, *options], cwd=place.tree)
    must(["nice", "cmake", "--build", str(where), "--target", "_core"], cwd=place.tree)
    site = where / "site"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir()
    (site / "sitecustomize.py").write_text(_FINDER)
    return {"PYTHONPATH": str(site), "REDLINE_CORE": str(where / EXTENSION)}


def loads(place: Place, env: Mapping[str, str]) -> Control:
    """That Python really runs the extension of this environment."""
    done = run([sys.executable, "-c", _PLACED], cwd=place.tree, env=env)
    if env["REDLINE_CORE"] not in done.said:
        raise Absent(f"the engine does not load: {done.said.strip()[-200:]}")
    return Control(Path(env["REDLINE_CORE"]).name, True)
