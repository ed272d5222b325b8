"""A host as tuning sees it: files that can be read and written, and cards that can be asked.

`Host()` is this machine. `Host(root)` is a tree below a directory: a recorded machine, or one that
a test made; its cards lie in files too (ethtool.py). Nothing else in this package names a root.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.tuning.ethtool import ethtool_of
from harness.tuning.tree import Absent, Tree, cpu_list

ROOT = Path("/")
MAX_BYTES = 1 << 20  # one setting; what proc lists of a large machine is larger and read by Tree


class Host:
    """The machine below `root`. Paths are absolute, as on the machine: /proc/sys/vm/swappiness."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.tree = Tree(root)
        self.ethtool = ethtool_of(root)

    @property
    def is_this_machine(self) -> bool:
        return self.root == ROOT

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def exists(self, name: str) -> bool:
        return self.path(name).exists()

    def read(self, name: str) -> str:
        """The text without its last newline. OSError with the kernel's reason."""
        fd = os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.read(fd, MAX_BYTES).decode(errors="replace").rstrip("\n")
        finally:
            os.close(fd)

    def write(self, name: str, text: str) -> None:
        """One write, never a new file. OSError with the kernel's reason.

        Not through a Python file: that writes when it is closed, where an EPERM gets lost.
        """
        if not self.is_this_machine:
            self._replace(name, text)
            return
        fd = os.open(self.path(name), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def _replace(self, name: str, text: str) -> None:
        """In a tree: whole or not at all, as a kernel's file is, and a line, as it reads."""
        path = self.path(name)
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))  # refuses what writing would
        part = path.with_name(f".{path.name}.part")
        part.write_text(f"{text.rstrip()}\n")
        part.replace(path)

    def glob(self, pattern: str) -> list[str]:
        """Paths that match, in the order of the numbers in them (cpu2 before cpu10)."""
        found = self.root.glob(pattern.lstrip("/"))
        return sorted(("/" + str(path.relative_to(self.root)) for path in found), key=_by_number)

    def cpus(self) -> list[int]:
        """CPUs that are online; [] when the host does not say."""
        try:
            return cpu_list(self.tree.text("sys/devices/system/cpu/online"))
        except Absent:
            return []


def _by_number(name: str) -> list[tuple[bool, int, str]]:
    """Digits count as numbers; text stands behind them, so two kinds are never compared."""
    parts: list[tuple[bool, int, str]] = []
    for is_digit, text in _runs(name):
        parts.append((not is_digit, int(text) if is_digit else 0, "" if is_digit else text))
    return parts


def _runs(name: str) -> list[tuple[bool, str]]:
    runs: list[tuple[bool, str]] = []
    for char in name:
        is_digit = char in "0123456789"
        if runs and runs[-1][0] == is_digit:
            runs[-1] = (is_digit, runs[-1][1] + char)
        else:
            runs.append((is_digit, char))
    return runs
