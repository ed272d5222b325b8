"""The kill switch and the audit logs of a whole run: promises kept, and a broken one noticed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from engine.trade import audit
from harness.run.artifacts import files_of, sha256_of
from harness.run.verify import verify


def test_every_trip_stopped_every_order(small_run: Path) -> None:
    run = json.loads((small_run / "run.json").read_text())
    promised = {c["id"]: c for c in run["checks"] if c["id"].startswith("kill.")}
    assert {name.rpartition(".")[2] for name in promised} == {
        "trips", "seen", "after", "in_flight", "residual",
    }  # fmt: skip
    assert [c for c in promised.values() if not c["ok"]] == []
    gates = {g["id"]: g for g in run["verdict"]["gates"]}
    assert gates["kill_orders_after"]["state"] == "PASS"


def test_the_three_times_of_a_trip_are_measured(small_run: Path) -> None:
    run = json.loads((small_run / "run.json").read_text())
    found = {m["id"]: m for m in run["metrics"] if m["id"].startswith("kill.")}
    assert set(found) == {"kill.trip", "kill.seen", "kill.cancelled"}
    assert found["kill.trip"]["n"] == found["kill.seen"]["n"] > 0
    assert 0 < found["kill.cancelled"]["n"] <= found["kill.trip"]["n"]
    assert found["kill.trip"]["percentiles"]["max"] >= found["kill.seen"]["percentiles"]["min"] > 0


def test_the_logs_of_a_run_lead_to_the_state_of_its_engines(small_run: Path) -> None:
    logs = sorted(p.name for p in small_run.glob("*.audit"))
    assert logs == ["e2e.fix.r1.audit", "e2e.itch.r1.audit", "e2e.itch.r2.audit"]
    for name in logs:
        found = audit.replay_log(small_run / name)
        assert found.verdict.fault is audit.Fault.WHOLE
        assert (found.contradiction, found.n_starts, found.n_stops) == (None, 1, 1)


def test_a_changed_record_is_found_by_verify_even_when_the_sums_fit(
    small_run: Path, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(small_run, tmp_path / small_run.name))
    segment = copy / "e2e.itch.r1.audit" / "00000001.audit"
    data = bytearray(segment.read_bytes())
    data[audit.HEADER_BYTES + 5 * audit.UNIT_BYTES + 30] ^= 1
    segment.write_bytes(data)
    names = sorted(str(p.relative_to(copy)) for p in files_of(copy))
    (copy / "SHA256SUMS").write_text(
        "".join(f"{sha256_of(copy / name)}  {name}\n" for name in names)
    )
    (problem,) = verify(copy)
    assert problem.startswith("e2e.itch.r1.audit/00000001.audit: byte ")
