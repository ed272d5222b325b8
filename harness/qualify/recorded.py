"""The qualification that a run records in env.json, and the same one made again from its files.

A run is qualified by its facts (env.json), its noise floor (noise.json) and the CPUs that it used,
and by nothing else: whoever has the two files can make the verdict again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.qualify.verdict import Qualification, qualify
from harness.qualify.window import window
from harness.tuning.facts import Fact, Facts

KEY = "qualification"  # in env.json
RUN_CPUS = "run.cpus"  # the fact that names the CPUs of a run, by role


def stamped(
    env: Mapping[str, Any], noise: Mapping[str, Any], *, before: Facts, seconds: float
) -> dict[str, Any]:
    """env.json of a run with what moved during it, and with its qualification.

    `before` are the facts of the host `seconds` before those in `env` were read.
    """
    moved = window(before, facts_of(env), seconds)
    facts = {**env["facts"], **{name: fact.as_json() for name, fact in moved.items()}}
    complete = {**env, "facts": dict(sorted(facts.items()))}
    return complete | {KEY: qualification_of(complete, noise).as_json()}


def qualification_of(env: Mapping[str, Any], noise: Mapping[str, Any]) -> Qualification:
    """The qualification by env.json and noise.json of a run. Never an error: both may be rubbish.

    What was recorded as the qualification is not read.
    """
    facts = facts_of(env)
    looks = [*_list(noise.get("floor")), *_list(noise.get("neighbour"))]
    return qualify(facts, looks, _cpus(facts.get(RUN_CPUS)))


def facts_of(env: Mapping[str, Any]) -> dict[str, Fact]:
    """The facts of an env.json; those that are none are left out."""
    facts = env.get("facts")
    if not isinstance(facts, Mapping):
        return {}
    return {
        str(name): Fact(
            fact.get("value"), str(fact.get("source") or ""), _text_or_none(fact.get("reason"))
        )
        for name, fact in facts.items()
        if isinstance(fact, Mapping)
    }


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _list(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _cpus(fact: Fact | None) -> dict[str, int] | None:
    if fact is None or not isinstance(fact.value, dict):
        return None
    shown = {role: str(cpu) for role, cpu in fact.value.items()}
    return {role: int(cpu) for role, cpu in shown.items() if cpu.isdecimal()} or None
