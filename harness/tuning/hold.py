"""A tuning from its beginning to its end: for a block, and never for longer unless it is kept.

    with tuned(scope, wishes, title="low-latency") as held:
        ...                                            # measure

lock the host -> put back what a dead tuning left -> plan -> journal -> guard -> apply -> leases ->
the block -> put back -> let the guard go. Whatever ends the process in between, its guard or the
next command puts everything back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from harness.errors import HostError
from harness.tuning import guard, papers
from harness.tuning.apply import apply
from harness.tuning.journal import Journal
from harness.tuning.knobs.base import Op, Scope, State, Wish, reason, refusal
from harness.tuning.lock import host_lock
from harness.tuning.owner import myself
from harness.tuning.patience import restore_patiently
from harness.tuning.plan import plan, require
from harness.tuning.recovery import clear_the_way, recover, restore_now, restored_log, status
from harness.tuning.restore import Restored, Step, no_step
from harness.tuning.state import state_dir
from harness.tuning.stopping import ended_as_interrupted, held_signals

__all__ = ["Tuned", "recover", "restore_now", "restored_log", "status", "tuned"]


class Tuned:
    """A tuning that is held. `restored`: what was put back at its end, None before."""

    def __init__(self) -> None:
        self.ops: tuple[Op, ...] = ()
        self.restored: Restored | None = None
        self._guard: guard.GuardHandle | None = None

    def renew(self, seconds: float | None) -> None:
        """A new deadline, that long from now. HostError when it is not held any more."""
        if self._guard is None:
            raise HostError("nothing is held here any more")
        self._guard.renew(seconds)

    def ended(self) -> str:
        """Why it is not held any more (its time was over), in words; "" while it is."""
        return "" if self._guard is None else self._guard.ended()


@contextmanager
def tuned(
    scope: Scope,
    wishes: Sequence[Wish],
    *,
    title: str,
    seconds: float | None = None,
    keep: bool = False,
    step: Step = no_step,
) -> Iterator[Tuned]:
    """The host by these wishes for the block, or until `seconds` are over; then as it was.

    With `keep` it stays so after the block, until restore_now() or `seconds` are over. HostError:
    it cannot be held (in use, no guard, a wish that must not go unfulfilled), or it was put back
    before the block had ended; what was measured then is no measurement of this tuning.

    Ctrl-C, SIGTERM and SIGHUP unwind, and wait while the host is being changed.
    """
    life = _Life(scope, step)
    with ended_as_interrupted(), host_lock(title, scope.host.root):
        try:
            with held_signals():
                life.begin(wishes, title, seconds, keep)
            yield life.tuned
        except BaseException:
            with held_signals():
                life.end()
            raise
        with held_signals():
            ended = life.end()
    if ended:
        raise HostError(f"{title}: was not held until the end: {ended}")


class _Life:
    """What has begun of a tuning, and so has to be ended."""

    def __init__(self, scope: Scope, step: Step) -> None:
        self.scope, self.step = scope, step
        self.tuned = Tuned()
        self.journal: Journal | None = None
        self.guard: guard.GuardHandle | None = None
        self.is_kept = False

    def begin(self, wishes: Sequence[Wish], title: str, seconds: float | None, keep: bool) -> None:
        state, host = state_dir(), self.scope.host
        clear_the_way(host, state)
        ops = plan(self.scope, wishes)
        require(ops)
        self.step("before journal")
        self.journal = Journal.create(state, owner=myself(), title=title, root=host.root)
        self.step("before guard")
        cpus = self.scope.roles.housekeeping
        self.guard = guard.start(state, owner=myself(), seconds=seconds, cpus=cpus)
        self.tuned._guard = self.guard
        self.step("before apply")
        ops = apply(ops, host, self.journal, step=self.step)
        self.step("before leases")
        ops = [self._lease(op) for op in ops]
        self.step("after leases")
        self.tuned.ops = tuple(ops)
        require(ops)
        if keep:
            self.guard.keep()
            self.is_kept = True

    def _lease(self, op: Op) -> Op:
        """Held by our guard also when somebody else's makes the host what it shall be by now."""
        if op.lease is None or op.state not in (State.CHANGE, State.NOOP):
            return op
        assert self.guard is not None, "it was started before"
        try:
            self.guard.take(op.lease)
        except OSError as error:
            return replace(op, state=refusal(error), why=reason(error))
        return op

    def end(self) -> str:
        """Put back, unless it is kept. Why it had been already, in words, or ""."""
        if self.journal is None:
            return ""
        try:
            if self.is_kept:
                return ""
            ended = "" if self.guard is None else self.guard.ended()
            self.tuned.restored = restore_patiently(self.scope.host, self.journal, step=self.step)
            if self.guard is not None:
                self.guard.release()
                papers.remove(self.journal.path.parent, self.guard.guard)
            return ended
        finally:
            # One that was not released puts back what could not be put back here.
            if self.guard is not None:
                self.guard.close()
            self.journal.close()
