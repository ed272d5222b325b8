"""Putting back what is let go of a little later: pages or a cgroup of a process that just died."""

from __future__ import annotations

import time

from harness.tuning.host import Host
from harness.tuning.journal import Journal
from harness.tuning.restore import Restored, Step, no_step, restore

PAUSES_S = (0.1, 0.4, 1.5)


def restore_patiently(
    host: Host, journal: Journal, *, force: bool = False, step: Step = no_step
) -> Restored:
    """As restore(), and again some times while something refuses; the last word on each setting."""
    restored = restore(host, journal, force=force, step=step)
    items = {item.key: item for item in restored.items}
    for pause_s in PAUSES_S:
        if all(item.state != "failed" for item in restored.items):
            break
        time.sleep(pause_s)
        restored = restore(host, journal, force=force, step=step)
        items |= {item.key: item for item in restored.items}
    return Restored(tuple(items.values()))
