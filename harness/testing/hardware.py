"""The machine of a session: measuring tests alone have it, tuned if that was asked for.

Taken before the first measuring test and given back when the session ends: by its end, Ctrl-C,
SIGTERM or SIGHUP. When the session is killed, the kernel lets the lock go, and the guard of the
tuning puts everything back.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from harness.errors import RedlineError
from harness.testing.options import Options

WHAT = "in use by pytest"


class Hardware:
    """Nothing is held until take(). `tuning` is what a profile has changed, for the record."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._stack: ExitStack | None = None
        self.tuning: dict[str, Any] | None = None

    def take(self) -> None:
        """The machine for this session; again is no harm. RedlineError when it cannot be had."""
        if self._stack is not None:
            return
        # Here and not above: every pytest of an environment loads the plugin, few measure.
        from harness.commands.host_apply import tuned_here
        from harness.tuning.lock import measuring_lock
        from harness.tuning.stopping import ended_as_interrupted

        options = self._options
        with ExitStack() as stack:
            stack.enter_context(ended_as_interrupted())
            profile = options.profile or _profile_of(options.host)
            if profile is not None and not options.keep_tuned:  # whoever tunes holds the lock
                self.tuning = stack.enter_context(tuned_here(profile, host=options.host))
            else:
                if profile is not None:
                    with tuned_here(profile, host=options.host, keep=True) as self.tuning:
                        pass
                stack.enter_context(measuring_lock(WHAT))
            self._stack = stack.pop_all()

    def give_back(self) -> None:
        stack, self._stack = self._stack, None
        self.tuning = None
        if stack is not None:
            stack.close()


def _profile_of(host: str | None) -> str | None:
    """The profile of a named host, which must be this machine: nothing is measured elsewhere."""
    if host is None:
        return None
    from harness.config.inventory import LOCAL, find_hosts

    (entry,) = find_hosts([host])
    if entry.transport.kind != LOCAL:
        raise RedlineError(f"--host {host}: is another machine; start pytest there")
    return entry.profile
