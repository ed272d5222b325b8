"""How many process restarts a row takes: five that agree, or ten.

Source:  order statistics of the sign test; harness/run/verdicts.py `restarts` judges by the same
    numbers, docs/reference/statistics.md has the rates.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.config.matrix import Target
from harness.run.verdicts import RUNS_EXTENDED, RUNS_FIRST


def more(target: Target, values: Sequence[float | None]) -> int:
    """How many further restarts are due: five runs that disagree about the target become ten.

    A value of None met nothing: too few samples, or lost ones. Fewer runs than the rule takes are
    left as they are, and so are runs that were extended already: nothing is repeated until it fits.
    """
    met = sum(value is not None and target.met_by(value) for value in values)
    if not RUNS_FIRST <= len(values) < RUNS_EXTENDED or met in (0, len(values)):
        return 0
    return RUNS_EXTENDED - len(values)
