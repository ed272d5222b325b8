"""`redline net`: as people use it, with and without rights, and with mistakes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness.bench import journal
from harness.tuning import rights

from .conftest import ROOT, needs_two_cpus

PATIENCE_S = 30
NAMESPACES = Path("/run/netns")


@pytest.fixture
def bench() -> None:
    """Skips where no bench can be made."""
    needs_two_cpus()
    why = rights.why_not(rights.BENCH, rights.AFXDP)
    if why is not None:
        pytest.skip(why)


def ran(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """The command in this process: code, stdout, stderr."""
    code = cli.main(["net", *args])
    said = capsys.readouterr()
    return code, said.out, said.err


def told(capsys: pytest.CaptureFixture[str], *args: str) -> Any:
    code, out, err = ran(capsys, *args, "--json")
    assert code == 0, err
    return json.loads(out)


def benches(state: Path) -> list[journal.Entry]:
    """What is noted to be there, of processes that were started with this state directory."""
    folder = journal.benches_dir(state)
    return [journal.read(path) for path in folder.glob("*.json")] if folder.is_dir() else []


# ---- Ports --------------------------------------------------------------------------------------


def test_ports_says_of_every_kind_whether_it_can_be_had_or_why_not(capsys):
    rows = {row["name"]: row for row in told(capsys, "ports")}
    assert {"shm", "udp", "tcp", "afpacket", "afxdp native", "udp by onload"} <= set(rows)
    assert rows["shm"]["possible"]
    assert rows["udp"]["possible"]
    for row in rows.values():
        assert bool(row["mode"]) == row["possible"]
        assert bool(row["why"]) != row["possible"]


# ---- Round trips --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "path", "where"),
    [
        (["--port", "shm"], "shm", "memory"),
        (["--port", "udp", "--loopback"], "udp", "loopback"),
        (["--port", "tcp", "--loopback", "--repeats", "2"], "tcp", "loopback"),
    ],
)
def test_round_trips_need_no_rights_over_memory_and_loopback(capsys, args, path, where):
    needs_two_cpus()
    found = told(capsys, "rtt", "--count", "1000", *args)
    (row,) = found["rows"]
    assert (row["path"], row["where"]) == (path, where)
    assert row["n"] + row["lost"] >= 1000
    assert 0 < row["min_ns"] <= row["p50_ns"] <= row["max_ns"]
    assert row["clock"].startswith("tsc")
    assert len(row["runs"]) == found["repeats"]
    assert all(ns > 0 for ns in row["runs"][0]["placement_ns"])


def test_round_trips_over_whole_frames_run_on_a_bench_that_is_gone_afterwards(
    capsys, bench, monkeypatch, tmp_path
):
    monkeypatch.setenv(journal.STATE_VARIABLE, str(tmp_path))
    code, out, err = ran(capsys, "rtt", "--port", "afxdp", "--count", "500", "--size", "200")
    assert code == 0, err
    assert out.startswith("200 bytes, 500 round trips")
    assert "afxdp: " in out
    assert ", netns, clock tsc" in out
    assert journal.benches_dir(tmp_path).is_dir()
    assert benches(tmp_path) == []


def test_the_matrix_has_a_row_for_everything_and_sockperf_beside_it(capsys, bench):
    found = told(capsys, "rtt", "--matrix", "--count", "100")
    rows = {row["path"]: row for row in found["rows"]}
    assert {"shm", "udp", "tcp", "afpacket", "afxdp generic"} <= set(rows)
    assert any("XDP echo" in name for name in rows)
    (sockperf,) = (row for name, row in rows.items() if name.startswith("sockperf"))
    assert sockperf.get("missing", "").startswith("sockperf is not") or sockperf["p50_ns"] > 0
    for row in rows.values():
        assert row.get("missing") or row["p50_best_ns"] <= row["p50_ns"]


# ---- Echo ---------------------------------------------------------------------------------------


@contextmanager
def echoing(*args: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """`redline net echo` as a process, and what it said first."""
    command = [sys.executable, "-m", "harness.cli", "net", "echo", "--json", *args]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield child, json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.communicate()


@pytest.mark.parametrize(("port", "number"), [("udp", signal.SIGINT), ("tcp", signal.SIGTERM)])
def test_an_echo_in_another_process_answers_until_it_is_told_to_end(capsys, port, number):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs: both processes spin")
    with echoing("--port", port, "--listen", ":0", "--mode", "block") as (child, first):
        assert first["event"] == "listening"
        found = told(capsys, "rtt", "--port", port, "--to", first["at"], "--count", "50")
        child.send_signal(number)
        out, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0
    last = json.loads(out)
    assert found["rows"][0]["n"] + found["rows"][0]["lost"] >= 50  # or lost while it warmed up
    assert last["tx_frames"] >= found["rows"][0]["n"]
    assert last["rx_frames"] >= last["tx_frames"]


def test_an_echo_ends_after_the_time_it_was_given():
    with echoing("--listen", ":0", "--for", "0.1") as (child, _):
        child.wait(PATIENCE_S)
    assert child.returncode == 0


def test_nobody_there_is_said_and_no_table_is_printed(capsys):
    needs_two_cpus()
    code, out, err = ran(capsys, "rtt", "--to", "127.0.0.1:9", "--count", "2")
    assert (code, out) == (3, "")
    assert err == "udp: nobody at 127.0.0.1:9 answered\n"


# ---- Floods -------------------------------------------------------------------------------------


def test_a_flood_by_a_schedule_accounts_for_every_frame(capsys):
    needs_two_cpus()
    found = told(
        capsys, "flood", "--port", "shm", "--rate", "20k/s", "--pattern", "burst:10@1us",
        "--for", "100ms",
    )  # fmt: skip
    assert found["planned"] == found["sent"] + found["unsent"] == 2000
    assert found["sent"] == found["received"] + found["lost"]
    assert found["broken"] == []
    assert found["late"]["p50"] is not None


def test_market_data_is_counted_in_messages(capsys):
    needs_two_cpus()
    found = told(capsys, "flood", "--port", "shm", "--packed", "20", "--for", "50ms")
    assert found["corrupt"] == 0
    assert found["messages_per_s"] == pytest.approx(20 * found["received_pps"])


def test_every_source_has_its_line_in_a_comparison(capsys, bench):
    code, out, err = ran(capsys, "flood", "--compare", "--for", "20ms", "--port", "afpacket")
    assert code == 0, err
    for source in ("blast", "bpf-live", "pktgen", "scapy", "tcpreplay"):
        assert sum(line.startswith((f"{source} ", f"{source}:")) for line in out.splitlines()) == 1


def test_faults_of_a_file_come_as_they_were_told(capsys, bench, tmp_path):
    file = tmp_path / "faults.yaml"
    file.write_text("seed: 3\nimpair:\n  - {loss: 2%, duplicate: 1%, corrupt: 1%}\n")
    (found,) = told(
        capsys, "flood", "--port", "udp", "--impair", str(file), "--rate", "10k/s", "--for", "50ms"
    )
    assert (found["sent"], found["differences"], found["told"]) == (500, [], True)
    assert found["arrived"] != 500


def test_a_wire_keeps_to_its_plan(capsys, bench):
    code, out, err = ran(capsys, "wire", "--delay", "50us", "--reorder", "2%", "--count", "300")
    assert code == 0, err
    assert "exactly those that were told" in out
    assert "release error" in out


def test_an_interrupted_flood_leaves_no_bench(bench, tmp_path):
    command = [sys.executable, "-m", "harness.cli", "net", "flood", "--for", "100s"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, journal.STATE_VARIABLE: str(tmp_path)},
    ) as child:
        while not benches(tmp_path):
            assert child.poll() is None, child.communicate()[1]
        (made,) = benches(tmp_path)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert err.splitlines()[-1] == "interrupted"
    assert "Traceback" not in err
    assert benches(tmp_path) == []
    assert not any((NAMESPACES / name).exists() for name in made.namespaces)


# ---- Without rights -----------------------------------------------------------------------------

SEVERAL = """
import json, sys
from harness import cli
from harness.bench import journal
for args in json.loads(sys.argv[1]):
    code = cli.main(["net", *args])
    for stream in (sys.stdout, sys.stderr):
        print(f"\\0{code}\\0", end="", file=stream, flush=True)
"""


@pytest.fixture(scope="module")
def without_rights() -> dict[str, tuple[int, str, str]]:
    """Code, stdout and stderr of some commands, as a user who has no capability at all."""
    wanted = ["ports --json", "rtt --port afxdp", "rtt --port afpacket", "flood --port afxdp",
              "wire --delay 5us", "rtt --port udp --count 500"]  # fmt: skip
    command = [sys.executable, "-c", SEVERAL, json.dumps([one.split() for one in wanted])]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv")
        if setpriv is None:
            pytest.skip("needs setpriv to give up the rights of root")
        command = [setpriv, "--inh-caps=-all", "--bounding-set=-all", *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    out, err = (text.split("\0")[:-1] for text in (done.stdout, done.stderr))
    return {name: (int(out[2 * i + 1]), out[2 * i], err[2 * i]) for i, name in enumerate(wanted)}


def test_without_rights_ports_names_the_missing_one_and_what_still_works(without_rights):
    code, out, err = without_rights["ports --json"]
    assert code == 0, err
    rows = {row["name"]: row for row in json.loads(out)}
    assert rows["shm"]["possible"]
    assert rows["udp"]["where"] == "loopback"
    assert "CAP_NET_RAW" in rows["afpacket"]["why"]
    assert "CAP_" in rows["afxdp native"]["why"]


@pytest.mark.parametrize(
    "name",
    ["rtt --port afxdp", "rtt --port afpacket", "flood --port afxdp", "wire --delay 5us"],
)
def test_without_rights_whole_frames_are_refused_in_one_line_that_names_them(without_rights, name):
    code, out, err = without_rights[name]
    assert (code, out) == (3, "")
    assert "CAP_" in err
    assert err.count("\n") == 1


def test_without_rights_sockets_are_measured_on_loopback(without_rights):
    needs_two_cpus()
    code, out, err = without_rights["rtt --port udp --count 500"]
    assert code == 0, err
    assert ", loopback, clock tsc" in out


# ---- Mistakes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["rtt", "--port", "pigeon"], "--port: not one of shm, udp"),
        (["rtt", "--mode", "warp"], "--mode: not one of auto"),
        (["rtt", "--port", "udp", "--mode", "native"], "--mode: native is of afxdp"),
        (["rtt", "--size", "8"], "--size: not 40 to 1472 bytes: 8"),
        (["rtt", "--size", "x"], "'--size'"),
        (["rtt", "--count", "0"], "--count: not 1 to"),
        (["rtt", "--count", "many"], "--count: not a number of round trips: 'many'"),
        (["rtt", "--repeats", "0"], "--repeats: not 1 to 1000: 0"),
        (["rtt", "--cpus", "1"], "--cpus: not two CPUs: '1'"),
        (["rtt", "--cpus", "0,0"], "--cpus: the same CPU twice"),
        (["rtt", "--to", "nowhere"], "--to: not HOST:PORT"),
        (["rtt", "--to", "example.com:5"], "--to: not an IP address"),
        (["rtt", "--to", "127.0.0.1:5", "--port", "afxdp"], "--to: only udp and tcp"),
        (["rtt", "--to", "127.0.0.1:5", "--matrix"], "--matrix and --to: only one"),
        (["flood", "--source", "fire"], "--source: not one of blast"),
        (["flood", "--rate", "10"], "--rate: no unit: '10'"),
        (["flood", "--pattern", "poisson"], "--pattern: poisson needs a rate"),
        (["flood", "--rate", "9k/s", "--pattern", "burst:5"], "--pattern: not a pattern"),
        (["flood", "--rate", "1M/s", "--pattern", "burst:16@9us"], "burst: 16 messages"),
        (["flood", "--for", "long"], "--for: not a duration: 'long'"),
        (["flood", "--for", "2h"], "--for: longer than 3600 s"),
        (["flood", "--packed", "-1"], "--packed: not a number of messages: -1"),
        (["flood", "--packed", "99"], "--packed: a datagram holds at most"),
        (["flood", "--seed", "-1"], "--seed: not 0 to"),
        (["flood", "--impair", "none.yaml", "--compare"], "--impair goes with"),
        (["flood", "--impair", "none.yaml", "--port", "shm"], "--impair: --port is one of"),
        (["flood", "--impair", "none.yaml"], "--impair: how many?"),
        (["flood", "--impair", "none.yaml", "--rate", "1k/s"], "none.yaml: no such file"),
        (["wire", "--delay", "soon"], "--delay: not a duration: 'soon'"),
        (["wire", "--loss", "5"], "--loss: "),
        (["wire", "--port", "tcp"], "--port: not one of udp, afpacket, afxdp"),
        (["wire", "--count", "0"], "--count: not 1 to"),
        (["wire", "--size", "41"], "--size: not 48 to 1472"),
        (["echo"], "--listen: nowhere to listen"),
        (["echo", "--port", "shm"], "--port: shm lies within one process"),
        (["echo", "--port", "pigeon"], "--port: not one of shm, udp"),
        (["echo", "--listen", "here"], "--listen: not HOST:PORT"),
        (["echo", "--listen", ":5", "--for", "-1"], "--for: not a length of time"),
        (["echo", "--port", "afxdp"], "--interface: afxdp needs one"),
        (["echo", "--port", "afxdp", "--interface", "x", "--listen", ":5"], "--listen: afxdp"),
        (["echo", "--interface", "x", "--listen", ":5"], "--interface: udp listens at"),
        (["echo", "--port", "xdp", "--interface", "x"], "--listen: which UDP port?"),
        (["echo", "--port", "xdp", "--mode", "block"], "--mode: xdp is auto"),
        (["echo", "--listen", "192.0.2.77:5"], "192.0.2.77:5"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(capsys, monkeypatch, tmp_path, args, said):
    monkeypatch.chdir(tmp_path)
    code, out, err = ran(capsys, *args)
    assert (code, out) == (2, ""), err
    assert said in err
    assert err.count("\n") == 1


def test_a_command_is_needed(capsys):
    code, out, err = ran(capsys)
    assert (code, out) == (2, "")
    assert "flood" in err


@pytest.mark.parametrize("port", ["afpacket", "afxdp", "xdp"])
@pytest.mark.parametrize(("interface", "why"), [("rl-none0", "no such interface"), ("lo", "never")])
def test_an_interface_that_is_not_there_or_must_not_be_touched_is_refused(
    capsys, port, interface, why
):
    listen = ["--listen", ":5"] if port == "xdp" else []
    code, out, err = ran(capsys, "echo", "--port", port, "--interface", interface, *listen)
    assert (code, out) == (3, "")
    assert err.startswith(f"{interface}: ")
    assert why in err


def test_a_program_that_is_missing_is_named_with_exit_3(capsys, bench, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    code, out, err = ran(capsys, "flood", "--source", "tcpreplay", "--for", "20ms")
    assert (code, out) == (3, "")
    assert err == "tcpreplay is not installed (Debian: apt install tcpreplay)\n"
