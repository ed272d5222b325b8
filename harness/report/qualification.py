"""Whether a signature may rest on this host: what the run recorded speaks for or against it.

Rules:  a scored core lost more than 0.01 % of its time or had a gap above 50 us; a hypervisor is
        under the kernel; the clock governor of a scored core is not `performance`. A run that
        recorded none of this is not qualified.
Units:  ns, shares of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.report.evidence import Evidence, Json
from harness.report.figures import ns_text

MOST_LOST_SHARE = 0.0001
LONGEST_GAP_NS = 50_000.0


def qualification(evidence: Evidence) -> tuple[bool, list[str]]:
    """(qualified, what speaks against it). A verdict in env.json is taken as it is."""
    stated = evidence.env.get("qualification")
    if isinstance(stated, Mapping) and "qualified" in stated:
        return bool(stated["qualified"]), [str(r) for r in stated.get("reasons", [])]
    looks = evidence.noise.get("floor", [])
    if not looks:
        return False, ["no noise floor was measured"]
    cores = sorted({str(look.get("cpu")) for look in looks})
    reasons = [*_by_facts(evidence.env, cores), *_by_noise(looks, cores)]
    return not reasons, reasons


def _by_noise(looks: list[Json], cores: list[str]) -> Iterator[str]:
    for core in cores:
        mine = [look for look in looks if str(look.get("cpu")) == core and look.get("seconds")]
        lost = max((look["lost_ns"] / (look["seconds"] * 1e9) for look in mine), default=0.0)
        longest = max((float(look.get("max_ns") or 0) for look in mine), default=0.0)
        if lost > MOST_LOST_SHARE:
            allowed = f"{100 * MOST_LOST_SHARE:g} % allowed"
            yield f"core {core} lost {100 * lost:.2g} % of its time, {allowed}"
        if longest > LONGEST_GAP_NS:
            allowed = f"{ns_text(LONGEST_GAP_NS)} allowed"
            yield f"longest gap on core {core} {ns_text(longest)}, {allowed}"


def _by_facts(env: Json, cores: list[str]) -> Iterator[str]:
    hypervisor = _fact(env, "host.hypervisor")
    if hypervisor not in (None, "none"):
        yield f"hypervisor ({hypervisor}): what it takes away shows in no counter of the guest"
    governors = _fact(env, "cpu.governor")
    if isinstance(governors, Mapping):
        for core in cores:
            if governors.get(core, "performance") != "performance":
                yield f"governor of core {core} is {governors[core]}, not performance"


def _fact(env: Json, name: str) -> Any:
    fact = (env.get("facts") or {}).get(name)
    return fact.get("value") if isinstance(fact, Mapping) else None
