"""Putting a host back as it was, by the journal alone, without undoing what others did since.

In reverse order. A value is written only over one that is ours; one that somebody else wrote is
reported and stays. What was moved by a setting put back later is put back once more at the end.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from harness.errors import printable
from harness.tuning.header import NETWORK_NAMESPACE
from harness.tuning.host import Host
from harness.tuning.journal import Journal, JournalError
from harness.tuning.knobs.base import State, reason
from harness.tuning.owner import boot_id
from harness.tuning.records import Entry
from harness.tuning.settings import Gone, Setting

Step = Callable[[str], None]
Outcome = Literal["restored", "unchanged", "foreign", "gone", "failed", "rebooted"]

CLEAN: Sequence[Outcome] = ("restored", "unchanged", "gone", "rebooted")
_AT_LAST: Mapping[Outcome, Outcome] = {"failed": "restored", "gone": "unchanged"}
MAX_WHY_CHARS = 200
_NETWORK_KINDS = ("ethtool", "link", "channels")
_GONE = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ESRCH)


@dataclass(frozen=True, slots=True)
class Item:
    """One setting after a restore. `seen` is what was found there, None when it cannot be read."""

    key: str
    target: str
    before: str
    seen: str | None
    state: Outcome
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "target": self.target,
            "before": self.before,
            "seen": self.seen,
            "state": self.state,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did, in the order in which it did it."""

    items: tuple[Item, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to be put back, or to be reported again."""
        return all(item.state in CLEAN for item in self.items)

    def summary(self) -> str:
        """What was done, in words; "" when nothing had to be."""
        names: dict[Outcome, str] = {
            "restored": "put back",
            "foreign": "changed by others and left",
            "failed": "failed",
        }
        states = [item.state for item in self.items]
        said = [f"{states.count(one)} {word}" for one, word in names.items() if one in states]
        left = [item.target for item in self.items if item.state in ("foreign", "failed")]
        return ", ".join(said) + (f" ({', '.join(left[:5])})" if left else "")


def no_step(name: str) -> None:
    """Called between any two system calls that matter; tests end the process there."""


def restore(host: Host, journal: Journal, *, force: bool = False, step: Step = no_step) -> Restored:
    """Put everything back; `force` also what somebody else has changed since.

    The journal goes when everything is as it was; else it stays and this may be called again.
    A setting that refuses is an item that says why; no error stops the others. Nothing is done, and
    there are no items, when another process has put everything back since this one opened it.
    """
    if journal.owner.boot_id != boot_id():
        items = [_rebooted(entry) for entry in reversed(journal.entries())]
        journal.done()
        return Restored(tuple(items))
    with journal.exclusive():
        journal.check(host)
        if journal.is_done:
            journal.done()  # in case that process died before its last step
            return Restored(())
        return put_back(host, journal, force=force, step=step)


def commands(journal: Journal) -> list[str]:
    """What a person would type to put everything back, in the order in which to type it."""
    if journal.owner.boot_id != boot_id():
        return []
    entries = [entry for entry in reversed(journal.entries()) if not entry.was_left]
    return [entry.setting.command(entry.before) for entry in entries]


def put_back(
    host: Host, journal: Journal, *, force: bool = False, step: Step = no_step
) -> Restored:
    """As restore(), by what this process knows, whatever became of the file."""
    return _Run(host, journal, force, step).put_back()


class _Run:
    def __init__(self, host: Host, journal: Journal, force: bool, step: Step) -> None:
        self.host, self.journal, self.force, self.step = host, journal, force, step
        self.elsewhere = elsewhere(journal.header.net_namespace) if host.is_this_machine else None
        self.has_written = any(entry.was_written for entry in journal.entries())

    def put_back(self) -> Restored:
        entries = list(reversed(self.journal.entries()))
        items = [self._item(entry) for entry in entries]
        items = [self._again(*both) for both in zip(entries, items, strict=True)]
        restored = Restored(tuple(items))
        self.step("before closing")
        if restored.is_clean:
            self.journal.done()
        else:
            clean = [item.key for item in items if item.state in CLEAN]
            foreign = [item.key for item in items if item.state == "foreign"]
            self._note(lambda: self.journal.closed(restored=clean, left=foreign))
        self.step("after closing")
        return restored

    def _item(self, entry: Entry) -> Item:
        item = partial(Item, entry.key, entry.setting.target, entry.before)
        if self.elsewhere is not None and is_of_network(entry.setting):
            return item(None, *self.elsewhere)
        try:
            now = entry.setting.read(self.host)
        except Exception as error:
            outcome = _gone_or_failed(error)
            if outcome[0] == "gone":  # what comes back with one put back later is our doing
                self._note(lambda: self.journal.gone(entry.key))
            return item(None, *outcome)
        if entry.setting.same(now, entry.before):
            return item(now, "unchanged")
        if not self._is_our_business(entry):
            return item(now, "unchanged", "somebody else has changed it, and we never did")
        if not self.force and not self._is_ours(entry, now):
            return item(now, "foreign", "somebody else has changed it since")
        return item(now, *self._write(entry))

    def _is_ours(self, entry: Entry, now: str) -> bool:
        if entry.was_left:
            return False
        return self._may_be_moved(entry) or entry.is_ours(now)

    def _is_our_business(self, entry: Entry) -> bool:
        has_changed = entry.was_written or entry.was_gone or bool(entry.ours)
        return has_changed or self._may_be_moved(entry)

    def _may_be_moved(self, entry: Entry) -> bool:
        """Whether the host may have, for a write of ours: to this one, or one that goes with it."""
        return entry.setting.rounds and entry.outcome is None and self.has_written

    def _write(self, entry: Entry) -> tuple[Outcome, str]:
        setting, key = entry.setting, entry.key
        self.step(f"before undo of {key}")
        self._note(lambda: self.journal.undo(key))
        self.step(f"before putting back {key}")
        outcome: tuple[Outcome, str] = ("restored", "")
        now: str | None = None
        try:
            setting.write(self.host, entry.before)
            self.step(f"after putting back {key}")
        except Exception as error:
            outcome = _gone_or_failed(error)
        try:
            now = setting.read(self.host)
        except Exception as error:
            outcome = _gone_or_failed(error)
        if now is not None and setting.same(now, entry.before):
            return "restored", ""
        if outcome[0] == "restored":
            outcome = ("failed", f"holds {now or 'nothing'} after it was put back")
        self._note(lambda: self.journal.after(key, State.FAILED, now))
        return outcome

    def _again(self, entry: Entry, item: Item) -> Item:
        """Once more for what one that was put back later moved, let go of, or brought back."""
        is_clean = item.state in ("restored", "unchanged")
        is_moved = entry.setting.rounds and is_clean and self._is_our_business(entry)
        if not is_moved and item.state not in ("failed", "gone"):
            return item
        if self.elsewhere is not None and is_of_network(entry.setting):
            return item
        try:
            now = entry.setting.read(self.host)
        except Exception as error:
            state, why = _gone_or_failed(error)
            return replace(item, state=state, why=why)
        if not entry.setting.same(now, entry.before):
            state, why = self._write(entry)
        else:
            state, why = _AT_LAST.get(item.state, item.state), ""
        return replace(item, state=state, why=why)

    def _note(self, note: Callable[[], None]) -> None:
        """A journal that cannot be written keeps nothing from being put back."""
        with contextlib.suppress(JournalError):
            note()


def elsewhere(net_namespace: int) -> tuple[Outcome, str] | None:
    """What becomes, here, of settings of that network namespace; None: here is where they are."""
    if NETWORK_NAMESPACE.stat().st_ino == net_namespace:
        return None
    for link in (*Path("/proc").glob("[0-9]*/ns/net"), *Path("/run/netns").glob("*")):
        with contextlib.suppress(OSError):
            if link.stat().st_ino == net_namespace:
                return "failed", "is in another network namespace; restore it from there"
    return "gone", "was in a network namespace that is gone"


def is_of_network(setting: Setting) -> bool:
    """Whether each network namespace has a setting of that name."""
    path = PurePosixPath(setting.target)
    return (
        setting.kind in _NETWORK_KINDS
        or path.is_relative_to("/proc/sys/net")
        or (path.is_relative_to("/sys") and "net" in path.parts)
    )


def _gone_or_failed(error: Exception) -> tuple[Outcome, str]:
    """Any error: a defect in one kind of setting keeps no other from being put back."""
    if not isinstance(error, OSError):
        return "failed", printable(f"{type(error).__name__}: {error}"[:MAX_WHY_CHARS])
    if isinstance(error, Gone) or error.errno in _GONE:
        return "gone", reason(error)
    return "failed", reason(error)


def _rebooted(entry: Entry) -> Item:
    why = "the machine was started anew since"
    return Item(entry.key, entry.setting.target, entry.before, None, "rebooted", why)
