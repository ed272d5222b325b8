"""Call stacks with a weight each, as a file: what `make profile ARGS=--of=heap` and its like write.

    {"schema": "redline.samples/1", "what": "heap", "unit": "bytes",
     "of": "a trial of 20,000 frames, at its peak", "tool": "valgrind-3.19.0",
     "control": "1 MiB planted in a function of its own", "control_found": true,
     "stacks": [{"frames": ["main", "rl_trial_open"], "weight": 8388608}]}

stacks: outermost frame first.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from harness.config.fields import Strict, Text
from harness.config.instructions import Instructions, load_as

What = Literal["heap", "cycles", "python"]


class Weighed(Strict):
    """What the last frame itself held or took, called through those before it."""

    frames: Annotated[list[Text], Field(min_length=1)]
    weight: Annotated[int, Field(ge=1)]


class Samples(Strict):
    """The file."""

    schema_: Literal["redline.samples/1"] = Field(
        validation_alias=AliasChoices("schema", "schema_"), serialization_alias="schema"
    )
    what: What
    unit: Text
    of: Text
    tool: Text
    control: Text
    control_found: bool
    stacks: list[Weighed]

    def own(self) -> Counter[str]:
        """What each function held or took itself, whoever called it."""
        weights: Counter[str] = Counter()
        for stack in self.stacks:
            weights[stack.frames[-1]] += stack.weight
        return weights


def load_profile(path: Path) -> Instructions | Samples:
    """A file of `make profile`, of either kind. ConfigError, in one line, for any other."""
    kinds: tuple[type[Instructions | Samples], ...] = (Instructions, Samples)
    return load_as(path, *kinds)
