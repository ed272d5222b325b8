"""Writing what was planned, by the journal: first all of it is written down, then it is written.

That order puts every value on disk as it was before anything moved. A setting that others move with
theirs (a card's, a governor's) is so put back to what it was before all of them, and a host with a
thousand settings waits for its disk once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from harness.tuning.host import Host
from harness.tuning.journal import Journal, JournalError
from harness.tuning.knobs.base import Op, State, reason, refusal
from harness.tuning.restore import Step, no_step, put_back
from harness.tuning.settings import Gone, Setting


def apply(ops: Sequence[Op], host: Host, journal: Journal, *, step: Step = no_step) -> list[Op]:
    """The operations with what became of each. Writes those that are planned as a change.

    A refusal is a state and stops nothing. JournalError when something cannot be written down: then
    what was applied has been put back, as far as it can be, before it is raised.
    """
    with journal.exclusive():
        journal.check(host)
        journal.check_there()
        try:
            return _Run(host, journal, step).apply(ops)
        except JournalError:
            put_back(host, journal, step=step)
            raise


_HELD = (State.CHANGE, State.INEFFECTIVE, State.NOOP)  # no error, whatever stands there


class _Run:
    def __init__(self, host: Host, journal: Journal, step: Step) -> None:
        self.host, self.journal, self.step = host, journal, step

    def apply(self, ops: Sequence[Op]) -> list[Op]:
        self._write_down(ops)
        done = [self._apply(op) for op in ops]
        return [self._look_again(op) for op in done]

    def _write_down(self, ops: Sequence[Op]) -> None:
        values: dict[str, tuple[Setting, str, str]] = {}
        for op in ops:
            setting = _to_write(op)
            if setting is None or setting.key in values or self.journal.find(setting) is not None:
                continue
            with contextlib.suppress(OSError):  # may come to be: a file in a directory we make
                now = setting.read(self.host)
                if setting.rounds or not setting.same(now, op.want):
                    values[setting.key] = (setting, now, op.want)
        self.step("before seen")
        self.journal.seen(values.values())
        self.step("after seen")

    def _apply(self, op: Op) -> Op:
        setting = _to_write(op)
        if setting is None:
            return op
        op = replace(op, state=State.CHANGE)
        try:
            now = setting.read(self.host)
        except OSError as error:
            if self.journal.find(setting) is not None:
                self.journal.gone(setting.key)
            return _refused(op, error)
        if setting.same(now, op.want):
            return replace(op, before=now, state=State.NOOP)
        self.journal.check_there()
        self.step(f"before noting {setting.key}")
        self.journal.before(setting, self._value_before(setting, now), op.want)
        self.step(f"before writing {setting.key}")
        try:
            setting.write(self.host, op.want)
        except OSError as error:
            done = replace(_refused(op, error), before=now)
        else:
            done = replace(op, before=now)
        self.step(f"after writing {setting.key}")
        return self._read_back(setting, done)

    def _value_before(self, setting: Setting, now: str) -> str:
        """What to go back to: what stands there, or stood before the host moved it by itself.

        A value that another wrote since it was seen is his, and what he gets back.
        """
        entry = self.journal.find(setting)
        return entry.before if entry is not None and setting.rounds else now

    def _read_back(self, setting: Setting, op: Op) -> Op:
        try:
            now = setting.read(self.host)
        except OSError as error:
            if op.state is not State.CHANGE:
                self.journal.after(setting.key, op.state, None)
                return op
            # No outcome is noted: whatever stands there may be ours.
            return replace(op, state=State.FAILED, why=f"cannot be read back: {reason(error)}")
        if op.state is State.CHANGE and not setting.same(now, op.want):
            op = replace(op, state=State.INEFFECTIVE, why=f"holds {now or 'nothing'} instead")
        if not setting.rounds or op.state not in (State.CHANGE, State.INEFFECTIVE):
            self.step(f"before outcome of {setting.key}")
            self.journal.after(setting.key, op.state, now)
            self.step(f"after outcome of {setting.key}")
        return op

    def _look_again(self, op: Op) -> Op:
        """What stands there when nothing moves any more, of what others may have moved.

        One that another took away is noted as such: it may come back with a value of the host's.
        """
        setting = op.setting
        entry = self.journal.find(setting) if setting is not None else None
        if setting is None or entry is None or op.state not in _HELD:
            return op
        try:
            now = setting.read(self.host)
        except OSError as error:
            self.journal.gone(setting.key)
            return replace(op, state=State.INEFFECTIVE, why=reason(error))
        if entry.outcome is not None or not setting.rounds:
            return op
        if not setting.same(now, op.want):
            op = replace(op, state=State.INEFFECTIVE, why=f"holds {now or 'nothing'} instead")
        elif op.state is State.INEFFECTIVE:
            op = replace(op, state=State.CHANGE, why="")
        self.step(f"before outcome of {setting.key}")
        self.journal.after(setting.key, op.state, now)
        self.step(f"after outcome of {setting.key}")
        return op


def _to_write(op: Op) -> Setting | None:
    """What is to be written: a change, or what holds already until another write moves it."""
    if op.setting is None or op.state not in (State.CHANGE, State.NOOP):
        return None
    return op.setting if op.state is State.CHANGE or op.setting.rounds else None


def _refused(op: Op, error: OSError) -> Op:
    if isinstance(error, Gone):
        return replace(op, state=State.UNSUPPORTED, why=reason(error) or "gone")
    return replace(op, state=refusal(error), why=reason(error))
