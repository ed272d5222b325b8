"""What is sent to another host: the source of harness/tuning, as one zip file in memory.

Always the same bytes for the same source, so that its hash names it.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import harness

PACKAGE = Path(harness.__file__).parent
SHARED = ("__init__.py", "errors.py")  # of the package; all else that is sent is below tuning/
SENT = "tuning"
MAX_BYTES = 4 << 20  # some ten times what it has; more is not our source


@dataclass(frozen=True, slots=True)
class Parcel:
    """A zip file that Python can import from, and its SHA-256."""

    data: bytes
    sha256: str


def pack(files: Mapping[str, bytes]) -> Parcel:
    """Source by its name in the zip. ValueError when that is too much to send."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            # A date of its own, the first that a zip can have: hashes know no time.
            archive.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
    data = packed.getvalue()
    if len(data) > MAX_BYTES:
        raise ValueError(f"{len(data)} bytes of source are more than a host is sent")
    return Parcel(data, hashlib.sha256(data).hexdigest())


def source_files(package: Path = PACKAGE) -> dict[str, bytes]:
    """The files that make harness.tuning importable where nothing else of us is."""
    paths = [package / name for name in SHARED]
    paths += (package / SENT).rglob("*.py")
    return {f"harness/{path.relative_to(package).as_posix()}": path.read_bytes() for path in paths}


@cache
def our_parcel() -> Parcel:
    """Of the source that this process runs; read once."""
    return pack(source_files())
