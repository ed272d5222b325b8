"""`redline bisect`: which revision made an operation slow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.common import Json, complain, print_json
from harness.commands.gate import Cache, Length, Pairs, Repo, Seed
from harness.errors import ExitCode, RedlineError

if TYPE_CHECKING:
    from harness.regression.bisect import Asked, Blame
    from harness.regression.builds import Build
    from harness.regression.gate import Finding


def bisect(
    good: Annotated[str, typer.Option(metavar="REV", help="A revision that was fast.")],
    bad: Annotated[str, typer.Option(metavar="REV", help="One that is slow: it descends from it.")],
    metric: Annotated[str, typer.Option(metavar="ID", help="The operation that became slow.")],
    pairs: Pairs = 6,
    duration: Length = "200ms",
    seed: Seed = 1,
    repo: Repo = Path(),
    cache: Cache = None,
    as_json: Json = False,
) -> None:
    """Find the revision that made an operation slow; the work tree is not touched.

    Each revision is compared with the good one by the rule of `redline gate`. What does not build
    or cannot be decided is skipped. Exits with 0 when one revision is to blame, and with 75 when
    several may be, or when the bad revision is not slower.

    Example: redline bisect --good v1.0 --bad HEAD --metric fix.parse
    """
    from harness.regression import bisect as search
    from harness.regression import builds
    from harness.regression.gate import State

    kept = cache or builds.default_cache()
    first, last = builds.commit_of(good, repo), builds.commit_of(bad, repo)
    revisions = builds.revisions_between(first, last, repo)
    ask = _Asker(
        metric, duration, pairs, seed, repo, kept, builds.resolve(good, repo=repo, cache=kept)
    )
    try:
        slow = ask.compared(last)
        if slow.state is not State.CONFIRMED:
            raise _NotSlower(f"{bad} against {good}: {slow.state}: {slow.reason}")
        blame = search.bisect(revisions, ask)
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    _say(blame, as_json)
    raise typer.Exit(ExitCode.READY if len(blame.suspects) == 1 else ExitCode.INCONCLUSIVE)


class _NotSlower(RedlineError):
    """Nothing to search for: a good and a bad revision that do not differ enough to tell."""

    exit_code = ExitCode.INCONCLUSIVE


class _Asker:
    """Compares one revision after another with the good build."""

    def __init__(
        self,
        metric: str,
        duration: str,
        pairs: int,
        seed: int,
        repo: Path,
        cache: Path,
        good: Build,
    ) -> None:
        from harness.commands.gate import setting_of, subjects_of

        self._subjects = subjects_of([metric])
        self._setting = setting_of(duration)
        self._pairs, self._seed, self._repo, self._cache = pairs, seed, repo, cache
        self._good = good

    def compared(self, revision: str) -> Finding:
        """The gate's finding on it. BuildError when it does not build."""
        from harness.commands.gate import measured
        from harness.regression import builds
        from harness.regression.abba import Side
        from harness.regression.gate import decide

        build = builds.resolve(revision, repo=self._repo, cache=self._cache)
        sides = {Side.BASE: self._good, Side.HEAD: build}
        blocks = measured(sides, self._subjects, self._setting, self._pairs, self._seed)
        return decide(blocks, self._subjects)[0]

    def __call__(self, revision: str) -> Asked:
        from harness.bench.launch import BenchError
        from harness.regression.bisect import Answer, Asked
        from harness.regression.builds import BuildError
        from harness.regression.gate import State

        try:
            found = self.compared(revision)
        except (BuildError, BenchError) as error:
            asked = Asked(revision, Answer.SKIP, str(error))
        else:
            answers = {State.CONFIRMED: Answer.BAD, State.NONE_SHOWN: Answer.GOOD}
            reason = f"{found.state}: {found.reason}"
            asked = Asked(revision, answers.get(found.state, Answer.SKIP), reason)
        complain(_line(asked))  # minutes pass between two of them
        return asked


def _line(asked: Asked) -> str:
    return f"{asked.revision[:12]} {asked.answer}: {asked.reason}"


def _say(blame: Blame, as_json: bool) -> None:
    if as_json:
        values: dict[str, Any] = {
            "suspects": list(blame.suspects),
            "asked": [
                {"revision": one.revision, "answer": str(one.answer), "reason": one.reason}
                for one in blame.asked
            ],
        }
        print_json(values)
    elif len(blame.suspects) == 1:
        print(f"{blame.suspects[0]} made it slow")
    else:
        print(f"one of {len(blame.suspects)} made it slow; those between could not be asked:")
        for revision in blame.suspects:
            print(revision)
