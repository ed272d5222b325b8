"""Who may know whom: include and import lines held against the table of docs/architecture.md."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MAY_INCLUDE = {
    "base": {"base"},
    "market": {"base", "market"},
    "trade": {"base", "trade"},
    "net": {"base", "net"},
    "session": {"base", "market", "session"},
    "tools": {"base", "trade", "tools"},
    "dpdk": {"base", "net", "rig", "dpdk"},
    "rig": {"base", "market", "trade", "net", "session", "rig"},
    "py": {"base", "market", "trade", "net", "session", "rig", "py"},
}
ENGINE_MAY_IMPORT = {"engine", "numpy"}
# It travels to hosts where nothing else is: the standard library, and these.
TUNING = "harness/tuning"
TUNING_MAY_IMPORT = ("harness.tuning", "harness.errors")


def quoted_includes(source: str) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', source, re.MULTILINE)


def include_faults(layer: str, source: str) -> list[str]:
    faults = [
        f"includes {path}"
        for path in quoted_includes(source)
        if "/" in path and path.split("/")[0] not in MAY_INCLUDE[layer]
    ]
    if layer != "py" and re.search(r"#\s*include\s+[<\"]Python\.h", source):
        faults.append("includes Python.h")
    return faults


def imported_modules(source: str) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
    return found


def import_faults(package: str, source: str, stdlib: frozenset[str]) -> list[str]:
    modules = imported_modules(source)
    if package == "harness":
        return [f"imports {m}" for m in modules if m.startswith("engine._core")]
    return [
        f"imports {m}"
        for m in modules
        if m.split(".")[0] not in ENGINE_MAY_IMPORT and m.split(".")[0] not in stdlib
    ]


def tuning_faults(source: str, stdlib: frozenset[str]) -> list[str]:
    return [
        f"imports {module}"
        for module in imported_modules(source)
        if module.split(".")[0] not in stdlib
        and module != "harness"
        and not module.startswith(TUNING_MAY_IMPORT)
    ]


def c_files() -> list[Path]:
    return sorted((ROOT / "csrc").rglob("*.[ch]"))


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "csrc").parts[0]


def python_files() -> list[Path]:
    return sorted(p for name in ("engine", "harness") for p in (ROOT / name).rglob("*.py"))


@pytest.mark.parametrize("path", c_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_c_file_includes_only_lower_layers(path: Path) -> None:
    assert include_faults(layer_of(path), path.read_text()) == []


def test_every_python_file_imports_only_what_its_layer_may_know() -> None:

    faults = {
        str(path.relative_to(ROOT)): found
        for path in python_files()
        if path.suffix in {".py", ".pyi"}
        and (
            found := import_faults(
                path.relative_to(ROOT).parts[0], path.read_text(), sys.stdlib_module_names
            )
        )
    }
    assert faults == {}


def test_what_travels_to_far_hosts_needs_the_standard_library_alone() -> None:
    faults = {
        str(path.relative_to(ROOT)): found
        for path in sorted((ROOT / TUNING).rglob("*.py"))
        if (found := tuning_faults(path.read_text(), sys.stdlib_module_names))
    }
    assert faults == {}


@pytest.mark.parametrize("module", ["numpy", "harness.config.units", "engine"])
def test_tuning_that_needs_more_is_caught(module: str) -> None:
    assert tuning_faults(f"import {module}\n", sys.stdlib_module_names) == [f"imports {module}"]


def test_a_sibling_include_is_caught() -> None:
    assert include_faults("market", '#include "trade/risk.h"\n') == ["includes trade/risk.h"]


def test_python_below_the_binding_is_caught() -> None:
    assert include_faults("rig", "#include <Python.h>\n") == ["includes Python.h"]


def test_a_harness_that_reaches_into_the_extension_is_caught() -> None:
    assert import_faults("harness", "from engine import _core\n", frozenset()) == [
        "imports engine._core"
    ]


def test_an_engine_that_knows_the_harness_is_caught() -> None:
    assert import_faults("engine", "import harness.cli\n", frozenset()) == ["imports harness.cli"]
