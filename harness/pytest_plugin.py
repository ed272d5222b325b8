"""The pytest face of Redline: markers, `--hours`, and measuring tests that own the machine.

`pytest -m stability --hours 4` runs the soak scenario for four hours; anything marked perf, stress
or stability refuses to share the cores with xdist workers.
"""

from __future__ import annotations

import os

import pytest

MARKERS = {
    "perf": "measures time; needs the machine to itself",
    "stress": "drives the machine to its limits; needs it to itself",
    "stability": "runs for --hours; needs the machine to itself",
}
DEFAULT_HOURS = 4.0  # what the week-1 plan asks of a stability run


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("redline")
    group.addoption(
        "--hours",
        type=_hours,
        default=DEFAULT_HOURS,
        metavar="H",
        help=f"length of a stability run in hours (default {DEFAULT_HOURS:g})",
    )


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours <= 24 * 31:
        raise ValueError(text)
    return hours


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    measuring = next((name for name in MARKERS if item.get_closest_marker(name)), None)
    if measuring and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail(
            f"a {measuring} test needs the machine to itself: run it with -n 0",
            pytrace=False,
        )


@pytest.fixture
def hours(pytestconfig: pytest.Config) -> float:
    """Hours a stability run was asked to last."""
    return float(pytestconfig.getoption("--hours"))
