"""The reference of the host check, written from the rules themselves.

    python -m harness.qualify.reference > docs/reference/host-check.md

A test holds the file to what this prints.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from harness.qualify.checks import FAMILIES, RULES
from harness.qualify.rows import Level, Rule

_INTRODUCTION = """\
# Host check

`redline host check` holds a host against the rows below, and so does every run: `env.json` keeps
them under `qualification`, `redline verify` makes them again from `env.json` and `noise.json`, and
the report prints them. A host is QUALIFIED when every MUST holds. READY takes a qualified host; on
any other a run can at most be INCONCLUSIVE, and its first page is stamped.

- **Values, not words.** A row looks at what took effect: the CPUs that the kernel isolated, the
  latency that idle states are limited to, the CPUs on which interrupts arrived. An argument of the
  kernel's command line is no evidence.
- **Not shown is not qualified.** A MUST that cannot be read, because a file is not there or a
  container hides it, counts as one that does not hold. Where a machine cannot show something by its
  design, the row says so and is a SHOULD there.
- **The CPUs that are measured on** are those of the run. For a check without a run they are the hot
  ones of the inventory, or else those whose noise was measured, or else the isolated ones.
- **While measured.** Counters are read before and after, and their rise is judged (facts
  `moved.*`). Without a measurement only a counter that is still zero since boot proves anything.
- A card **carries measurements** when it is physical, up and not one by which the host is reached.
  Without such a card the rows about cards hold.

This page is written by `python -m harness.qualify.reference`; do not edit it.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_INTRODUCTION, _counts(), *_families()])


def _counts() -> str:
    by_level = {level: sum(rule.level is level for rule in RULES) for level in Level}
    return f"{len(RULES)} rows: {', '.join(f'{n} {level}' for level, n in by_level.items())}.\n"


def _families() -> Iterator[str]:
    for family, rules in FAMILIES.items():
        yield f"## {family}\n"
        yield _table(["row", "level", "what", "required", "read from", "asked for by"], rules)
        yield "\n".join(
            f"- `{r.id}` matters because: {r.consequence}. Cure: {r.cure}." for r in rules
        )
        yield ""


def _table(heads: Sequence[str], rules: Sequence[Rule]) -> str:
    lines = [_line(heads), _line(["---"] * len(heads))]
    for r in rules:
        cells = [f"`{r.id}`", str(r.level), r.title, r.required, r.file, r.document]
        lines.append(_line(cells))
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
