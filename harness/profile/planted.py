"""Programs whose profile is known beforehand, for the tools to be tried on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.quality.program import must


@contextmanager
def planted_program(source: str) -> Iterator[Path]:
    """A C program, compiled, for as long as the block lasts. Absent without a compiler."""
    with TemporaryDirectory() as scratch:
        written, program = Path(scratch) / "planted.c", Path(scratch) / "planted"
        written.write_text(source)
        must(["cc", "-O1", "-g", "-o", str(program), str(written)], cwd=Path(scratch))
        yield program
