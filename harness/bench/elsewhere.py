"""The measuring process with an engine that lies elsewhere: another build of another revision.

The worker stays this harness's own, so that two builds are asked the same by the same code. What
the other engine does not know yet of the question is left out.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any


class EngineFinder(MetaPathFinder):
    """Finds `engine` below one directory, and nowhere else.

    It has to come before all other finders: an editable install has one of its own, which the
    search path does not overrule.
    """

    def __init__(self, site: Path) -> None:
        self._site = str(site)

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        if fullname == "engine":
            return PathFinder.find_spec(fullname, [self._site], target)
        if fullname.startswith("engine."):
            return PathFinder.find_spec(fullname, path, target)
        return None


def main(argv: list[str]) -> int:
    """The worker with the engine below the directory argv[1]; the rest is the worker's.

    Says first which extension was loaded: its file and its SHA-256.
    """
    site = Path(argv[1])
    sys.meta_path.insert(0, EngineFinder(site))
    try:
        import engine
        from engine import component
        from harness.bench import worker
    except (ImportError, AttributeError) as error:
        _say("error", {"message": f"the engine does not fit this harness: {error}"})
        return 1
    core = engine.core_file()
    if not core.resolve().is_relative_to(site.resolve()):
        _say("error", {"message": f"{site}: holds no engine: {core} was loaded"})
        return 1
    _say(
        "engine", {"file": str(core), "core_sha256": hashlib.sha256(core.read_bytes()).hexdigest()}
    )
    component.measure = fitted(component.measure)
    try:
        return worker.main([argv[0], *argv[2:]])
    except (AttributeError, KeyError, TypeError) as error:  # an interface that has changed since
        _say("error", {"message": f"the engine does not fit this harness: {error}"})
        return 1


def fitted(measure: Callable[..., Any]) -> Callable[..., Any]:
    """An older `component.measure`, asked only what it knows; what came later is empty in its
    answer.
    """
    known = inspect.signature(measure).parameters

    @functools.wraps(measure)
    def asked(*args: Any, **wanted: Any) -> Any:
        found = measure(*args, **{k: v for k, v in wanted.items() if k in known})
        return found if hasattr(found, "warmup_mticks") else _Older(found)

    return asked


class _Older:
    """A result from before the warm-up was kept."""

    warmup_mticks: tuple[int, ...] = ()

    def __init__(self, found: Any) -> None:
        self._found = found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._found, name)


def _say(event: str, values: dict[str, Any]) -> None:
    print(json.dumps({"event": event, "is_host": False, **values}), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
