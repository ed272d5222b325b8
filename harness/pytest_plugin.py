"""The pytest face of Redline: markers, options, fixtures, and measuring tests that own the machine.

`pytest -m stability --hours 4` runs the soak scenario for four hours. Anything marked perf, stress
or stability, and anything that takes `bench`, refuses to share the cores with xdist workers and
has the machine for itself. docs/guides/pytest.md shows tests of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import HostError, RedlineError, printable
from harness.testing import options, outcomes, workers
from harness.testing.hardware import Hardware

if TYPE_CHECKING:
    from harness.testing.bench import Bench, Run

MARKERS = {
    "unit": "one part alone, in milliseconds",
    "integration": "several parts together, as a user meets them",
    "perf": "measures time; needs the machine to itself",
    "stress": "drives the machine to its limits; needs it to itself",
    "stability": "runs for --hours; needs the machine to itself",
    "failure": "something goes wrong on purpose",
    "security": "what comes from outside is hostile",
}
MEASURING = ("perf", "stress", "stability")
MEASURING_FIXTURES = ("bench", "tuned_host", "engine_run", "measure")

_options = pytest.StashKey[options.Options]()
_hardware = pytest.StashKey[Hardware]()
_bench = pytest.StashKey["Bench"]()
_own_runs = pytest.StashKey["list[Run]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    options.add(parser)


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    config.stash[_options] = chosen = options.of(config)
    config.stash[_hardware] = Hardware(chosen)
    if workers.is_worker():
        workers.leave_measured_cpus()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    measuring = _measures(item)
    if measuring:
        _take(item.config, measuring)


def _take(config: pytest.Config, who: str) -> None:
    """The machine for the rest of the session, or an end of the test or the session without it."""
    if workers.is_worker():
        pytest.fail(f"{who} needs the machine to itself: run it with -n 0", pytrace=False)
    try:
        config.stash[_hardware].take()
    except HostError as error:
        pytest.exit(str(error), returncode=int(error.exit_code))
    except RedlineError as error:
        pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)


def _measures(item: pytest.Item) -> str | None:
    """What of a test needs the machine; None for one that does not."""
    marker = next((name for name in MEASURING if item.get_closest_marker(name)), None)
    if marker:
        return f"a {marker} test"
    fixture = next((name for name in MEASURING_FIXTURES if _is_ours(item, name)), None)
    return f"a test with the fixture {fixture}" if fixture else None


def _is_ours(item: pytest.Item, fixture: str) -> bool:
    """Whether a test takes our fixture of this name, and not one of its own that is called so."""
    if not isinstance(item, pytest.Function):
        return False
    found = item._fixtureinfo.name2fixturedefs.get(fixture, ())
    return bool(found) and found[-1].func.__module__ == __name__


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test that passed has answered for its runs, or they answer for themselves."""
    result = yield
    for run in item.stash.get(_own_runs, []):
        if not run.is_answered_for:
            run.require()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    outcomes.mark(item, report, call.excinfo.value if call.excinfo else None)
    return report


def pytest_report_teststatus(report: object) -> tuple[str, str, str] | None:
    if outcomes.is_unjudgeable(report):
        return outcomes.CATEGORY, "U", outcomes.UNJUDGEABLE
    return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, object, object]:
    """Properties before JUnit is written, the machine back after the last fixture is gone."""
    from harness.testing import junit

    if not workers.is_worker():
        terminal = session.config.pluginmanager.get_plugin("terminalreporter")
        stats = terminal.stats if terminal else {}
        session.exitstatus = outcomes.exit_code(int(session.exitstatus), stats)
        junit.add_properties(session.config, _runs(session.config))
    try:
        return (yield)
    finally:
        session.config.stash[_hardware].give_back()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    unjudgeable = terminalreporter.stats.get(outcomes.CATEGORY, [])
    if unjudgeable:
        terminalreporter.section("UNJUDGEABLE: this machine could not tell", yellow=True)
        for line in outcomes.lines(unjudgeable):
            terminalreporter.write_line(printable(line))
    runs = _runs(config)
    if runs:
        terminalreporter.section("Redline")
        terminalreporter.write(runs[-1].summary)
        for run in runs:
            terminalreporter.write_line(printable(f"{run.verdict:<12}  {run.dir}"))


def _runs(config: pytest.Config) -> list[Run]:
    bench = config.stash.get(_bench, None)
    return bench.runs if bench else []


@pytest.fixture(scope="session")
def hours(pytestconfig: pytest.Config) -> float:
    """Hours a stability run was asked to last."""
    return pytestconfig.stash[_options].hours


@pytest.fixture(scope="session")
def bench(pytestconfig: pytest.Config) -> Bench:
    """This machine with the scenario of --scenario on it, until the session ends."""
    from harness.testing.bench import Bench

    _take(pytestconfig, "a test with the fixture bench")
    stash = pytestconfig.stash
    stash[_bench] = Bench(stash[_options], stash[_hardware])
    return stash[_bench]


@pytest.fixture
def tuned_host(pytestconfig: pytest.Config) -> dict[str, Any]:
    """What --profile has changed on this machine; empty when somebody else has tuned it well.

    UNJUDGEABLE on a host that is neither tuned by us nor fit as it is.
    """
    from harness.testing.bench import unqualified

    _take(pytestconfig, "a test with the fixture tuned_host")
    tuning = pytestconfig.stash[_hardware].tuning
    if tuning is not None:
        return tuning
    why_not = unqualified()
    if why_not:
        raise outcomes.Unjudgeable(f"this host is not tuned: {'; '.join(why_not)}")
    return {}


@pytest.fixture
def engine_run(bench: Bench, request: pytest.FixtureRequest) -> Callable[..., Run]:
    """`engine_run(scenario, rate=, duration=, hours=)`: a whole run, its directory and verdict."""
    own = request.node.stash.setdefault(_own_runs, [])

    def perform(*args: Any, **options: Any) -> Run:
        try:
            run = bench.run(*args, **options)
        except RedlineError as error:
            raise pytest.fail.Exception(printable(str(error)), pytrace=False) from None
        own.append(run)
        # Not record_property, which warns, and so fails strict suites, about a family of JUnit.
        request.node.user_properties += [
            ("redline.run", str(run.dir)),
            ("redline.verdict", run.verdict),
            ("redline.fingerprint", run.fingerprint),
        ]
        return run

    return perform


@pytest.fixture
def measure(engine_run: Callable[..., Run]) -> Callable[..., Run]:
    """`measure(metric, scenario, rate=, duration=)`: a run of only what yields this metric."""

    def perform(metric: str, *args: Any, **options: Any) -> Run:
        return engine_run(*args, metric=metric, **options)

    return perform
