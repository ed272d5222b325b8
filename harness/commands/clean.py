"""`redline clean`: remove what benches of killed processes left on this host.

Exits with 0 when nothing of ours remains, with 3 when something could not be removed.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from harness.errors import ExitCode


def clean(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be removed; change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Remove namespaces that killed runs left, and bring interfaces back from them.

    Benches of living processes stay. What is named like ours but has no journal is reported.

    Example: redline clean --dry-run
    """
    from harness.bench import leftovers
    from harness.measure import tracing

    found = leftovers.find()
    done = leftovers.Cleaned((), ()) if dry_run else leftovers.clean()
    gone = found.leftovers if dry_run else done.removed
    traced = tracing.Swept(tracing.leftovers(), ()) if dry_run else tracing.sweep()
    faults = (*done.faults, *traced.faults)
    if as_json:
        said = {
            "schema": "redline.clean/1",
            "dry_run": dry_run,
            "removed": [one.as_json() for one in gone],
            "traces": list(traced.removed),
            "living": [{"id": one.id, "pid": one.owner.pid} for one in found.living],
            "strange": list(found.strange),
            "faults": list(faults),
        }
        print(json.dumps(said, indent=1, sort_keys=True))
    else:
        for one in gone:
            print(f"{'would remove' if dry_run else 'removed'} {one.text}")
        for name in traced.removed:
            print(f"{'would remove' if dry_run else 'removed'} trace {name}")
        if not gone and not traced.removed and not faults:
            print("nothing left behind")
        for entry in found.living:
            print(f"in use: bench {entry.id} of process {entry.owner.pid}")
        for line in (*found.strange, *faults):
            print(line, file=sys.stderr)
    raise typer.Exit(ExitCode.HOST_NOT_FIT if faults else ExitCode.READY)
