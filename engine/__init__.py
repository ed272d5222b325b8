"""Thin typed Python over the C engine, its rig and its instruments.

Imports numpy and its own extension, nothing else. Work happens in C on buffers; nothing here runs
once a message.
"""

from pathlib import Path

try:
    from engine import _core
    from engine._core import BUILD_TYPE, COMPILER, MARCH, VERSION, EngineError, Hist, Trial
except ImportError as err:
    if err.name not in ("engine", "engine._core"):
        raise
    raise ImportError(
        "this is engine/ of a source tree without its C core: run `pip install -e .`, "
        "or `python -P` to let an installed copy win"
    ) from err

__all__ = [
    "BUILD_TYPE",
    "COMPILER",
    "MARCH",
    "VERSION",
    "EngineError",
    "Hist",
    "Trial",
    "core_file",
]


def core_file() -> Path:
    """The extension that is loaded: what a result's checksum names."""
    return Path(str(_core.__file__))
