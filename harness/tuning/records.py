"""What the lines of a journal say: every setting, its value before, and what of it is our doing.

  seen      what stands there before anything is written; many lines become durable at once
  before    a write follows; for a setting never written before, what it shall be put back to
  after     what became of the write, and what stood there then
  gone      it is not there at this moment; what comes back is the host's, not somebody else's
  undo      a write of the value before follows
  restored  nothing of ours is left there
  left      somebody else's value stands there and was left alone
  done      everything is put back; who still has the file open learns it from there

The first value before wins: whatever is written over our own values, or after a crash, does not
become something to go back to. Once restored, a setting starts anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.tuning import settings
from harness.tuning.knobs.base import State
from harness.tuning.settings import Setting

WROTE = (State.CHANGE, State.INEFFECTIVE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting. `outcome` None: the process ended, or is, between a write and its outcome."""

    setting: Setting
    before: str
    want: str  # what was asked for last
    outcome: State | None = None
    now: str | None = None  # what stood there after the last write
    ours: tuple[str, ...] = ()  # values that are there by us
    was_written: bool = False
    was_left: bool = False
    was_gone: bool = False

    @property
    def key(self) -> str:
        return self.setting.key

    def is_ours(self, value: str) -> bool:
        """Whether it is there by us, or may be: the process died before it could tell."""
        if self.was_gone:
            return True
        may_be = (self.want,) if self.was_written and self.outcome is None else ()
        return any(self.setting.same(value, one) for one in (*self.ours, *may_be))


class Entries:
    """Entries in the order in which they were first written down."""

    def __init__(self) -> None:
        self._by_key: dict[str, Entry] = {}
        self.is_done = False

    def all(self) -> list[Entry]:
        return list(self._by_key.values())

    def find(self, key: str) -> Entry | None:
        """The entry while it is ours: what was left to others starts anew when written again."""
        entry = self._by_key.get(key)
        return None if entry is not None and entry.was_left else entry

    def add(self, record: Mapping[str, Any]) -> None:
        """Take in one line. ValueError for what no journal of ours says."""
        event = record.get("event")
        if event in ("seen", "before"):
            setting = settings.setting_of(_mapping(record, "setting"))
            value, want = _text(record, "value"), _text(record, "want")
            (self._seen if event == "seen" else self._before)(setting, value, want)
            return
        if event == "done":
            self.is_done = True
            self._by_key.clear()
            return
        entry = self._by_key.get(_text(record, "key"))
        if entry is None:
            raise ValueError("about a setting whose value before is not known")
        if event == "after":
            now = None if record.get("now") is None else _text(record, "now")
            self._put(_after(entry, State(_text(record, "state")), now))
        elif event == "gone":
            self._put(replace(entry, was_gone=True))
        elif event == "undo":
            self._put(replace(entry, outcome=None, was_written=True))
        elif event == "restored":
            del self._by_key[entry.key]
        elif event == "left":
            self._put(replace(entry, was_left=True))
        else:
            raise ValueError(f"no such event: {str(event)[:40]!r}")

    def _seen(self, setting: Setting, value: str, want: str) -> None:
        if self.find(setting.key) is None:
            self._by_key.pop(setting.key, None)
            self._put(Entry(setting, value, want))

    def _before(self, setting: Setting, value: str, want: str) -> None:
        entry = self.find(setting.key)
        if entry is None:
            self._by_key.pop(setting.key, None)
        if entry is None or not entry.was_written:
            entry = Entry(setting, value, want)
        ours = entry.ours
        if entry.was_written and entry.outcome is None:
            ours = (*ours, entry.want)  # it may have come to that before the process died
        self._put(replace(entry, want=want, outcome=None, ours=ours, was_written=True))

    def _put(self, entry: Entry) -> None:
        self._by_key[entry.key] = entry


def _after(entry: Entry, state: State, now: str | None) -> Entry:
    held_by_itself = state is State.NOOP and entry.was_written  # by a run that was cut off
    values = [entry.want] if state in WROTE or held_by_itself else []
    if now is not None and not entry.setting.same(now, entry.before):
        values.append(now)  # also of a refused write: it may have done half of its work
    ours = tuple(dict.fromkeys((*entry.ours, *values)))
    return replace(entry, outcome=state, now=now, ours=ours, was_gone=False)


def parse(line: bytes) -> dict[str, Any]:
    """The object in a line. ValueError for anything else, however it is built."""
    try:
        raw = json.loads(line)
    except RecursionError:
        raise ValueError("nested without end") from None
    if not isinstance(raw, dict):
        raise ValueError("not an object")
    return raw


def line_of(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"no {name}")
    return value


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise ValueError(f"no {name}")
    return value
