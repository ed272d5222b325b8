"""Kinds of knobs of memory that are more than a file with a value in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.tuning.host import Host
from harness.tuning.knobs.base import Knob, Proof, Scope, Target, Value, Wish
from harness.tuning.knobs.files import FileKnob, proof, target
from harness.tuning.knobs.values import Number, shown
from harness.tuning.settings.files import FileSetting
from harness.tuning.tree import Absent

NODES = "/sys/devices/system/node"
POOLS = "/sys/kernel/mm/hugepages"
MOST_PAGES = 2**24  # 32 TiB of the small ones
_NODE = re.compile(r"node[0-9]{1,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThpKnob(FileKnob):
    """The choice for all sizes. Kernels since 6.8 have one more for each, that can overrule it."""

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        if wish.value == "always":
            return ()
        found = []
        for path in scope.host.glob(f"{self.files[0].rpartition('/')[0]}/hugepages-*/enabled"):
            seen = FileSetting(path, "choice").read(scope.host)
            allowed = ("inherit", "never", str(wish.value))
            found.append(proof(wish, path, seen in allowed, seen, wanted=" or ".join(allowed[:2])))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class KsmKnob(FileKnob):
    """Whether pages are still merged: that takes a while after the switch."""

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        if wish.value == "1":
            return ()
        name = "/sys/kernel/mm/ksm/pages_shared"
        seen = scope.host.read(name).strip()
        if seen == "0" or wish.value == "2":
            return [proof(wish, name, seen == "0", seen, wanted="0")]
        return [proof(wish, name, None, seen, wanted="0", why="what was merged stays so; 2 undoes")]


@dataclass(frozen=True, slots=True, kw_only=True)
class HugepagesKnob(Knob):
    """A pool of huge pages of one size: at least so many, of all nodes or by node.

    A number for all nodes is shared out over them, and each one's is written by itself: told one
    for all, a kernel shares it out too, but does not take it back from where it came.
    """

    size_kb: int

    def parse(self, value: object) -> Value:
        takes = Number(0, MOST_PAGES)
        if not isinstance(value, Mapping):
            return takes.parse(value)
        wrong = [key for key in value if not isinstance(key, str) or not _NODE.fullmatch(key)]
        if wrong or not value:
            raise ValueError(
                f"not a number, or a table by node: {shown(wrong[0] if wrong else '')}"
            )
        return {str(node): takes.parse(number) for node, number in value.items()}

    def available(self, scope: Scope, wish: Wish) -> str | None:
        has = scope.host.exists(f"{POOLS}/{self._leaf}")
        return None if has else "no huge pages of this size"

    def targets(self, scope: Scope, wish: Wish) -> Sequence[Target]:
        found: list[Target] = []
        for node, number in _by_node(wish):
            pools = self._pools(scope.host, node)
            now = [_integer(scope.host, f"{pool}/nr_hugepages") for pool in pools]
            more = max(0, int(number) - sum(now))
            for i, pool in enumerate(pools):
                mine = more // len(pools) + (i < more % len(pools))
                setting = FileSetting(f"{pool}/nr_hugepages", "number", may_round=True)
                found.append(target(scope.host, setting, str(now[i] + mine)))
        return found

    def derived(self, scope: Scope, wish: Wish) -> Sequence[Proof]:
        """Pages that are there, and free: what others use up is no use."""
        found = []
        for node, number in _by_node(wish):
            pools = self._pools(scope.host, node)
            there = sum(_integer(scope.host, f"{pool}/nr_hugepages") for pool in pools)
            free = sum(_integer(scope.host, f"{pool}/free_hugepages") for pool in pools)
            holds: bool | None = there >= int(number)
            why = "" if holds else "there is no memory in one piece for more"
            if holds and int(number) and not free:
                holds, why = None, "all are in use, by this engine or by others"
            name = f"{node or 'all nodes'} {self._leaf}"
            found.append(proof(wish, name, holds, f"{there}, {free} free", wanted=number, why=why))
        return found

    @property
    def _leaf(self) -> str:
        return f"hugepages-{self.size_kb}kB"

    def _pools(self, host: Host, node: str) -> list[str]:
        """The folders of a node's pool, or of all nodes'. Absent when there is no such node."""
        found = host.glob(f"{NODES}/{node or 'node[0-9]*'}/hugepages/{self._leaf}")
        if node and not found:
            raise Absent(f"no {node} with huge pages of this size")
        return found or [f"{POOLS}/{self._leaf}"]  # a kernel without nodes


def _by_node(wish: Wish) -> Sequence[tuple[str, str]]:
    """(node, pages); one with node "" for all of them."""
    return [("", wish.value)] if isinstance(wish.value, str) else list(wish.value.items())


def _integer(host: Host, path: str) -> int:
    text = host.read(path).strip()
    if not text.isascii() or not text.isdecimal() or len(text) > 20:
        raise Absent(f"{path}: not a number: {shown(text)}")
    return int(text)
