"""Counted instructions as a file: what `make profile` writes, compares and hands to a report.

    {"schema": "redline.instructions/1",
     "key": {"compiler": "cc 12.2.0", "flags": "-O3 -march=x86-64-v3", "libc": "glibc 2.36",
             "counter": "valgrind-3.19.0"},
     "control": "16 instructions planted in the parser", "control_found": true,
     "components": [{"component": "fix.parse", "regime": "stream", "n_ops": 2048,
                     "instructions": 4086656, "n_allocs": 0, "answer": "c51018efb12a3bd3",
                     "stacks": [{"frames": ["parse_loops_overlapping", "rl_fix_parse"],
                                 "instructions": 2048}]}]}

key:    what else decides how many instructions the same source takes; counts of different keys are
        never compared.
answer: hash of what was computed: counts of different answers are those of different work.
stacks: outermost frame first; a last frame in brackets is the file that a part was inlined from.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

from pydantic import AliasChoices, Field, ValidationError, model_validator

from harness.config.fields import Strict, Text
from harness.config.loader import ConfigError
from harness.errors import printable

Count = Annotated[int, Field(ge=0)]
File = TypeVar("File", bound=Strict)


class Key(Strict):
    """Compiler, flags, C library and counter."""

    compiler: Text
    flags: Text
    libc: Text
    counter: Text


class Stack(Strict):
    """Instructions of the last frame itself, called through those before it."""

    frames: Annotated[list[Text], Field(min_length=1)]
    instructions: Count


class Component(Strict):
    """One component: so many operations took so many instructions."""

    component: Text
    regime: Text
    n_ops: Annotated[int, Field(ge=1)]
    instructions: Count
    n_allocs: Count
    answer: Text
    stacks: list[Stack]

    @model_validator(mode="after")
    def _adds_up(self) -> Component:
        seen = sum(stack.instructions for stack in self.stacks)
        if seen != self.instructions:
            raise ValueError(f"stacks hold {seen} instructions of {self.instructions}")
        return self

    @property
    def per_op(self) -> float:
        return self.instructions / self.n_ops


class Instructions(Strict):
    """The file."""

    schema_: Literal["redline.instructions/1"] = Field(
        validation_alias=AliasChoices("schema", "schema_"), serialization_alias="schema"
    )
    key: Key
    control: Text
    control_found: bool
    components: list[Component]


def load_instructions(path: Path) -> Instructions:
    """The file of `make profile`. ConfigError, in one line, for any other."""
    return load_as(path, Instructions)


def load_as(path: Path, *kinds: type[File]) -> File:
    """A file of one of the kinds, told apart by their schemas. ConfigError for any other."""
    try:
        read = json.loads(path.read_bytes())
        schema = read.get("schema") if isinstance(read, dict) else None
        of_schema = (k for k in kinds if schema in get_args(k.model_fields["schema_"].annotation))
        return next(of_schema, kinds[0]).model_validate(read)
    except OSError as error:
        raise ConfigError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "instructions"
        raise ConfigError(f"{path}: {where}: {printable(first['msg'])}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not JSON: {printable(str(error))}") from None
