"""`redline host ablate`: what each tuning of a profile is worth on this machine."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.common import Json, print_json
from harness.commands.host_common import Card, ProfileName, hosts_of, requests_of
from harness.commands.net_common import interruptible, need_engine
from harness.errors import HostError, RedlineError, printable

if TYPE_CHECKING:
    from harness.measure.ablation import Ablation
    from harness.tuning.knobs.base import Scope, Wish

MAX_REPEATS = 1000
MAX_SEED = 1 << 63


def ablate(
    profile: ProfileName = None,
    measured: Annotated[
        str,
        typer.Option("--measure", metavar="M", help="blocking-rtt, spinning-rtt, tick-to-trade."),
    ] = "blocking-rtt",
    only: Annotated[
        list[str] | None,
        typer.Option("--knob", metavar="KNOB", help="Only this one; may be given again."),
    ] = None,
    repeats: Annotated[int, typer.Option(metavar="K", help="Looks at each tuning.")] = 10,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the order of the looks.")] = 1,
    nic: Card = None,
    as_json: Json = False,
) -> None:
    """Switch off one tuning at a time and say what it is worth in ns, with intervals.

    Tunings are taken in turns, in an order drawn anew for each round, and put back after each look.
    What a host cannot do, or does already, is left out. Only of this machine.

    Example: redline host ablate --profile low-latency --measure blocking-rtt
    """
    need_engine()
    from harness.bench.cpus import choose_here
    from harness.measure.ablation import ablate as take_apart
    from harness.run.worth import MEASURES
    from harness.tuning import hold, lock
    from harness.tuning.facts import collect
    from harness.tuning.plan import changing
    from harness.tuning.stopping import ended_as_interrupted

    if measured not in MEASURES:
        raise RedlineError(f"--measure: not one of {', '.join(MEASURES)}: {measured!r}")
    if not 1 <= repeats <= MAX_REPEATS:
        raise RedlineError(f"--repeats: not 1 to {MAX_REPEATS}: {repeats}")
    if not 0 <= seed < MAX_SEED:
        raise RedlineError(f"--seed: not 0 to {MAX_SEED - 1}: {seed}")
    scope, wishes, title = _asked(profile, nic)
    lock.refuse_production()
    names = _chosen(changing(scope, wishes), only or [])
    try:
        cpus = choose_here(collect())
    except ValueError as error:
        raise HostError(str(error)) from None

    @contextlib.contextmanager
    def tuned(names: frozenset[str]) -> Iterator[None]:
        mine = [wish for wish in wishes if wish.knob in names]
        with hold.tuned(scope, mine, title=title):
            yield

    with interruptible(), ended_as_interrupted():
        found = take_apart(
            names,
            tuned,
            lambda: MEASURES[measured](cpus),
            repeats=repeats,
            seed=seed,
            step=_progress,
        )
    if as_json:
        print_json({"schema": "redline.host-ablate/1", "measure": measured} | found.as_json())
    else:
        _say(found, measured)


def _asked(profile: str | None, nic: list[str] | None) -> tuple[Scope, list[Wish], str]:
    """This machine, what a profile wants of it, and what that is called."""
    from harness.tuning.service import Service

    (request,) = requests_of(hosts_of(None, None), profile, nic).values()
    try:
        scope, wishes = Service().asked(request)
    except ValueError as error:
        raise RedlineError(printable(str(error))) from None
    return scope, wishes, str(request["title"])


def _chosen(changing: Sequence[str], only: Sequence[str]) -> list[str]:
    """The knobs to be taken apart; what changes nothing is worth nothing."""
    for knob in only:
        if knob not in changing:
            raise RedlineError(f"--knob: {knob!r} changes nothing here by this profile")
    names = [knob for knob in changing if not only or knob in only]
    if not names:
        raise RedlineError("this profile changes nothing here")
    return names


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done}/{total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _say(found: Ablation, measured: str) -> None:
    print(f"{measured}, {found.repeats} looks at each tuning, in turns; worth = without - with, ns")
    print(f"{'knob':<28}{'':6}{'with':>10}{'without':>10}{'worth':>10}  95 % interval")
    for row in found.rows:
        if row.missing:
            print(printable(f"{row.name:<28}{row.statistic:<6}{row.missing}"))
            continue
        print(
            printable(
                f"{row.name:<28}{row.statistic:<6}{row.on:>10.0f}{row.off:>10.0f}"
                f"{row.worth:>10.0f}  {row.low:.0f} to {row.high:.0f}: {row.verdict}"
            )
        )
    shown = sum(row.shown for row in found.rows)
    print(
        f"{shown} of {len(found.rows)} rows show a difference; "
        f"{found.by_chance:.1f} would by chance if there were none"
    )
