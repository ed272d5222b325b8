"""`redline audit`: exit codes by class, one line for a mistake, exports of what was recorded."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import audit_logs
import numpy as np
import numpy.typing as npt
import pytest
from audit_logs import Segments

from engine.trade import audit
from harness import cli
from harness.audit import export
from harness.errors import ExitCode

Redline = Callable[..., tuple[int, str, str]]


@pytest.fixture
def redline(capsys: pytest.CaptureFixture[str]) -> Redline:
    def call(*args: str | Path) -> tuple[int, str, str]:
        code = cli.main([str(arg) for arg in args])
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return call


@pytest.fixture
def log(tmp_path: Path) -> Path:
    audit_logs.write(tmp_path / "log", 60)
    return tmp_path / "log"


def gap(one: npt.NDArray[np.void]) -> None:
    one["number"][5:] += 3


def backward(one: npt.NDArray[np.void]) -> None:
    one["tsc"][5] = 3


def torn(segments: Segments) -> None:
    del segments[max(segments)][-70:]


def flipped(segments: Segments) -> None:
    segments[2][4096 + 70] ^= 4


def missing(segments: Segments) -> None:
    del segments[2]


@pytest.mark.parametrize("how", [(), ("--plain",)])
@pytest.mark.parametrize(
    ("damage", "code"), [(None, 0), (torn, 1), (flipped, 2), (missing, 3), (gap, 4), (backward, 5)]
)
def test_verify_exits_with_the_class_and_names_the_place(
    redline: Redline,
    log: Path,
    damage: Callable[[object], None] | None,
    code: int,
    how: tuple[str, ...],
) -> None:
    if damage in (gap, backward):
        audit_logs.store(log, audit_logs.chained(damage))
    elif damage is not None:
        segments = audit_logs.load(log)
        damage(segments)
        audit_logs.store(log, segments)
    seen, out, _ = redline("audit", "verify", log, *how)
    assert seen == code
    assert len(out.splitlines()) == 1
    seen, out, _ = redline("audit", "verify", log, "--json", *how)
    told = json.loads(out)
    assert seen == told["fault"] == code
    assert (told["first_fault"] is None) == (code == 0)
    if code == 2:
        place = told["first_fault"]
        assert place["file"] == str(log / "00000002.audit")
        assert place["offset"] == 4096 + 64
        assert place["record"] == told["head_number"] + 1


@pytest.mark.parametrize("command", ["verify", "export", "replay"])
@pytest.mark.parametrize("kind", ["missing", "empty", "file"])
def test_what_is_no_log_is_said_in_one_line_and_is_no_verdict(
    redline: Redline, tmp_path: Path, command: str, kind: str
) -> None:
    path = tmp_path / "not-a-log"
    if kind == "empty":
        path.mkdir()
    elif kind == "file":
        path.write_text("x")
    for options in ([], ["--plain"]) if command == "verify" else ([],):
        code, out, err = redline("audit", command, path, *options)
        assert code == ExitCode.NO_INPUT
        assert out == ""
        assert err.startswith(f"{path}: ")
        assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "xml"], "--format: neither jsonl nor csv: 'xml'"),
        (["--kind", "orders"], "--kind: not one of sent, "),
        (["--order", "x!"], "--order: not an order id: 'x!'"),
    ],
)
def test_a_mistake_in_an_export_is_one_line(
    redline: Redline, log: Path, options: list[str], message: str
) -> None:
    code, out, err = redline("audit", "export", log, *options)
    assert (code, out) == (ExitCode.USAGE, "")
    assert err.startswith(message)
    assert len(err.splitlines()) == 1


def test_an_export_has_every_record_with_names_and_decimals(redline: Redline, log: Path) -> None:
    code, out, err = redline("audit", "export", log)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == ExitCode.READY
    assert "60 of 60 records" in err
    assert [row["number"] for row in rows] == list(range(1, 61))
    sent = rows[19]  # the twentieth: kind 1
    assert sent["kind"] == "sent"
    assert sent["id"] == export.id_text((7 << 40) + 20)
    assert sent["px"] == "12.49999998"
    assert (sent["side"], sent["type"], sent["time_in_force"]) == ("buy", "limit", "day")
    assert sent["time"].endswith("Z")
    assert rows[1]["kind"] == "risk_detail"
    assert rows[1]["detail"] == "session"  # bit 1


def test_csv_and_json_lines_tell_the_same(redline: Redline, log: Path, tmp_path: Path) -> None:
    _, out, _ = redline("audit", "export", log)
    code, nothing, _ = redline(
        "audit", "export", log, "--format", "csv", "--out", tmp_path / "x.csv"
    )
    assert (code, nothing) == (ExitCode.READY, "")
    with (tmp_path / "x.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    for row, line in zip(table, map(json.loads, out.splitlines()), strict=True):
        assert {k: v for k, v in row.items() if v} == {k: str(v) for k, v in line.items()}


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--kind", "sent"], {20, 40, 60}),
        (["--kind", "sent", "--kind", "CANCEL_SENT"], {5, 20, 25, 40, 45, 60}),
        (["--account", "1", "--kind", "sent"], {40}),
        (["--order", hex((7 << 40) + 8)], {8}),
        (["--order", export.id_text((7 << 40) + 20), "--account", "1"], set()),
    ],
)
def test_an_export_can_be_of_an_order_an_account_or_kinds(
    redline: Redline, log: Path, options: list[str], wanted: set[int]
) -> None:
    code, out, _ = redline("audit", "export", log, *options)
    assert code == ExitCode.READY
    assert {json.loads(line)["number"] for line in out.splitlines()} == wanted


def test_requests_that_name_an_order_belong_to_it(redline: Redline, tmp_path: Path) -> None:
    one = audit_logs.records(3)
    one["kind"] = [audit.Kind.SENT, audit.Kind.CANCEL_SENT, audit.Kind.EVENT]
    one["ref"] = [5, one["id"][0], one["id"][0]]  # an execution may have any number
    with audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ) as writer:
        writer.append(one)
    _, out, _ = redline("audit", "export", tmp_path / "log", "--order", hex(one["id"][0]))
    assert [json.loads(line)["number"] for line in out.splitlines()] == [1, 2]


def test_an_export_of_a_damaged_log_has_what_is_proven_and_fails(
    redline: Redline, log: Path
) -> None:
    segments = audit_logs.load(log)
    flipped(segments)
    audit_logs.store(log, segments)
    code, out, err = redline("audit", "export", log)
    assert code == ExitCode.FAIL
    numbers = [json.loads(line)["number"] for line in out.splitlines()]
    assert numbers == list(range(1, audit.verify(log).record))
    assert "00000002.audit:4160" in err


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "0"), (10**9, "1"), (-1, "-0.000000001"), (-(2**63) + 1, "-9223372036.854775807"),
     (1_500_000_000, "1.5"), (100 * 10**9, "100")],
)  # fmt: skip
def test_prices_are_exact_decimals(nano: int, text: str) -> None:
    assert export.decimal(nano) == text


@pytest.mark.parametrize("order_id", [1, (1 << 40) + 1, (1 << 64) - 1, 0x123456789ABCDEF0])
def test_an_order_id_reads_back(order_id: int) -> None:
    assert export.id_of(export.id_text(order_id)) == order_id
    assert export.id_of(hex(order_id)) == order_id
    assert len(export.id_text(order_id)) == export.ID_CHARACTERS


@pytest.mark.parametrize(
    ("ns", "text"),
    [(0, "1970-01-01T00:00:00.000000000Z"),
     (1_700_000_000_123_456_789, "2023-11-14T22:13:20.123456789Z"),
     (2**64 - 1, "2554-07-21T23:34:33.709551615Z")],
)  # fmt: skip
def test_times_are_utc_to_the_nanosecond(ns: int, text: str) -> None:
    assert export.utc(ns) == text


def test_numbers_without_a_name_stay_numbers(redline: Redline, tmp_path: Path) -> None:
    """A log of a newer version is exported as far as it is understood."""
    one = audit_logs.records(2)
    one["kind"], one["detail"] = [200, audit.Kind.RISK_REJECT], [7, 1 << 31 | 1]
    with audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ) as writer:
        writer.append(one)
    _, out, _ = redline("audit", "export", tmp_path / "log")
    first, second = map(json.loads, out.splitlines())
    assert (first["kind"], first["detail"]) == ("200", 7)
    assert second["detail"] == "state|0x80000000"
