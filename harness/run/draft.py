"""What a run would say of itself if it ended now: so that somebody else can end it.

    so-far.json     in the `.partial` directory of a run with a soak; replaced, whole, when a phase
                    begins or ends, and gone when the run is sealed

    record          run.json but for status, end and verdict, with what was measured and checked
    under_way       measurements of the phase that has begun: what is not known yet (how many, how
                    long) is in its histogram log
    env, noise, tuning  as they were when it began; tuning is null on a host as it was found
    owner           the process that writes the directory

Errors: RunDirError, for a directory without one, or with one that is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.run import artifacts
from harness.run.artifacts import RunDir, RunDirError
from harness.tuning.owner import Owner, myself

NAME = "so-far.json"
SCHEMA = "redline.so-far/1"
HOURS = "stability.hours"  # of what is under way: their value is the length of its log

Json = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """Written by the run. `fixed`: of the record, what does not change while it measures."""

    directory: RunDir
    fixed: Mapping[str, Any]
    env: Mapping[str, Any]
    tuning: Mapping[str, Any] | None

    def keep(
        self,
        *,
        measurements: Sequence[Json],
        checks: Sequence[Json],
        noise: Mapping[str, Any],
        under_way: Sequence[Json] = (),
    ) -> None:
        """Put down what there is so far."""
        said = {
            "schema": SCHEMA,
            "record": {
                **self.fixed,
                "measurements": [*measurements, *self.fixed["measurements"]],
                "checks": list(checks),
            },
            "under_way": list(under_way),
            "env": self.env,
            "noise": noise,
            "tuning": self.tuning,
            "owner": asdict(myself()),
        }
        self.directory.rewrite_json(NAME, said)


@dataclass(frozen=True, slots=True)
class SoFar:
    """A draft that was read."""

    record: Json
    under_way: list[Json]
    env: Json
    noise: Json
    tuning: Json | None
    owner: Owner


def read(path: Path) -> SoFar:
    """The draft of a `.partial` directory."""
    file = path / NAME
    if not file.is_file():
        raise RunDirError(
            f"{path}: no {NAME} in it: only a run with a soak can be sealed by somebody else"
        )
    said = artifacts.read_json(file)
    try:
        if said["schema"] != SCHEMA:
            raise RunDirError(f"{file}: schema: expected {SCHEMA!r}, found {said['schema']!r}")
        return SoFar(
            record=said["record"],
            under_way=said["under_way"],
            env=said["env"],
            noise=said["noise"],
            tuning=said["tuning"],
            owner=Owner(**said["owner"]),
        )
    except (KeyError, TypeError) as error:
        raise RunDirError(f"{file}: not a draft of a run: {error}") from None


def remove(directory: RunDir) -> None:
    """The run speaks for itself now."""
    directory.file(NAME).unlink(missing_ok=True)
