"""The tools of `redline net`, as far as they need no network: words, files, text."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path as FilePath

import numpy as np
import pytest

from harness.errors import HostError, RedlineError
from harness.measure.histogram import Histogram
from harness.net import dpdk, programs, sockperf, sources, text
from harness.net.flood import Plan, Result
from harness.net.paths import MATRIX, Path, path_of
from harness.net.pattern import read_pattern, read_rate
from harness.net.pktgen import Packets, Pktgen
from harness.net.place import Place, choose_cpus, place
from harness.net.processes import said, spawned
from harness.net.rtt import Peer, Row, Run, matrix, values_of

# ---- Patterns -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "n", "span_ns"),
    [
        ("constant", 1, 10_000),
        ("burst:16@1us", 16, 160_000),
        ("burst:4@0ns", 4, 40_000),
        ("onoff:10ms/40ms", 5000, 50_000_000),
        ("onoff:1ms/0ns", 100, 1_000_000),
        ("ramp:1k/s..3k/s@1s", 2000, 10**9),
    ],
)
def test_a_pattern_becomes_the_schedule_that_it_names(pattern, n, span_ns):
    plan = read_pattern(pattern, 100_000, 1)
    assert plan is not None
    assert (len(plan), plan.span_ns) == (n, span_ns)


def test_poisson_times_are_those_of_the_seed():
    one, again, other = (read_pattern("poisson", 1000, seed) for seed in (4, 4, 5))
    assert one is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(one.due_ns, again.due_ns)
    assert not np.array_equal(one.due_ns, other.due_ns)


def test_as_fast_as_it_goes_is_no_schedule():
    assert read_rate("max") is None
    assert read_pattern("constant", None, 1) is None


@pytest.mark.parametrize(
    "pattern",
    ["", "bursts:16@1us", "burst", "burst:16", "burst:x@1us", "burst:16@1", "burst:-1@1us",
     "constant:5", "poisson:1", "onoff", "onoff:1ms", "onoff:0ns/1ms", "onoff:1ms/x", "ramp",
     "ramp:1k/s", "ramp:1k/s..2k/s", "ramp:1k/s..1k/s@1s", "ramp:1..2@1s", "ramp:1k/s..2k/s@0s"],
)  # fmt: skip
def test_what_is_no_pattern_is_refused_in_one_line(pattern):
    with pytest.raises(RedlineError) as refused:
        read_pattern(pattern, 100_000, 1)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("pattern", ["poisson", "recorded", "burst:16@1us", "onoff:1ms/1ms"])
def test_a_pattern_without_a_rate_says_that_it_needs_one(pattern):
    with pytest.raises(RedlineError, match="--rate"):
        read_pattern(pattern, None, 1)


@pytest.mark.parametrize("rate", ["", "0/s", "5", "-1k/s", "fast", "1k"])
def test_what_is_no_rate_is_refused(rate):
    with pytest.raises(RedlineError, match="--rate"):
        read_rate(rate)


# ---- Paths --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("backend", "mode", "name"),
    [
        ("shm", "auto", "shm"),
        ("shm", "spin", "shm"),
        ("udp", "block", "udp block"),
        ("udp", "busy-poll", "udp busy-poll"),
        ("afxdp", "generic", "afxdp generic"),
        ("afpacket", "auto", "afpacket"),
    ],
)
def test_port_and_mode_name_a_path(backend, mode, name):
    assert path_of(backend, mode).name == name


@pytest.mark.parametrize(
    ("backend", "mode", "option"),
    [
        ("pigeon", "auto", "--port"),
        ("", "auto", "--port"),
        ("udp", "native", "--mode"),
        ("shm", "block", "--mode"),
        ("udp", "sleep", "--mode"),
    ],
)
def test_a_path_that_cannot_be_names_its_option(backend, mode, option):
    with pytest.raises(RedlineError, match=option):
        path_of(backend, mode)


def test_the_matrix_has_every_backend_and_no_path_twice():
    assert {path.backend for path in MATRIX} == {"shm", "udp", "tcp", "afpacket", "afxdp"}
    assert len({path.name for path in MATRIX}) == len(MATRIX)
    assert sum(path.answer == "xdp" for path in MATRIX) == 2


@pytest.mark.parametrize("words", ["1", "1,1", "a,b", "1,2,3", "", "-1,0", "1, 2"])
def test_two_cpus_are_two_different_numbers(words):
    with pytest.raises(RedlineError, match="--cpus"):
        choose_cpus(words)


def test_a_cpu_that_is_not_there_is_a_limit_of_the_host():
    one = min(os.sched_getaffinity(0))
    with pytest.raises(HostError, match="4095"):
        choose_cpus(f"{one},4095")


def test_loopback_has_no_two_ends_and_says_why():
    with place(on_loopback=True) as where:
        assert where.kind == "loopback"
        with pytest.raises(HostError, match="loopback was asked for"):
            where.ends()


# ---- Tables -------------------------------------------------------------------------------------


def run(p50: float | None, n: int = 100) -> Run:
    values = {"min": 1.0, "p50": p50, "p99": None, "p99.9": None, "max": 9.0}
    return Run(n, 0, values, 30.0, "spin", "tsc", (200.0, 210.0), {})


def test_a_row_tells_the_best_and_the_median_run():
    row = Row("udp", "netns", [run(5), run(3), run(4)])
    told = row.as_json()
    assert (told["p50_best_ns"], told["p50_ns"], told["n"]) == (3, 4, 300)
    assert told["p99_ns"] is None  # no run has the samples for it
    assert row.best.values["p50"] == 3


def test_a_percentile_that_one_run_lacks_is_not_made_of_the_others():
    assert Row("udp", "netns", [run(5), run(None)]).of_runs("p50", min) is None


def test_what_cannot_be_had_is_a_row_with_a_reason_and_not_tried_again():
    tried = []

    def refuses() -> Run:
        tried.append(1)
        raise HostError("peer: it is not installed")

    peers = [Peer("peer", "memory", refuses)]
    rows = matrix([], Place(why="x"), None, None, None, 3, peers=peers)  # type: ignore[arg-type]
    assert len(tried) == 1
    assert rows[0].missing == "it is not installed"
    assert "missing" in rows[0].as_json()
    assert list(text.rtt_text(rows, heading="h", repeats=3))[-1] == (
        "peer: not measured: it is not installed"
    )


def test_percentiles_need_ten_samples_beyond_them():
    few = values_of(Histogram.from_values(np.arange(1, 101)))
    assert few["p50"] is not None
    assert few["p99"] is None
    assert (few["min"], few["max"]) == (1, 100)
    assert set(values_of(Histogram.from_values(np.array([], dtype=np.int64))).values()) == {None}


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "n/a"), (0, "0 ns"), (999, "999 ns"), (1000, "1 us"), (6734, "6.73 us"),
     (12_100_000, "12.1 ms"), (2.5e9, "2.5 s")],
)  # fmt: skip
def test_times_are_shown_with_three_digits_and_a_unit(value, shown):
    assert text.ns(value) == shown


def test_a_table_of_round_trips_names_mode_clock_and_placement():
    lines = list(
        text.rtt_text([Row("udp", "netns", [run(5), run(3)])], heading="heading", repeats=2)
    )
    assert lines[0] == "heading"
    assert "best p50" in lines[2]
    assert lines[-1] == "udp: spin, netns, clock tsc, CPUs 200 ns apart before and 210 ns after"


def test_numbers_that_do_not_add_up_are_said():
    broken = Result("blast", "shm", "memory", broken=["sent = arrived + lost: 5 and 4"])
    assert any("DOES NOT ADD UP" in line for line in text.flood_text(broken, heading="h"))
    assert any("DOES NOT ADD UP" in line for line in text.compare_text([broken], heading="h"))


def test_a_source_that_is_missing_is_a_line_of_the_comparison():
    rows = [Result("blast", "udp", "netns", sent=5), Result("scapy", "udp", "netns", missing="no")]
    lines = list(text.compare_text(rows, heading="h"))
    assert lines[-1] == "scapy: not measured: no"
    assert any(line.startswith("blast ") for line in lines)


@pytest.mark.parametrize("source", sources.SOURCES[1:])
def test_only_our_own_sender_floods_shared_memory(source):
    with pytest.raises(RedlineError, match=source):
        sources.run(source, Path("shm"), Place(why="x"), Plan(1), None, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", ["bpf-live", "scapy", "tcpreplay"])
def test_what_needs_a_line_says_why_there_is_none(source):
    with pytest.raises(HostError, match=r"no rights|not installed"):
        sources.run(source, Path("udp"), Place(why="no rights"), Plan(1), None, None)  # type: ignore[arg-type]


# ---- Other programs -----------------------------------------------------------------------------

SOCKPERF = """\
sockperf: Test ended
sockperf: [Total Run] RunTime=1.000 sec; SentMessages=140715; ReceivedMessages=140714
sockperf: [Valid Duration] RunTime=0.550 sec; SentMessages=79845; ReceivedMessages=79840
sockperf: Summary: Latency is 3.429 usec
sockperf: ---> <MAX> observation =  770.972
sockperf: ---> percentile 99.990 =   47.341
sockperf: ---> percentile 99.900 =   17.671
sockperf: ---> percentile 99.000 =    3.835
sockperf: ---> percentile 50.000 =    3.340
sockperf: ---> <MIN> observation =    3.094
"""


def test_the_halves_that_sockperf_tells_are_doubled():
    found = sockperf.read(SOCKPERF)
    assert found.values == {"min": 6188, "p50": 6680, "p99": 7670, "p99.9": 35342, "max": 1541944}
    assert (found.n, found.lost) == (79840, 5)
    assert "x2" in sockperf.NAME


DPDK = (
    'EAL: something\n{"backend": "dpdk", "mode": "net_ring", "version": "DPDK 22.11", "size": 64, '
    '"rtt_ns": {"n": 2000, "min": 90, "p50": 200, "p99": 300, "p99.9": 400, "max": 900}, '
    '"handle_ns": {"n": 2000, "min": 20, "p50": 30, "p99": 40, "p99.9": 50, "max": 60}, '
    '"lost": 0, "answered": 3000}\n'
)


def test_what_redline_dpdk_measured_is_read_with_no_more_percentiles_than_it_can_carry():
    found = dpdk.read(DPDK)
    assert (found.n, found.lost, found.processing_p50_ns) == (2000, 0, 30)
    assert found.values == {"min": 90, "p50": 200, "p99": 300, "p99.9": None, "max": 900}
    assert found.mode == "net_ring, DPDK 22.11"


@pytest.mark.parametrize("words", ["", "{}", "EAL: failed", DPDK.replace("rtt_ns", "rtt")])
def test_what_redline_dpdk_never_said_is_not_made_up(words):
    with pytest.raises(HostError, match="redline-dpdk: nothing"):
        dpdk.read(words)


@pytest.mark.parametrize("words", ["", "sockperf: error", SOCKPERF.replace("50.000", "51.000")])
def test_what_sockperf_never_said_is_not_made_up(words):
    with pytest.raises(HostError, match="sockperf"):
        sockperf.read(words)


def test_a_missing_program_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="tcpreplay is not installed"):
        programs.tcpreplay_command(tmp_path / "x", "eth0", None)
    with pytest.raises(HostError, match="sockperf is not installed"):
        sockperf.measure(Place(why="x"), None, None)  # type: ignore[arg-type]
    monkeypatch.setattr(programs.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(HostError, match="scapy is not installed"):
        programs.scapy_command(tmp_path / "x", "eth0", 5)


def test_a_capture_of_frames_is_one_that_others_read(tmp_path):
    file = tmp_path / "frames.pcap"
    programs.write_capture(file, iter([b"first", b"second frame"]))
    data = file.read_bytes()
    assert data[:4] == bytes.fromhex("d4c3b2a1")
    assert len(data) == 24 + 2 * 16 + 5 + 12
    assert data.endswith(b"second frame")


def test_a_program_is_ended_with_its_block():
    with spawned([sys.executable, "-c", "import time; time.sleep(100)"]) as child:
        assert child.poll() is None
    assert child.poll() is not None


def test_what_a_program_says_is_heard_and_its_failure_too():
    with spawned([sys.executable, "-c", "print('hello')"]) as child:
        assert said(child, "it", 30) == "hello\n"
    with (
        spawned([sys.executable, "-c", "import sys; print('no luck'); sys.exit(4)"]) as child,
        pytest.raises(HostError, match="it: ended with 4: no luck"),
    ):
        said(child, "it", 30)


def test_a_program_that_takes_too_long_is_named():
    with (
        spawned([sys.executable, "-c", "import time; time.sleep(100)"]) as child,
        pytest.raises(HostError, match="it: not done within"),
    ):
        said(child, "it", 0.05)


def test_a_program_runs_on_its_cpu():
    cpu = min(os.sched_getaffinity(0))
    code = "import os; print(sorted(os.sched_getaffinity(0)))"
    with spawned([sys.executable, "-c", code], cpu=cpu) as child:
        assert said(child, "it", 30) == f"[{cpu}]\n"


# ---- pktgen -------------------------------------------------------------------------------------

TOLD = """Params: count 1000  min_pkt_size: 106  max_pkt_size: 106
Current:
     pkts-sofar: 1000  errors: 0
Result: OK: 1234(c1230+d4) usec, 1000 (106byte,0frags)
  810372pps 687Mb/sec (687195456bps) errors: 0
"""
PACKETS = Packets(
    interface="net",
    to_mac="02:00:00:00:00:02",
    from_ip="10.82.0.1",
    to_ip="10.82.0.2",
    from_port=20_000,
    to_port=20_001,
    size=64,
    count=1000,
)


@pytest.fixture
def tree(tmp_path: FilePath) -> FilePath:
    """Files as the kernel has them; what is written to one is added, and the result is there."""
    for name in ("pgctrl", "kpktgend_1"):
        (tmp_path / name).touch()
    (tmp_path / "net").write_text(TOLD)
    return tmp_path


def test_pktgen_is_told_what_to_send_and_its_result_is_read(tree):
    sent = Pktgen(1, tree).run(PACKETS)
    assert (sent.n, sent.pps) == (1000, 810_372)
    assert (tree / "pgctrl").read_text().split() == ["reset", "start", "reset"]
    assert (tree / "kpktgend_1").read_text() == "rem_device_all\nadd_device net\n"
    commands = (tree / "net").read_text().removeprefix(TOLD).splitlines()
    assert "count 1000" in commands
    assert "pkt_size 106" in commands  # 64 and the headers
    assert "dst_mac 02:00:00:00:00:02" in commands
    assert "udp_dst_min 20001" in commands
    assert commands[-1] == "delay 0"


def test_pktgen_keeps_to_a_rate(tree):
    from dataclasses import replace

    Pktgen(1, tree).run(replace(PACKETS, rate_per_s=5000))
    assert "ratep 5000" in (tree / "net").read_text()


def test_pktgen_that_is_not_loaded_is_named(tmp_path):
    with pytest.raises(HostError, match="modprobe pktgen"):
        Pktgen(0, tmp_path / "none").run(PACKETS)


def test_pktgen_without_a_thread_for_the_cpu_is_named(tree):
    with pytest.raises(HostError, match="kpktgend_7"):
        Pktgen(7, tree).run(PACKETS)


@pytest.mark.parametrize("told", ["", "Result: Idle\n", "Result: ERROR: no such device\n"])
def test_pktgen_that_did_not_send_is_no_result(tree, told):
    (tree / "net").write_text(told)
    with pytest.raises(HostError, match="pktgen: net:"):
        Pktgen(1, tree).run(PACKETS)
    assert (tree / "pgctrl").read_text().split()[-1] == "reset"


def test_pktgen_that_refuses_a_command_is_quoted(tree):
    (tree / "net").unlink()
    (tree / "net").mkdir()
    with pytest.raises(HostError, match="pktgen: net: count 1000"):
        Pktgen(1, tree).run(PACKETS)


def test_the_sender_by_scapy_is_a_program_of_its_own():
    pytest.importorskip("scapy")
    code = "import harness.net.scapy_sender as s; print(s.main.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.strip() == "harness.net.scapy_sender"
