"""What all Python tests share."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# By the folder, where nothing else is said; tests/perf and tests/stability mark what measures.
MARK_OF = {"unit": "unit", "integration": "integration"}
MEASURING = ("perf", "stress", "stability")
# By words in the name of a file: what breaks on purpose, and what comes from outside.
FAILURES = ("killed", "power_loss", "disk_full", "lost", "leftovers", "endings", "stall")
HOSTILE = ("hostile", "bad_input", "fuzz", "rights", "capabilities", "authority", "captures")


def pytest_configure() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, nohup what it runs deaf to hanging
    up, and children inherit that: those that tests interrupt must hear it.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Markers that the place of a test already says."""
    for item in items:
        if not item.path.is_relative_to(HERE) or any(map(item.get_closest_marker, MEASURING)):
            continue
        folder, name = item.path.relative_to(HERE).parts[0], item.path.stem
        if folder in MARK_OF:
            item.add_marker(MARK_OF[folder])
        for mark, words in (("failure", FAILURES), ("security", HOSTILE)):
            if any(word in name for word in words):
                item.add_marker(mark)


def pytest_collection_finish() -> None:
    """What was collected stays: no collection of garbage walks through ten thousand tests again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def counted_blocks() -> None:
    """Where Python counts its blocks: under `make quality` LeakSanitizer does, in its place."""
    if sys.getallocatedblocks() == 0:
        pytest.skip("PYTHONMALLOC is set: Python's blocks are not counted")
