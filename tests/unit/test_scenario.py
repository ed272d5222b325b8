"""Scenarios: the shipped ones are sound, and what makes no sense is refused before a run."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.config.loader import ConfigError
from harness.config.matrix import load_matrix
from harness.config.scenario import (
    Kill,
    Scenario,
    Soak,
    Throughput,
    TickToTrade,
    Trial,
    find_scenario,
    load_scenario,
    parse,
)

ROOT = Path(__file__).parents[2]
SHIPPED = ("week1", "smoke", "soak", "signoff", "kill", "network")
S = 10**9


def shipped(name: str) -> Scenario:
    return load_scenario(ROOT / "scenarios" / f"{name}.yaml")


def changed(old: str, new: str, *, name: str = "week1") -> tuple[str, ...]:
    """Faults of a shipped scenario after a change of its text."""
    text = (ROOT / "scenarios" / f"{name}.yaml").read_text()
    assert old in text
    with pytest.raises(ConfigError) as refused:
        parse(text.replace(old, new, 1), Scenario, name="s.yaml")
    return refused.value.faults


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_says_why_it_exists_before_anything_else(name: str) -> None:
    assert (ROOT / "scenarios" / f"{name}.yaml").read_text().startswith("# Why: ")
    assert shipped(name).name == name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_scores_by_a_matrix_that_is_there(name: str) -> None:
    matrix = load_matrix(ROOT / shipped(name).matrix)
    declared = {gate.metric for gate in matrix.must_hold() if gate.metric}
    assert shipped(name).metric_ids() & declared


@pytest.mark.parametrize("name", SHIPPED)
def test_a_scenario_written_out_loads_as_itself(name: str) -> None:
    scenario = shipped(name)
    assert parse(scenario.to_yaml(), Scenario, name="again") == scenario


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_satisfies_the_published_schema(name: str) -> None:
    written = yaml.safe_load(shipped(name).to_yaml())
    jsonschema.validate(written, Scenario.model_json_schema())


def test_the_main_scenario_measures_for_about_a_minute() -> None:
    assert 50 * S < shipped("week1").measured_ns() < 65 * S


def test_the_smoke_scenario_takes_seconds() -> None:
    assert shipped("smoke").measured_ns() < 5 * S


def test_the_main_scenario_measures_all_of_the_matrix_but_hours_and_network() -> None:
    matrix = load_matrix(ROOT / "reports/matrix/week1.yaml")
    wanted = {gate.metric for gate in (*matrix.must_hold(),) if gate.metric}
    of_others = {m for m in wanted if m.startswith(("quality.", "delivery."))}  # tools, people
    assert wanted - of_others - shipped("week1").metric_ids() == {
        "stability.hours",  # the soak's
        "net.rtt",  # those of a bench that has a network
        "net.processing",
    }


def test_the_main_scenario_scores_end_to_end_at_the_load_that_the_matrix_declares() -> None:
    matrix = load_matrix(ROOT / "reports/matrix/week1.yaml")
    (row,) = (row for _, row in matrix.rows() if row.id == "end_to_end")
    for name in ("week1", "signoff"):
        (phase,) = (p for p in shipped(name).phases if isinstance(p, TickToTrade))
        (trial,) = (t for t in phase.trials if t.measures.wire == row.metric)
        assert (trial.rate_per_s, trial.repeats) == (row.load_per_s, 5)


def test_the_sign_off_scenario_has_the_lengths_that_its_statistics_need() -> None:
    phases = shipped("signoff").phases
    (throughput,) = (p for p in phases if isinstance(p, Throughput))
    assert throughput.confirm_trials >= 7
    assert throughput.trial_ns >= 10 * S
    assert throughput.soak_ns >= 60 * S
    (e2e,) = (p for p in phases if isinstance(p, TickToTrade))
    assert all(trial.duration_ns >= 60 * S for trial in e2e.trials)  # sixty blocks of a second


def test_the_steps_of_a_run_begin_and_end_with_the_noise_floor() -> None:
    steps = shipped("week1").steps()
    assert [steps[0].name, steps[-1].name] == ["noise floor before", "noise floor after"]
    assert sum(step.measured_ns for step in steps) == shipped("week1").measured_ns()
    assert all(step.lines for step in steps)


def test_a_rate_beyond_any_schedule_is_one_line() -> None:
    with pytest.raises(ConfigError, match="--rate: at most 1G/s: 2G/s"):
        shipped("week1").with_overrides(rate_per_s=2_000_000_000)


def test_a_search_counts_its_probes_from_its_bracket() -> None:
    (search,) = (p for p in shipped("week1").phases if isinstance(p, Throughput))
    # 1M to 16M are four octaves, 10 % is 0.1375 of one: both ends, then five halvings, twice.
    assert search.n_rates == 12
    assert search.n_probes == 12 * 2  # two of three votes that agree are a majority


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("rate: 1M/s", "rate: fast", "phases.1.trials.0.rate: not a rate: 'fast'"),
        ("ring: 4MiB", "ring: 3MiB", "bench.ring: not a power of two of at least 4KiB: '3MiB'"),
        ("kind: shm", "kind: smh", "bench.kind: not one of 'shm', 'netns', 'loop-cable': 'smh'"),
        ("cpus: 2", "cpus: 1", "requires.cpus: must be greater than or equal to 2: 1"),
        ("lot: 100", "lot: 5000", "strategy.lot: is above limits.max_qty 1000"),
        ("lot: 100", "lots: 100", "strategy.lots: unknown key, did you mean 'lot'?"),
        ("imbalance: 30%", "imbalance: 101%", "must be less than or equal to 10000"),
        ("max_rate: 16M/s", "max_rate: 1M/s", "phases.6.max_rate: must be above target_rate"),
        ("id: null.fix", "id: null.itch", "phases.1.trials.1.id: used twice: 'null.itch'"),
        ("wire: e2e.fix.wire", "wire: e2e.buf", "phases.3: metric 'e2e.buf' is measured twice"),
        ("repeats: 5", "repeats: 0", "repeats: must be greater than or equal to 1: 0"),
        ("duration: 3s", "duration: 0s", "noise.duration: must be more than zero: '0s'"),
        ("phase: stages", "phase: stage", "phases.4.phase: not one of "),
        ("id: fix.parse", "id: fix.pars", "phases.2.metrics.0.id: not one of 'fix.parse'"),
        (
            "regimes: [random, stream, cold]",
            "regimes: [hot]",
            "regimes.0: book.update knows stream",
        ),
        ("regimes: [stream, hot, cold]", "regimes: [hot, hot]", "regimes.1: given twice: 'hot'"),
        ("regimes: [stream, hot, cold]", "regimes: []", "metrics.0.regimes: needs at least 1"),
        ("name: week1", "name: Week 1", "name: must look like "),
        ("max_position: 10000000", "max_position: 0", "must be greater than or equal to 1"),
    ],
)
def test_a_scenario_that_makes_no_sense_is_refused_at_its_line(
    old: str, new: str, says: str
) -> None:
    lines = changed(old, new)
    assert any(says in line for line in lines), lines
    # The line number is that of the changed text, except where a check concerns two lines.
    if "twice" not in says and "above" not in says:
        text = (ROOT / "scenarios" / "week1.yaml").read_text().replace(old, new, 1)
        assert all(new.split(":")[0] in text.splitlines()[int(f.split(":")[1]) - 1] for f in lines)


def test_a_trial_made_of_numbers_is_checked_like_one_from_a_file() -> None:
    made = Trial.of("soak.itch", "itch", rate_per_s=250_000, warmup_ns=S, duration_ns=4 * 3600 * S)
    (soak,) = (p for p in shipped("soak").phases if isinstance(p, Soak))
    assert soak.trial() == made
    assert made.load == "250000/s constant"
    with pytest.raises(ValueError, match="more than zero"):
        Trial.of("a.b", "itch", rate_per_s=0, warmup_ns=0, duration_ns=S)


class TestOverrides:
    """What --rate, --duration and --hours do to a scenario."""

    def test_the_rate_is_that_of_the_fastest_and_others_keep_their_proportion(self) -> None:
        scenario = shipped("week1").with_overrides(rate_per_s=2_000_000)
        (phase,) = (p for p in scenario.phases if isinstance(p, TickToTrade))
        assert [t.rate_per_s for t in phase.trials] == [2_000_000, 500_000]

    def test_the_duration_is_that_of_every_trial(self) -> None:
        scenario = shipped("week1").with_overrides(duration_ns=10 * S)
        (phase,) = (p for p in scenario.phases if isinstance(p, TickToTrade))
        assert [t.duration_ns for t in phase.trials] == [10 * S, 10 * S]

    def test_hours_are_those_of_the_soak(self) -> None:
        scenario = shipped("soak").with_overrides(hours=0.01)
        (soak,) = (p for p in scenario.phases if isinstance(p, Soak))
        assert soak.duration_ns == 36 * S

    def test_without_options_nothing_changes(self) -> None:
        assert shipped("week1").with_overrides() == shipped("week1")

    def test_hours_without_a_soak_are_refused(self) -> None:
        with pytest.raises(ConfigError, match="--hours: scenario 'week1' has no soak"):
            shipped("week1").with_overrides(hours=4)

    @pytest.mark.parametrize("hours", [0, -1, 1e9, float("nan")])
    def test_hours_that_make_no_sense_are_refused(self, hours: float) -> None:
        with pytest.raises(ConfigError, match="--hours: must be more than 0 and at most 744"):
            shipped("soak").with_overrides(hours=hours)

    def test_a_soak_shorter_than_its_interval_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="interval: is longer than the soak"):
            shipped("soak").with_overrides(hours=0.001)


class TestFinding:
    """What a user may write for a scenario."""

    def test_a_bare_word_is_a_shipped_scenario(self) -> None:
        assert load_scenario(find_scenario("smoke")).name == "smoke"

    def test_a_name_is_found_with_the_dashes_of_its_file_or_with_underscores(self) -> None:
        assert find_scenario("black_box") == find_scenario("black-box")
        assert load_scenario(find_scenario("black_box")).name == "black_box"

    def test_every_shipped_scenario_is_found_by_its_own_name(self) -> None:
        for path in sorted((ROOT / "scenarios").glob("*.yaml")):
            assert find_scenario(load_scenario(path).name).resolve() == path

    def test_a_path_is_a_path(self, tmp_path: Path) -> None:
        assert find_scenario(str(tmp_path / "x.yaml")) == tmp_path / "x.yaml"

    def test_a_word_that_names_none_is_refused_with_those_there_are(self) -> None:
        with pytest.raises(
            ConfigError, match=r"called .week7.; there are .*coordinated-omission, .*kill, "
        ):
            find_scenario("week7")


class TestKill:
    def test_a_trial_must_have_time_for_its_trips(self) -> None:
        (fault,) = changed("trips: 80, every: 5ms", "trips: 1000, every: 5ms")
        assert "trials.0.trips" in fault
        assert "take up to 10s, longer than the trial" in fault

    def test_a_tripper_that_is_none_is_refused(self) -> None:
        (fault,) = changed("tripper: thread", "tripper: nobody")
        assert "tripper" in fault
        assert "'nobody'" in fault

    def test_two_trials_of_a_name_are_refused(self) -> None:
        (fault,) = changed("id: kill.thread", "id: kill.rig")
        assert "used twice: 'kill.rig'" in fault

    def test_its_length_is_not_that_of_the_command_line_but_its_rate_is(self) -> None:
        other = shipped("week1").with_overrides(duration_ns=100_000_000, rate_per_s=500_000)
        (phase,) = [p for p in other.phases if isinstance(p, Kill)]
        (before,) = [p for p in shipped("week1").phases if isinstance(p, Kill)]
        assert [t.duration_ns for t in phase.trials] == [t.duration_ns for t in before.trials]
        assert {t.rate_per_s for t in phase.trials} == {500_000}

    def test_every_way_to_trip_is_taken_by_the_main_scenario(self) -> None:
        (phase,) = [p for p in shipped("week1").phases if isinstance(p, Kill)]
        assert {trial.tripper for trial in phase.trials} == {"rig", "thread", "process"}
        assert set(phase.metric_ids()) == {"kill.trip", "kill.seen", "kill.cancelled"}
        assert [line.partition(":")[0] for line in phase.describe()] == [t.id for t in phase.trials]


class TestNetwork:
    @pytest.mark.parametrize(
        ("old", "new", "fault"),
        [
            (
                "kind: netns",
                "kind: wormhole",
                "bench.kind: not one of 'shm', 'netns', 'loop-cable': 'wormhole'",
            ),
            ("port: afxdp, xdp_mode", "port: ib, xdp_mode", "'ib'"),
            ("xdp_mode: generic}", "xdp_mode: fast}", "'fast'"),
            ("pack: 16", "pack: 0", "pack"),
            ("pack: 16", "pack: 65", "pack"),
            ("rounds: 5000", "rounds: 5", "rounds"),
            ("net.rtt.tcp", "net.rtt.udp", "metric 'net.rtt.udp' is measured twice"),
            (
                "kind: netns, ring: 4MiB, port: afxdp, xdp_mode: generic",
                "kind: shm, ring: 4MiB",
                "a bench of shared memory has no network",
            ),
            (
                "{kind: netns, ring: 4MiB, port: afxdp, xdp_mode: generic}",
                "{kind: loop-cable, ring: 4MiB, port: afxdp, market: [eth1, eth2], "
                "orders: [eth3, eth1]}",
                "bench.orders.1: given twice: 'eth1'",
            ),
            (
                "{kind: netns, ring: 4MiB, port: afxdp, xdp_mode: generic}",
                "{kind: loop-cable, ring: 4MiB, port: afxdp, market: [eth1, -x], "
                "orders: [eth3, eth4]}",
                "not a network interface: '-x'",
            ),
        ],
    )
    def test_what_makes_no_sense_is_refused_in_one_line(
        self, old: str, new: str, fault: str
    ) -> None:
        faults = changed(old, new, name="network")
        assert any(fault in line for line in faults), faults

    def test_fix_is_not_packed(self) -> None:
        faults = changed(
            "feed: itch\n        port: afxdp\n        pack: 16",
            "feed: fix\n        port: afxdp\n        pack: 16",
            name="network",
        )
        assert any("only itch is packed, not fix: 16" in line for line in faults), faults

    def test_a_port_needs_a_network(self) -> None:
        faults = changed("feed: itch, rate: 1M/s", "feed: itch, port: udp, rate: 1M/s")
        assert any("a bench of shared memory has none: 'udp'" in line for line in faults), faults

    def test_the_rows_of_the_network_are_measured(self) -> None:
        assert {"net.rtt", "net.processing"} <= shipped("network").metric_ids()
