"""What `redline host` prints: replies of hosts as text for a terminal.

Names and values come from hosts, so each line is filtered before it is printed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from harness.errors import printable

if TYPE_CHECKING:
    from harness.qualify.verdict import Qualification

Json = Mapping[str, Any]

# In the order of what somebody has to know first.
STATES = ("failed", "ineffective", "denied", "change", "reboot", "unsupported", "noop")
PLANNED = {
    "change": "to change",
    "noop": "as wanted",
    "reboot": "need a reboot",
    "unsupported": "not on this host",
    "denied": "refused",
    "ineffective": "without effect",
    "failed": "failed",
}
DONE = PLANNED | {"change": "changed"}
GIVEN_BACK = {
    "restored": "put back",
    "unchanged": "as before",
    "foreign": "changed by somebody else, left alone",
    "gone": "no longer there",
    "failed": "could not be put back",
    "rebooted": "gone with the reboot",
}
PROVED = {True: "holds", False: "does not", None: "unknown"}
WIDE = 44
MAX_LOG = 5  # lines of what was put back without anybody at a terminal


def facts_lines(facts: Mapping[str, Json]) -> Iterator[str]:
    family = ""
    for name, fact in sorted(facts.items()):
        head, _, rest = name.partition(".")
        if head != family:
            family = head
            yield head
        if fact["value"] is None:
            yield f"  {rest:<28} - ({fact['reason']})"
        else:
            yield f"  {rest:<28} {value_text(fact['value'])}"


def value_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {value_text(one)}" for key, one in value.items()) or "none"
    if isinstance(value, list):
        return ", ".join(value_text(one) for one in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def ops_lines(ops: Sequence[Json], *, every: bool, words: Mapping[str, str]) -> Iterator[str]:
    """What is not as wanted, or everything; then how many there are of each state."""
    for op in sorted(ops, key=lambda op: STATES.index(op["state"])):
        is_ignored = op["state"] == "unsupported" and op["on_unsupported"] == "ignore"
        if (op["state"] == "noop" or is_ignored) and not every:
            continue
        before = "?" if op["before"] is None else op["before"]
        change = op["want"] if op["state"] == "unsupported" else f"{before} -> {op['want']}"
        if op["state"] == "noop":
            change = op["want"]
        why = f"  ({op['why']})" if op["why"] else ""
        yield f"{op['state']:<11} {op['knob']:<24} {op['target']:<{WIDE}} {change}{why}"
    counts = [(state, sum(op["state"] == state for op in ops)) for state in STATES]
    yield ", ".join(f"{n} {words[state]}" for state, n in counts if n) or "nothing is asked for"


def boot_lines(ops: Sequence[Json]) -> Iterator[str]:
    """The line for the boot loader, when only it can fulfil something."""
    wanted = [op["target"] for op in ops if op["state"] == "reboot"]
    if wanted:
        yield f"kernel arguments for the next boot, never written by us: {' '.join(wanted)}"


def proofs_lines(
    proofs: Sequence[Json], reached: Mapping[str, str | None], *, every: bool
) -> Iterator[str]:
    """What does not hold, what is not known, and what was measured; or everything.

    What is said of many targets in the same words is said once.
    """
    shown_of: dict[tuple[str, ...], list[str]] = {}
    for proof in proofs:
        if proof["holds"] and proof["level"] != "effect" and not every:
            continue
        word = "refused" if proof["refused"] else PROVED[proof["holds"]]
        seen = proof["seen"] or "?"
        told = f"{seen}, wanted {proof['wanted']}" if proof["wanted"] else seen
        why = f"  ({proof['why']})" if proof["why"] else ""
        alike = (word, proof["level"], proof["knob"], f"{told}{why}")
        shown_of.setdefault(alike, []).append(proof["target"])
    for (word, level, knob, told), targets in shown_of.items():
        more = f" and {len(targets) - 1} more" if len(targets) > 1 else ""
        yield f"{word:<9} {level:<9} {knob:<24} {targets[0] + more:<{WIDE}} {told}"
    shown = [level for level in reached.values() if level]
    levels = ", ".join(
        f"{shown.count(level)} by {level}"
        for level in ("effect", "derived", "readback")
        if level in shown
    )
    yield f"{len(shown)} of {len(reached)} knobs shown to hold{f': {levels}' if levels else ''}"


def check_lines(found: Qualification, *, every: bool) -> Iterator[str]:
    """The rows that are not met, or all; each with what it costs and what to do about it."""
    for row in found.rows:
        if row.state == "ok" and not every:
            continue
        yield f"{row.state:<8}{row.level:<7}{row.title:<24} {row.observed}"
        if row.state != "ok":
            yield f"{'':<40}required: {row.required} ({row.source})"
            yield f"{'':<40}{row.consequence}"
            if row.cure:
                yield f"{'':<40}cure: {row.cure}"


def verdict_lines(found: Qualification) -> Iterator[str]:
    met = sum(row.state == "ok" for row in found.rows)
    yield f"{met} of {len(found.rows)} rows are met"
    yield f"{found.word}: {'; '.join(found.reasons)}" if found.reasons else found.word


def status_lines(reply: Json) -> Iterator[str]:
    """Who holds what, and how a person puts it back by hand; then what was put back before."""
    tuned = reply["tuned"]
    if tuned is None:
        yield "nothing to put back"
    else:
        guard = tuned["guard"]
        by = f"kept by process {guard['pid']}" if tuned["kept"] else _held_by(tuned)
        until = f", until {tuned['until']}" if tuned["until"] else ""
        yield f"{tuned['title']}, since {tuned['since']}, {by}{until}; by hand, in this order:"
        yield from (f"  {command}" for command in reply["commands"])
    for line in reply["log"][-MAX_LOG:]:
        yield f"before: {line}"


def _held_by(tuned: Json) -> str:
    owner = tuned["owner"]
    return f"{'held by' if owner['alive'] else 'left by'} process {owner['pid']}"


def restored_lines(items: Sequence[Json]) -> Iterator[str]:
    for item in items:
        if item["state"] in ("foreign", "failed"):
            why = f"  ({item['why']})" if item["why"] else ""
            was = f"was {item['before']}, is {item['seen']}"
            yield f"{item['state']:<9} {item['target']:<{WIDE}} {was}{why}"
    counts = [(state, sum(item["state"] == state for item in items)) for state in GIVEN_BACK]
    yield (
        ", ".join(f"{n} {GIVEN_BACK[state]}" for state, n in counts if n) or "nothing to put back"
    )


def say(lines: Iterator[str], indent: str = "") -> None:
    for line in lines:
        print(f"{indent}{printable(line)}")


def complain(lines: Iterator[str]) -> None:
    """The same to stderr."""
    for line in lines:
        print(printable(line), file=sys.stderr)
