"""`redline run` over virtual interfaces: the same evidence, every packet accounted for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HostError

from .conftest import needs_two_cpus, redline, the_run

HEAD = """\
name: lines
why: Trials over virtual interfaces, in a few seconds, for tests.
bench: {kind: netns, ring: 4MiB, port: afpacket}
input: {kind: synthetic, seed: 11, instruments: 8, orders: 500, messages: 20000}
strategy: {imbalance: 30%, every: 1, lot: 10, max_spread: 1000}
limits: {max_qty: 100, max_notional: 10000000, max_position: 100000, band: 5%, max_orders: 1M/s,
  burst: 100000, max_open: 4000}
noise: {duration: 50ms}
matrix: reports/matrix/week1.yaml
"""

WHOLE = """\
phases:
  - phase: network
    paths:
      - {id: net.rtt, port: afpacket, rounds: 1000, repeats: 2, processing: net.processing}
      - {id: net.rtt.udp, port: udp, rounds: 1000}
  - phase: null_bench
    trials:
      - {id: null.afpacket, feed: itch, rate: 5k/s, warmup: 20ms, duration: 100ms,
         measures: {wire: net.null.wire}}
  - phase: tick_to_trade
    trials:
      - {id: e2e.afpacket, feed: itch, rate: 5k/s, warmup: 20ms, duration: 300ms,
         measures: {wire: net.e2e.wire, buf: net.e2e.buf}}
      - {id: e2e.afxdp, feed: itch, port: afxdp, pack: 8, rate: 20k/s, warmup: 20ms,
         duration: 300ms, measures: {wire: net.e2e.afxdp.wire}}
      - {id: e2e.tcp, feed: fix, port: tcp, rate: 5k/s, warmup: 20ms, duration: 200ms,
         measures: {wire: net.e2e.tcp.wire}}
"""

# A table decides over every packet; afxdp asks it in front of its socket, the others in the kernel.
FAULTY = """\
phases:
  - phase: tick_to_trade
    trials:
      - {id: x.afxdp, feed: itch, port: afxdp, rate: 10k/s, warmup: 20ms, duration: 300ms,
         impairment: {seed: 3, impair: [{loss: 1%}]}}
      - {id: x.afpacket, feed: itch, rate: 10k/s, warmup: 20ms, duration: 300ms,
         impairment: {seed: 3, impair: [{loss: 1%, duplicate: 1%}]}}
      - {id: x.udp, feed: itch, port: udp, rate: 10k/s, warmup: 20ms, duration: 300ms,
         impairment: {seed: 3, impair: [{blackhole: {after: 1000, for: 50}}]}}
"""


Trials = dict[str, dict[str, Any]]


def run(tmp_path: Path, phases: str) -> tuple[dict[str, Any], Trials, str]:
    """The record of a run, the trials of its series by name, and what it printed."""
    needs_two_cpus()
    from harness.bench.netns import netns_bench

    try:
        with netns_bench(lines=("probe",)):
            pass
    except HostError as error:
        pytest.skip(f"needs namespaces of its own: {error}")
    scenario = tmp_path / "lines.yaml"
    scenario.write_text(HEAD + phases)
    done = redline("run", scenario, "--out", tmp_path / "runs")
    assert done.returncode in (0, 1, 75), done.stderr
    found = the_run(tmp_path / "runs")
    series = [json.loads(line) for line in (found / "series.jsonl").read_text().splitlines()]
    record = json.loads((found / "run.json").read_text())
    assert [check for check in record["checks"] if not check["ok"]] == []
    return record, {one["phase"]: one for one in series}, done.stdout


def test_trials_over_virtual_interfaces_account_for_every_packet(tmp_path: Path) -> None:
    record, trials, printed = run(tmp_path, WHOLE)
    seen = {m["id"]: m for m in record["measurements"]}
    assert seen["net.rtt"]["facts"]["n"] == 2000
    assert seen["net.processing"]["facts"]["n"] == 2000
    assert seen["net.rtt"]["regime"] == "64 B over afpacket on netns"
    assert seen["net.rtt.udp"]["facts"]["ports"].startswith("udp: spin")
    assert seen["net.e2e.wire"]["facts"]["n"] > 20
    assert seen["net.e2e.afxdp.wire"]["regime"] == "itch synthetic stream over afxdp on netns"
    assert "afxdp: " in seen["net.e2e.afxdp.wire"]["facts"]["ports"]
    for name in ("e2e.afpacket", "e2e.afxdp", "e2e.tcp"):
        line = trials[name]["net"]["market"]
        assert line["rig"]["stats"]["tx_frames"] == line["engine"]["stats"]["rx_frames"] > 0
    packed = trials["e2e.afxdp"]
    assert packed["net"]["market"]["rig"]["stats"]["tx_frames"] == packed["sent"]
    assert packed["counters"]["feed"]["messages"] == 8 * packed["sent"]
    rows = {row["id"]: row for group in record["score"]["groups"] for row in group["rows"]}
    assert rows["network_rtt"]["state"] != "MISSING"
    table = printed.partition("Round trips, ns")[2].splitlines()
    assert any(line.split()[:1] == ["net.rtt.udp"] for line in table)
    assert any("; udp: spin" in line for line in table)
    assert all(len(line) <= 100 for line in table if line.startswith("  "))


def test_what_a_fault_did_is_what_the_engine_saw(tmp_path: Path) -> None:
    _, trials, _ = run(tmp_path, FAULTY)
    for name, trial in trials.items():
        done = trial["injected"]["market to-engine"]
        feed = trial["counters"]["feed"]
        assert done["table.n_seen"] == trial["sent"], name
        # A loss at the very end shows in no later number.
        assert 0 <= done["table.n_dropped"] - feed["lost"] <= 3, name
        assert feed["duplicates"] == done["table.n_duplicated"], name
    assert trials["x.udp"]["injected"]["market to-engine"]["table.n_dropped"] == 50
    assert trials["x.afpacket"]["injected"]["market to-engine"]["table.n_duplicated"] > 0


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("{loss: 1%}", "{delay: 10us}", "wants wire"),
        ("{loss: 1%}", "{duplicate: 1%}", "impairment.impair.0.duplicate"),
        ("{loss: 1%}", "{line: marker, loss: 1%}", "the bench has market, orders: 'marker'"),
        ("seed: 3", "seed: -3", "impairment.seed"),
    ],
)
def test_a_fault_that_nothing_here_can_do_is_refused_at_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    scenario = tmp_path / "lines.yaml"
    scenario.write_text((HEAD + FAULTY).replace(old, new, 1))
    done = redline("run", scenario, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()
