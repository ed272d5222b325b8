"""Starting a measuring process, hearing what it reports, and never leaving it behind.

The parent sleeps while the child measures: it wakes when the child prints a line. The child prints
one JSON object a line: `{"event": "interval" | "result" | "error", ...}`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.bench.plan import Plan, to_json
from harness.errors import HostError, RedlineError

Report = dict[str, Any]
STOP_GRACE_S = 10.0  # ends at once; a process that does not is stuck in the kernel


class BenchError(RedlineError):
    """A measuring process could not do its work: what it said, or how it died."""


def measure(
    plan: Plan, on_report: Callable[[Report], None] | None = None, *, engine: Path | None = None
) -> Report:
    """Run the plan in a fresh process and return its result.

    `on_report` sees every earlier report as it comes. `engine` is the directory in which another
    build of the engine lies: a report "engine" then says which one was loaded. Raises BenchError
    when the process fails or dies, HostError when this host refuses it something; an interrupt
    stops the process before it goes on.
    """
    order = json.dumps(to_json(plan))
    worker = ["worker"] if engine is None else ["elsewhere", str(engine)]
    command = [sys.executable, "-m", f"harness.bench.{worker[0]}", *worker[1:]]
    command += [order, str(os.getpid())]
    result: Report | None = None
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            for line in child.stdout:
                report = json.loads(line)
                if report["event"] == "error":
                    raise (HostError if report["is_host"] else BenchError)(report["message"])
                if report["event"] == "result":
                    result = report
                elif on_report:
                    on_report(report)
            child.wait()
        finally:
            _stop(child)
        if result is None or child.returncode != 0:
            raise BenchError(_how_it_died(child))
    return result


def _stop(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        child.terminate()  # an interrupt would be ignored where a job control shell said so
        try:
            child.wait(STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _how_it_died(child: subprocess.Popen[str]) -> str:
    assert child.stderr is not None
    said = child.stderr.read().strip().splitlines()
    last = f": {said[-1]}" if said else ""
    if child.returncode < 0:
        return f"the measuring process was killed by {signal.Signals(-child.returncode).name}{last}"
    return f"the measuring process ended with code {child.returncode} and no result{last}"
