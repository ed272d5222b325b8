"""At the start of commands that use this machine: what a dead tuning left is put back."""

from __future__ import annotations

from harness.commands import host_text as text
from harness.errors import RedlineError


def recover() -> None:
    """A line or two on stderr for what was put back; never ends the command.

    Costs a look at a directory that is missing or empty. A tuning that is kept, or whose guard
    lives, is left alone.
    """
    from harness.tuning import hold

    try:
        done = hold.recover()
    except RedlineError as error:
        text.complain(iter(f"a tuning that was left behind stays: {error}".splitlines()))
        return
    if done is not None:
        items = [item.as_json() for item in done.items]
        text.complain(iter(["put back what a tuning left behind:", *text.restored_lines(items)]))
