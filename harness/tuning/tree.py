"""Text files below a root: this machine's, or those of a recorded tree of another one."""

from __future__ import annotations

import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

MAX_BYTES = 16 << 20  # /proc/interrupts of a thousand queues on some hundred CPUs, with room
MAX_UNPACKED_BYTES = 4 << 20  # about ten times what a kernel's configuration has
MAX_CPUS = 8192  # the most that a kernel for x86-64 can be built for


class Absent(Exception):
    """Why a fact has no value."""


class NoFile(Absent):
    """There is no such file."""


class Tree:
    """Text files below a root; Absent says what kept one from being read.

    Names lie below the root, with or without a slash in front. Other people's trees are read as
    well, so nothing leads out of one, and nothing but a regular file is ever opened.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._real_root = "" if root == Path("/") else os.path.realpath(root)
        self._inside: dict[Path, bool] = {}  # by folder of a tree

    def path(self, name: str) -> Path:
        """Where it lies. Absent when that is not below the root."""
        path = self.root / name.lstrip("/")
        # Links of this machine are its own affair; those of a tree may lead to this machine.
        if "\0" in name or ".." in name.split("/") or not self._leads_inside(path):
            raise Absent("leads out of the tree")
        return path

    def _leads_inside(self, path: Path) -> bool:
        if not self._real_root or path == self.root:
            return True
        folder = path.parent
        if folder not in self._inside:  # asking is slow, and a folder has many files
            self._inside[folder] = self._is_inside(folder)
        return self._inside[folder] and (not path.is_symlink() or self._is_inside(path))

    def _is_inside(self, path: Path) -> bool:
        real = os.path.realpath(path)
        return real == self._real_root or real.startswith(f"{self._real_root}/")

    def _regular(self, name: str) -> Path:
        path = self.path(name)
        if not stat.S_ISREG(path.stat().st_mode):
            raise Absent("no regular file, so it is not opened")
        return path

    def text(self, name: str) -> str:
        try:
            fd = os.open(self._regular(name), os.O_RDONLY | os.O_CLOEXEC)
            try:
                raw = _all_of(fd)
            finally:
                os.close(fd)
        except (FileNotFoundError, NotADirectoryError):
            raise NoFile("no such file") from None
        except OSError as error:  # sysfs answers EINVAL, EIO or EPERM for what a driver lacks
            raise Absent((error.strerror or str(error)).lower()) from None
        return raw.decode(errors="replace").strip()

    def unpacked(self, name: str) -> str:
        """The text in a gzip file."""
        try:
            with gzip.open(self._regular(name)) as file:
                return file.read(MAX_UNPACKED_BYTES).decode(errors="replace")
        except FileNotFoundError:
            raise NoFile("no such file") from None
        except (OSError, EOFError, zlib.error):
            raise Absent("cannot be unpacked") from None

    def lines(self, name: str) -> Iterator[tuple[str, str]]:
        """(key, value) of a file of `key: value` lines."""
        for line in self.text(name).splitlines():
            key, colon, value = line.partition(":")
            if colon:
                yield key.strip(), value.strip()

    def key(self, name: str, wanted: str) -> str:
        """The first value of `wanted` in a file of `key: value` lines."""
        for key, value in self.lines(name):
            if key == wanted:
                return value
        raise Absent(f"no line {wanted!r}")

    def has(self, name: str) -> bool:
        try:
            return self.path(name).exists()
        except (Absent, OSError):
            return False

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(entry.name for entry in self.path(folder).iterdir())
        except OSError:
            raise Absent("no such directory") from None


def _all_of(fd: int) -> bytes:
    parts: list[bytes] = []
    left = MAX_BYTES + 1
    while left > 0 and (part := os.read(fd, min(left, 1 << 16))):
        parts.append(part)
        left -= len(part)
    if left <= 0:
        raise Absent(f"longer than {MAX_BYTES >> 20} MiB")
    return b"".join(parts)


def cpu_list(text: str) -> list[int]:
    """The CPUs of a kernel list: '0-2,5' is [0, 1, 2, 5], '' is []. Absent when it is no list.

    CPUs that no kernel can have make it none, before room is made for them.
    """
    cpus: dict[int, None] = {}
    n_named = 0
    for part in filter(None, text.strip().split(",")):
        match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part.strip())
        if match is None:
            raise Absent(f"not a list of CPUs: {text[:40]!r}")
        first, last = int(match[1]), int(match[2] or match[1])
        n_named += last - first + 1
        if not first <= last < MAX_CPUS or n_named > MAX_CPUS:
            raise Absent(f"not a list of CPUs below {MAX_CPUS}: {text[:40]!r}")
        cpus.update(dict.fromkeys(range(first, last + 1)))
    return list(cpus)


def cpu_mask(text: str) -> list[int]:
    """The CPUs of a kernel mask: '1,00000003' is [0, 1, 32]. Absent when it is no mask."""
    groups = text.strip().split(",")
    if len(text) > MAX_CPUS or not all(re.fullmatch(r"[0-9a-fA-F]{1,8}", one) for one in groups):
        raise Absent(f"not a mask of CPUs: {text[:40]!r}")
    mask = int("".join(one.rjust(8, "0") for one in groups), 16)  # each comma stands for 32 bits
    return [cpu for cpu in range(mask.bit_length()) if mask >> cpu & 1]


def cpus_text(cpus: Sequence[int]) -> str:
    """As the kernel writes a list: 0-2,5."""
    parts: list[str] = []
    ordered = sorted(set(cpus))
    start = 0
    for i in range(1, len(ordered) + 1):
        if i == len(ordered) or ordered[i] != ordered[i - 1] + 1:
            first, last = ordered[start], ordered[i - 1]
            parts.append(str(first) if first == last else f"{first}-{last}")
            start = i
    return ",".join(parts)
