"""Real captures for tests: where they are, and what is missing when they are not."""

from __future__ import annotations

import gzip
import os
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@cache
def capture(name: str) -> bytes:
    """The bytes of a capture, decompressed; skips the test when it is not there."""
    for place in (os.environ.get("REDLINE_DATA"), ROOT.parent / "shared" / "data"):
        path = Path(place or "") / name
        if place and path.is_file():
            break
    else:
        pytest.skip(f"needs {name}: set REDLINE_DATA to the folder of the captures")
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        import zstandard  # only captures need it

        with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
            return bytes(reader.readall())
    return data


def path_of(name: str) -> Path:
    """The file itself, for what reads files; skips as `capture` does."""
    capture(name)
    for place in (os.environ.get("REDLINE_DATA"), ROOT.parent / "shared" / "data"):
        if place and (Path(place) / name).is_file():
            return Path(place) / name
    raise AssertionError("capture() would have skipped")
