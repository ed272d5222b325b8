"""Files that speak of rows of a matrix: each row they name must be there, and may be named once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from harness.config import strict_yaml
from harness.config.loader import ConfigError, FieldFault, fault_line
from harness.config.strict_yaml import Fault


def once_each(rows: Iterable[str], key: str) -> None:
    """FieldFault for the first row named twice; `key` is the list they stand in."""
    seen: set[str] = set()
    for i, row in enumerate(rows):
        if row in seen:
            raise FieldFault((key, i, "row"), f"named twice: {row!r}")
        seen.add(row)


def known(
    rows: Iterable[str], allowed: Collection[str], what: str, *, key: str, name: str, text: str
) -> None:
    """ConfigError, a line each, for rows that are not among the allowed. `text` is the file's."""
    document = strict_yaml.parse(text)
    faults = []
    for i, row in enumerate(rows):
        if row not in allowed:
            path = (key, i, "row")
            near = get_close_matches(row, list(allowed), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(allowed)}"
            said = f"no {what}: {row!r}; {hint}"
            faults.append(fault_line(name, Fault(document.line_of(path), path, said)))
    if faults:
        raise ConfigError(*faults)
