"""The audit log from Python: the layout is that of C, what was appended is read, times are UTC."""

from __future__ import annotations

import errno
import hashlib
import re
import time
from pathlib import Path

import audit_logs
import numpy as np
import pytest

import engine
from engine import _core
from engine.clock import calibrate
from engine.trade import audit

ROOT = Path(__file__).parents[2]


def test_the_dtype_and_the_kinds_are_those_of_the_engine() -> None:
    kinds, faults, schema = _core.audit_names()
    offsets = audit.RECORD.fields
    assert offsets is not None
    codes = {"u64": "<u8", "i64": "<i8", "u32": "<u4", "u16": "<u2", "u8": "|u1"}
    members = re.findall(r"^([a-z_]+) ([ui][0-9]+) ([0-9]+)$", schema, re.MULTILINE)
    assert [(name, codes[type_], int(at)) for name, type_, at in members] == [
        (name, offsets[name][0].str, offsets[name][1]) for name in audit.RECORD.names or ()
    ]
    assert audit.RECORD.itemsize == 64
    assert {name: number for name, (number, _) in kinds.items()} == {
        kind.name: kind.value for kind in audit.Kind
    }
    assert {name: number for name, (number, _) in faults.items()} == {
        fault.name: fault.value for fault in audit.Fault
    }


def test_the_published_format_names_every_kind_and_every_offset() -> None:
    page = (ROOT / "docs/reference/audit-format.md").read_text()
    for kind in audit.Kind:
        assert f"| {kind.value} | {kind.name} |" in page
    fields = audit.HEADER.fields
    assert fields is not None
    for name in audit.HEADER.names or ():
        if name not in ("zero", "zeros"):
            assert re.search(rf"^\| {fields[name][1]} \| [^|]+ \| {name} \|", page, re.MULTILINE)
    assert audit.HEADER.itemsize == 4096


def test_the_words_are_those_of_the_engine() -> None:
    source = (ROOT / "csrc/trade/audit/audit.h").read_text()
    body = re.search(r"struct rl_audit_words \{(.*?)\n\};", source, re.DOTALL)
    assert body is not None
    found = re.findall(r"_Atomic uint(32|64)_t (\w+);", body[1])
    fields = audit.WORDS.fields
    assert fields is not None
    assert [(name, int(bits) // 8) for bits, name in found] == [
        (name, fields[name][0].itemsize) for name in audit.WORDS.names or ()
    ]


def test_what_was_appended_is_read_in_order(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log", 60)
    for n_at_once in (1, 7, 10_000):
        segments = list(audit.read(tmp_path / "log", n_at_once=n_at_once))
        found = np.concatenate([segment.records for segment in segments])
        wanted = audit_logs.records(60)
        assert found["number"].tolist() == list(range(1, 61))
        for name in set(audit.RECORD.names or ()) - {"number", "crc"}:
            assert (found[name] == wanted[name]).all()
    assert {int(s.header["id_epoch"]) for s in segments} == {7}


def test_the_time_of_a_record_is_that_of_the_wall_clock(tmp_path: Path) -> None:
    before = time.time_ns()
    tsc_hz = calibrate(20_000_000).tsc_hz
    with audit.AuditWriter(tmp_path / "log", tsc_hz=tsc_hz) as writer:
        writer.append(audit_logs.records(1))
        writer.commit()
        (segment,) = audit.read(tmp_path / "log")
        one = audit_logs.records(1)
        one["tsc"] = int(segment.header["tsc"]) + tsc_hz // 2
        writer.append(one)
    *_, last = audit.read(tmp_path / "log")
    expected = int(last.header["wall_ns"]) + 500_000_000
    assert abs(int(last.wall_ns()[-1]) - expected) <= 1
    assert before <= int(last.header["wall_ns"]) <= time.time_ns()


@pytest.mark.parametrize("hz", [1_000_000_000, 2_596_000_001, 9_999_999_999])
@pytest.mark.parametrize("ticks", [0, 1, -1, 12_345_678_901_234, -12_345_678_901_234])
def test_ticks_become_nanoseconds_by_exact_arithmetic(hz: int, ticks: int) -> None:
    header = np.zeros(1, audit.HEADER)
    header["tsc_hz"], header["tsc"], header["wall_ns"] = hz, 10**15, 10**18
    one = np.zeros(1, audit.RECORD)
    one["tsc"] = 10**15 + ticks
    ns = abs(ticks) * 10**9 // hz
    expected = 10**18 + (ns if ticks >= 0 else -ns)
    assert audit.Segment(header[0], one).wall_ns().tolist() == [expected]


def test_what_is_not_proven_is_not_read(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log", 60)
    segments = audit_logs.load(tmp_path / "log")
    segments[3][4096 + 2 * 64 + 9] ^= 1
    audit_logs.store(tmp_path / "log", segments)
    verdict = audit.verify(tmp_path / "log")
    assert (verdict.fault, verdict.segment, verdict.offset) == (audit.Fault.CORRUPT, 3, 4096 + 128)
    found = np.concatenate([s.records for s in audit.read(tmp_path / "log")])
    assert found["number"].tolist() == list(range(1, verdict.record))


def test_a_torn_tail_that_was_put_aside_is_not_read(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log", 5, close=False)
    path = tmp_path / "log" / "00000001.audit"
    path.write_bytes(path.read_bytes() + bytes(64) + b"half a record")
    with audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ) as writer:
        writer.append(audit_logs.records(3, 6))
    assert audit.verify(tmp_path / "log").fault == audit.Fault.WHOLE
    found = np.concatenate([s.records for s in audit.read(tmp_path / "log")])
    assert found["ref"].tolist() == list(range(1, 9))
    torn = (tmp_path / "log" / "00000001.audit.torn").read_bytes()
    assert torn == bytes(64) + b"half a record"


def test_rotation_every_few_milliseconds_is_gapless(tmp_path: Path) -> None:
    tsc_hz = calibrate(20_000_000).tsc_hz
    with audit.AuditWriter(
        tmp_path / "log", tsc_hz=tsc_hz, rotate_ns=2_000_000, commit_ns=500_000, stall_ns=10**12,
        segment_bytes=1 << 20, emergency_bytes=4096,
    ) as writer:  # fmt: skip
        writer.start(poll_ns=20_000)
        with pytest.raises(engine.EngineError, match="thread of its own"):
            writer.step()
        n = 0
        one = audit_logs.records(10)
        until = time.monotonic() + 30
        while int(writer.words["segment"]) < 60 and time.monotonic() < until:
            one["tsc"] += 10
            n += writer.append(one)
            time.sleep(0.0002)
    verdict = audit.verify(tmp_path / "log")
    assert verdict.fault == audit.Fault.WHOLE
    assert verdict.n_records == n == writer.durable
    assert verdict.n_segments >= 60


def test_a_full_ring_refuses_and_the_words_tell_of_it(tmp_path: Path) -> None:
    with audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ, n_slots=64) as writer:
        assert writer.append(audit_logs.records(100)) == 64
        assert writer.append(audit_logs.records(1)) == 0
        assert writer.durable == 0
        assert writer.step() == 64
        assert int(writer.words["max_backlog"]) == 64
        assert writer.health == audit.Health.GOOD
        writer.commit()
        assert writer.durable == 64
        assert writer.append(audit_logs.records(1), n_more=64) == 0


def test_a_second_writer_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ),
        pytest.raises(engine.EngineError, match="another writer") as caught,
    ):
        audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ)
    assert caught.value.errno == errno.EBUSY


def test_a_damaged_log_is_not_continued(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log", 20)
    segments = audit_logs.load(tmp_path / "log")
    segments[1][4200] ^= 1
    audit_logs.store(tmp_path / "log", segments)
    with pytest.raises(engine.EngineError, match="checksum"):
        audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tsc_hz": 0}, "makes no sense"),
        ({"tsc_hz": 1, "n_slots": 3}, "power of two"),
        ({"tsc_hz": 1, "n_slots": 1 << 40}, "power of two"),
        ({"tsc_hz": 1, "segment_bytes": 100}, "makes no sense"),
        ({"tsc_hz": 1, "config_hash": b"short"}, "config_hash: 5 bytes"),
    ],
)
def test_arguments_without_sense_are_refused(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises((engine.EngineError, ValueError), match=message):
        audit.AuditWriter(tmp_path / "log", **arguments)  # type: ignore[arg-type]


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = audit.AuditWriter(tmp_path / "log", tsc_hz=audit_logs.HZ)
    writer.close()
    for call in (writer.step, writer.commit, writer.rotate, writer.start):
        with pytest.raises(engine.EngineError):
            call()
    writer.close()


def test_header_fields_reach_the_disk(tmp_path: Path) -> None:
    with audit.AuditWriter(
        tmp_path / "log", tsc_hz=audit_logs.HZ, config_hash=b"c" * 32, limits_hash=b"l" * 32,
        build_id="b" * 40, host_id="host", is_clock_synced=True,
    ):  # fmt: skip
        pass
    head = (tmp_path / "log" / "00000001.audit").read_bytes()
    header = np.frombuffer(head[:4096], audit.HEADER)[0]
    assert header["config_hash"].tobytes() == b"c" * 32
    assert header["limits_hash"].tobytes() == b"l" * 32
    assert (header["build_id"], header["host_id"]) == (b"b" * 32, b"host")
    assert (
        header["schema_hash"].tobytes() == hashlib.sha256(_core.audit_names()[2].encode()).digest()
    )
    assert header["is_clock_synced"] == 1


def test_an_unreadable_segment_is_named(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log", 5)
    segment = tmp_path / "log" / "00000001.audit"
    segment.unlink()
    segment.symlink_to(segment)  # nobody can open it, root neither
    with pytest.raises(engine.EngineError, match=r"00000001\.audit"):
        audit.verify(tmp_path / "log")


def test_a_directory_in_the_place_of_a_segment_is_named(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log", 5)
    (tmp_path / "log" / "00000002.audit").mkdir()
    with pytest.raises(engine.EngineError, match=r"00000002\.audit: not a file"):
        audit.verify(tmp_path / "log")
