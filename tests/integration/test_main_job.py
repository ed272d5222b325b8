"""The main job end to end: a real engine, a real rig, and a judged directory of evidence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from engine.trade import audit
from harness.run.verify import verify

from .conftest import redline


def record_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


def trials_of(run: Path) -> list[dict[str, Any]]:
    """The lines of series.jsonl that are trials."""
    lines = [json.loads(line) for line in (run / "series.jsonl").read_text().splitlines()]
    return [line for line in lines if line["kind"] == "trial"]


def test_every_message_order_and_answer_is_accounted_for(small_run: Path) -> None:
    checks = record_of(small_run)["checks"]
    assert [c for c in checks if not c["ok"]] == []
    assert {c["id"].partition(".")[0] for c in checks} == {"conservation", "answer", "kill"}


def test_orders_were_really_triggered_and_timed(small_run: Path) -> None:
    metrics = {m["id"]: m for m in record_of(small_run)["metrics"]}
    for name in ("e2e.wire", "e2e.buf", "e2e.fix.wire", "null.wire"):
        assert metrics[name]["n"] > 50, name
        assert metrics[name]["percentiles"]["min"] > 0


def test_a_row_that_was_not_measured_is_missing_and_scores_nothing(small_run: Path) -> None:
    rows = {r["id"]: r for g in record_of(small_run)["score"]["groups"] for r in g["rows"]}
    assert rows["network_rtt"]["state"] == "MISSING"
    assert rows["network_rtt"]["score_floor"] == 0
    assert rows["end_to_end"]["state"] == "MISSING"  # measured at another load than it declares


def test_a_fresh_run_verifies(small_run: Path) -> None:
    assert verify(small_run) == []
    assert redline("verify", small_run).returncode == 0


@pytest.mark.parametrize(
    "name", ["e2e.wire.hlog", "noise.json", "env.json", "run.json", "report.html", "SHA256SUMS"]
)
def test_one_changed_byte_is_named_by_its_file(small_run: Path, tmp_path: Path, name: str) -> None:
    copy = tmp_path / small_run.name
    shutil.copytree(small_run, copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    done = redline("verify", copy)
    assert done.returncode == 1
    assert name in done.stdout + done.stderr


def test_an_independent_reader_finds_the_same_samples(small_run: Path) -> None:
    measured = next(m for m in record_of(small_run)["measurements"] if m["id"] == "e2e.wire")
    total = HdrHistogram(1, 3_600_000_000_000, 3)
    reader = HistogramLogReader(str(small_run / measured["hlog"]), total)
    while reader.add_next_interval_histogram() is not None:
        pass
    reader.input_file.close()  # the package leaves that to its caller
    assert total.get_total_count() == measured["facts"]["n"]


def test_the_report_can_be_written_again_from_the_directory_alone(
    small_run: Path, tmp_path: Path
) -> None:
    copy = tmp_path / small_run.name
    shutil.copytree(small_run, copy)
    done = redline("report", copy)
    assert done.returncode == 0, done.stderr


def test_the_audit_log_holds_every_decision(small_run: Path) -> None:
    trials = trials_of(small_run)
    first = next(t for t in trials if t["phase"] == "e2e.itch")
    found = audit.verify(small_run / "e2e.itch.r1.audit")
    assert found.fault == 0, found.text
    assert found.n_records == first["counters"]["orders"]["audit_records"] > 0


def test_replaying_the_audit_log_gives_the_state_in_which_the_engine_ended(small_run: Path) -> None:
    done = redline("audit", "replay", small_run / "e2e.itch.r1.audit")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_changed_audit_record_is_found_where_it_lies(small_run: Path, tmp_path: Path) -> None:
    log = tmp_path / "changed"
    shutil.copytree(small_run / "e2e.itch.r1.audit", log)
    segment = log / "00000001.audit"
    content = bytearray(segment.read_bytes())
    content[audit.HEADER_BYTES + 5 * audit.UNIT_BYTES + 30] ^= 1
    segment.write_bytes(content)
    found = audit.verify(log)
    assert found.fault == audit.Fault.CORRUPT
    assert found.record == 6


def test_every_figure_that_crosses_cores_says_how_far_apart_they_were(small_run: Path) -> None:
    found = {m["id"]: m["facts"] for m in record_of(small_run)["measurements"]}
    for name in ("null.wire", "e2e.wire", "e2e.fix.wire"):
        assert 0 < found[name]["placement_min_ns"] <= found[name]["placement_max_ns"]
    trials = trials_of(small_run)
    assert all(len(t["placement_ns"]) == 2 for t in trials)


def test_the_books_of_two_repeats_of_one_stream_are_equal(small_run: Path) -> None:
    trials = trials_of(small_run)
    hashes = {t["answer"]["hash"] for t in trials if t["phase"] == "e2e.itch"}
    assert len(hashes) == 1
