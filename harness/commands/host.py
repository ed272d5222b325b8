"""`redline host`: what a machine is, whether it is fit, and how it is tuned and put back.

    redline host facts [HOST...]                 what it is, each fact with its source
    redline host check [HOST...]                 QUALIFIED, or not and why
    redline host plan [HOST...] --profile P      every write with before and after, none done
    redline host apply [HOST...] --profile P     tune, hold until Ctrl-C, put everything back
    redline host verify [HOST...] --profile P    does it hold, and how well is that known
    redline host restore [HOST...]               put back what an apply --keep, or a dead one, left
    redline host diff A B                        two environments, field by field
    redline host ablate --profile P              what each tuning is worth, in ns

Without HOST it is this machine; other names are of an inventory (hosts/*.yaml). Where it says so a
recorded tree takes the place of a machine (--tree).

Exit codes: 0 as asked; 1 drift: something is not as a profile wants it and could be, fell short, or
was changed by somebody else; 2 usage; 3 a host is not fit, refuses or cannot be reached; 130
interrupted. `apply` that is held until Ctrl-C ends with it, so that is 0.
"""

from __future__ import annotations

import typer

from harness.commands.host_ablate import ablate
from harness.commands.host_apply import apply
from harness.commands.host_check import check
from harness.commands.host_facts import diff, facts
from harness.commands.host_plan import plan, verify
from harness.commands.host_restore import restore

host = typer.Typer(help="What a machine is, whether it is fit, and how it is tuned and put back.")

for command in (facts, check, plan, apply, verify, restore, diff, ablate):
    host.command()(command)
