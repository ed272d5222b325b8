"""`redline replay` on real captures: the known answers, and what a hasty user gets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROOT, redline

CME = "ab/cme-mdp3-ab.pcapng"
ICE = "ab/ice-impact-single-line.pcap"
ES = "l3/esh4-20231225.mbo.dbn.zst"
ITCH = "itch/itch50-1m.bin.zst"
FIX = "fix/fixt11-marketdata.fix"
SAMPLE = "itch/Nasdaq.Equities.TotalView.Itch.v5.0.Multiple.Packets.pcap"

KNOWN: dict[str, dict[str, Any]] = {
    ES: {
        "protocol": "dbn",
        "n_messages": 68_792,
        "n_orders": 11_217,
        "n_levels": 922 + 565,
        "last_sequence": 59_585,
        "n_lost": 0,
    },
    ITCH: {"n_messages": 1_016_201, "n_orders": 40_095, "n_levels": 9_212, "n_lost": 0},
    "itch/artificial-itch50.gz": {"n_messages": 12_012, "damage": ""},
    CME: {
        "protocol": "mdp3",
        "n_records": 10_000,
        "n_messages": 10_273,
        "last_sequence": 10_614,
        "n_lost": 0,
    },
    ICE: {"protocol": "ice", "n_messages": 31_893, "n_lost": 0},
    "l2/binance-cm-btcusd-20240808.gz": {"protocol": "binance", "n_records": 48_270, "n_lost": 0},
    "l2/binance-usdm-btcusdt-20240808.gz": {"n_records": 93_954, "n_lost": 0},
    FIX: {"n_records": 13_888, "last_sequence": 11_433, "n_lost": 0},
    SAMPLE: {"n_messages": 39, "n_orders": 38, "last_sequence": 19_009_154},
}
KNOWN_COUNTERS: dict[str, dict[str, dict[str, int]]] = {
    ITCH: {"books": {"unknown_ids": 0, "duplicate_ids": 0, "over_reduced": 0}},
    "itch/artificial-itch50.gz": {"books": {"unknown_ids": 117}},
    CME: {"lines": {"delivered": 10_614 - 5_615 + 1, "gaps": 0}},
    ICE: {"lines": {"gaps": 0}},
    "l2/binance-cm-btcusd-20240808.gz": {"lines": {"snapshots": 1, "gaps": 0}},
}


@pytest.fixture(scope="module")
def replayed(captures: Path) -> dict[str, dict[str, Any]]:
    """What `redline replay --json` says of a capture, each asked for once."""
    return _Asked(captures)


class _Asked(dict[str, dict[str, Any]]):
    def __init__(self, captures: Path) -> None:
        super().__init__()
        self.captures = captures

    def __missing__(self, name: str) -> dict[str, Any]:
        if not (self.captures / name).exists():
            pytest.skip(f"needs {name}")
        done = redline("replay", self.captures / name, "--json")
        assert done.returncode == 0, done.stderr
        self[name] = json.loads(done.stdout)
        return self[name]


@pytest.mark.parametrize("name", KNOWN)
def test_a_capture_ends_as_is_known_of_it(name: str, replayed: dict[str, dict[str, Any]]) -> None:
    said = replayed[name]
    assert {key: said[key] for key in KNOWN[name]} == KNOWN[name]
    for group, counted in KNOWN_COUNTERS.get(name, {}).items():
        assert {key: said["counters"][group][key] for key in counted} == counted


def test_the_best_prices_of_es_are_those_of_the_venue(replayed: dict[str, dict[str, Any]]) -> None:
    (book,) = replayed[ES]["instruments"]
    assert book["symbol"] == "ESH4"
    assert book["bid"]["px_nano"] == 4_810_000_000_000
    assert book["ask"]["px_nano"] == 4_810_250_000_000
    assert book["n_levels"] == [922, 565]
    assert book["state"] == "open"


def test_both_lines_of_cme_win_as_often_as_their_stamps_say(
    replayed: dict[str, dict[str, Any]],
) -> None:
    said = replayed[CME]
    wins = {one["line"]: one["counters"]["wins"] for one in said["lines"]}
    assert wins == {"224.0.31.64:14340": 193, "224.0.32.64:15340": 4_807}
    skew = said["skew_ns"]
    assert -6_200 < skew["least"] < -6_000
    assert 200 < skew["median"] < 300
    assert 4_500 < skew["p99"] < 4_800
    assert 15_300 < skew["most"] < 15_500


def test_one_line_of_cme_brings_the_same_messages(
    captures: Path, replayed: dict[str, dict[str, Any]]
) -> None:
    done = redline("replay", captures / CME, "--line", "224.0.31.64:14340", "--json")
    said = json.loads(done.stdout)
    assert said["message_hash"] == replayed[CME]["message_hash"]
    assert said["skips"]["other_lines"] == 5_000


@pytest.mark.parametrize("name", [ES, CME, FIX])
@pytest.mark.parametrize("options", [("--into", "port"), ("--loops", "3")])
def test_a_capture_ends_the_same_however_it_is_played(
    name: str, options: tuple[str, ...], captures: Path, replayed: dict[str, dict[str, Any]]
) -> None:
    known = replayed[name]
    done = redline("replay", captures / name, *options, "--check", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    for key in ("message_hash", "book_hash", "last_sequence", "n_orders"):
        assert said[key] == known[key], key
    sent, read = said["counters"]["sent"], said["counters"]["read"]
    assert sent["records"] == read["frames"] + sent["records_unsent"]
    assert read["loops"] == (3 if "--loops" in options else 1)
    assert read["loops_different"] == 0
    assert said["check"] == {"ok": True, "problems": []}


@pytest.mark.parametrize("option", [("--speed", "100000x"), ("--rate", "2M/s"), ("--max",)])
def test_no_pace_changes_what_is_played(
    option: tuple[str, ...], captures: Path, replayed: dict[str, dict[str, Any]]
) -> None:
    done = redline("replay", captures / ES, *option, "--json")
    said = json.loads(done.stdout)
    assert said["book_hash"] == replayed[ES]["book_hash"]
    assert said["message_hash"] == replayed[ES]["message_hash"]
    assert said["lateness_ns"]["n"] == (0 if option == ("--max",) else 68_792)


def test_text_says_the_same_for_people(captures: Path, replayed: dict[str, dict[str, Any]]) -> None:
    done = redline("replay", captures / ES, "--check")
    assert done.returncode == 0
    for part in (
        "DBN version 1",
        "68,792 records",
        "59585",
        "22 @ 4810.00",
        "4810.25 @ 28",
        "922/565",
        replayed[ES]["book_hash"],
        "check passed",
    ):
        assert part in done.stdout
    assert " 0\n" not in done.stdout.split("feed", 1)[1]  # counters of nothing are left out


def test_check_fails_for_another_hash_and_for_what_was_lost(captures: Path) -> None:
    done = redline("replay", captures / FIX, "--expect-hash", "0x1")
    assert done.returncode == 1
    assert "check FAILED: the books end with 0x" in done.stdout
    lost = redline("replay", captures / SAMPLE, "--check", "--json")
    assert lost.returncode == 1
    assert json.loads(lost.stdout)["check"]["problems"] == ["4,244,620 messages were lost"]


def test_the_right_hash_passes(captures: Path, replayed: dict[str, dict[str, Any]]) -> None:
    done = redline("replay", captures / ES, "--expect-hash", replayed[ES]["book_hash"])
    assert done.returncode == 0
    assert "check passed" in done.stdout


VARIANTS = {
    "pcap in us": ("-F", "pcap"),
    "pcap in ns": ("-F", "nsecpcap"),
    "pcapng of one packet's comment": ("-F", "pcapng", "-a", "3:a comment"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_editcap_makes_of_a_capture_is_the_same_capture(
    variant: str, captures: Path, tmp_path: Path, replayed: dict[str, dict[str, Any]]
) -> None:
    if shutil.which("editcap") is None:
        pytest.skip("needs editcap of Wireshark")
    made = tmp_path / "made"
    subprocess.run(["editcap", *VARIANTS[variant], captures / CME, made], check=True, timeout=60)
    done = redline("replay", made, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["message_hash"] == replayed[CME]["message_hash"]
    assert said["source"] == ("pcapng" if "pcapng" in variant else "pcap")


def test_two_captures_merged_with_their_interfaces_are_one_recording(
    captures: Path, tmp_path: Path, replayed: dict[str, dict[str, Any]]
) -> None:
    """Each line captured on an interface of its own, one of them in microseconds."""
    if not (shutil.which("tshark") and shutil.which("mergecap") and shutil.which("editcap")):
        pytest.skip("needs tshark, mergecap and editcap of Wireshark")
    parts = []
    for name, address in (("a", "224.0.31.64"), ("b", "224.0.32.64")):
        part = tmp_path / f"{name}.pcapng"
        command = ["tshark", "-r", captures / CME, "-Y", f"ip.dst=={address}", "-w", part]
        subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL)
        parts.append(part)
    in_us = tmp_path / "b.us.pcap"
    subprocess.run(["editcap", "-F", "pcap", parts[1], in_us], check=True, timeout=60)
    merged = tmp_path / "merged.pcapng"
    subprocess.run(["mergecap", "-w", merged, parts[0], in_us], check=True, timeout=60)
    done = redline("replay", merged, "--json", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["message_hash"] == replayed[CME]["message_hash"]
    assert [one["counters"]["packets"] for one in said["lines"]] == [5_000, 5_000]


# ---- What a hasty user does ----------------------------------------------------------------------


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    return line


@pytest.mark.parametrize("name", [ES, CME, FIX, ITCH, "l2/binance-cm-btcusd-20240808.gz"])
def test_a_capture_cut_off_names_itself_and_the_byte(
    name: str, captures: Path, tmp_path: Path
) -> None:
    from harness.traffic.inputs import read_bytes

    whole = read_bytes(captures / name)[0]
    cut = tmp_path / "cut"
    cut.write_bytes(whole[: len(whole) * 2 // 3 + 1])
    line = one_line(redline("replay", cut))
    assert line.startswith(f"{cut}: at byte ")
    at = int(line.split()[3].rstrip(":"))
    assert 0 <= len(whole) * 2 // 3 + 1 - at < 100_000  # within the record that is cut


ITCH_DELETE = b"\x00\x13D" + bytes(18)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--speed", "2x", "--rate", "1M/s"), "only one of them"),
        (("--speed", "fast"), "--speed: not a speed: 'fast'"),
        (("--speed", "0x"), "--speed: not a speed"),
        (("--rate", "1000"), "--rate: no unit"),
        (("--rate", "0/s"), "--rate: must be more than zero"),
        (("--line", "nowhere"), "--line: not an address and a port"),
        (("--line", "224.0.0.1:5"), "no lines to choose from"),
        (("--protocol", "ouch"), "--protocol: not one of"),
        (("--protocol", "ice"), "its records are itch, not ice"),
        (("--into", "hole"), "--into: neither book nor port"),
        (("--expect-hash", "12"), "--expect-hash: not a hash"),
        (("--loops", "-1"), "loops"),
    ],
)
def test_a_mistake_is_one_line(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    capture = tmp_path / "one.itch"
    capture.write_bytes(ITCH_DELETE)
    assert words in one_line(redline("replay", capture, *options))


def test_a_missing_capture_is_one_line(tmp_path: Path) -> None:
    assert "nowhere" in one_line(redline("replay", tmp_path / "nowhere"))


def test_ctrl_c_ends_a_replay_with_what_was_played(tmp_path: Path) -> None:
    capture = tmp_path / "some.itch"
    capture.write_bytes(ITCH_DELETE * 10)
    options = ["--rate", "20/s", "--loops", "0", "--json"]
    run = subprocess.Popen(
        [sys.executable, "-m", "harness.cli", "replay", str(capture), *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background job may ignore interrupts, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    for _ in range(400):  # until its thread plays
        threads = [p.read_text().strip() for p in Path(f"/proc/{run.pid}/task").glob("*/comm")]
        if "rl-player" in threads:
            break
        time.sleep(0.05)
    else:
        run.kill()
        pytest.fail("nothing was ever played")
    os.kill(run.pid, signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Traceback" not in err
    said = json.loads(out)
    assert said["interrupted"]
    assert said["counters"]["read"]["delivered"] == said["counters"]["sent"]["messages"]
    assert said["n_messages"] <= 10  # of the loop that was under way


def test_packets_that_the_bench_cannot_send_are_refused_by_run(
    captures: Path, small_scenario: Path, tmp_path: Path
) -> None:
    done = redline("run", small_scenario, "--input", captures / CME, "--out", tmp_path / "out")
    assert "CME MDP 3.0 is not sent through the bench" in one_line(done)


def test_a_pcapng_of_moldudp64_is_an_input_of_the_bench(captures: Path, tmp_path: Path) -> None:
    from harness.traffic.captures import stream_of
    from harness.traffic.inputs import open_input

    if shutil.which("editcap") is None:
        pytest.skip("needs editcap of Wireshark")
    made = tmp_path / "made.pcapng"
    subprocess.run(["editcap", "-F", "pcapng", captures / SAMPLE, made], check=True, timeout=60)
    stream, n_snapshot = stream_of(open_input(made))
    assert (stream.feed, stream.framing, stream.n_messages, n_snapshot) == ("itch", "mold", 39, 0)
