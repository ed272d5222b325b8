"""What is sent to another host: the same bytes for the same source, and enough to run there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.fleet import parcel

ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(sorted({module.partition(".")[0] for module in sys.modules} - sys.stdlib_module_names))
"""


def test_the_same_source_makes_the_same_bytes() -> None:
    files = {"b.py": b"2", "a.py": b"1"}
    again = dict(reversed(files.items()))
    assert parcel.pack(files) == parcel.pack(again)


def test_other_source_has_another_hash() -> None:
    assert parcel.pack({"a.py": b"1"}).sha256 != parcel.pack({"a.py": b"2"}).sha256


def test_more_source_than_ours_ever_is_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="more than a host is sent"):
        parcel.pack({"a.py": b"1"})


def test_only_the_source_of_tuning_is_sent() -> None:
    names = parcel.source_files()
    folders = {name.split("/")[1] for name in names}
    assert folders == {"__init__.py", "errors.py", "tuning"}
    assert all(name.endswith(".py") for name in names)


def test_what_is_sent_needs_the_standard_library_alone(tmp_path: Path) -> None:
    """Every module of it, imported by a Python that has nothing else and reads no file of ours."""
    path = tmp_path / "parcel.zip"
    path.write_bytes(parcel.our_parcel().data)
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in parcel.source_files()
    ]
    command = [sys.executable, "-ISB", "-c", ALL, str(path), *modules]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("['__main__', 'harness']", "['harness']")
