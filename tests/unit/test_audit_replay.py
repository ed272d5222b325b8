"""A log on the disk leads a fresh order side to the state of the engine that wrote it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import audit_logs
import numpy as np
import numpy.typing as npt
import pytest
from reference.wide_limits import limits

from engine.trade import Event, EventKind, Oms, Refusal, audit, buy, sell
from harness import cli
from harness.errors import ExitCode


def traded(n: int = 40) -> tuple[npt.NDArray[np.void], int]:
    """The records of an engine that traded and was stopped, and the hash of its last state."""
    now = iter(range(10**9, 10**15, 10**7))
    with Oms(limits(), clock=lambda: next(now), fees=[5, 0]) as oms:
        oms.start()
        oms.quote(0, 99 * 10**9, 101 * 10**9)
        sent = 0
        for i in range(n):
            answer = oms.send((buy if i % 3 else sell)(100, 100 * 10**9))
            if isinstance(answer, Refusal):
                continue
            sent += 1
            oms.on_event(Event(EventKind.ACK, answer))
            oms.on_event(
                Event(EventKind.FILL, answer, exec=i + 1, qty=60 + i % 2 * 40, px_nano=10**11)
            )
        assert sent > n // 2
        oms.stop()
        return oms.drain(), oms.hash()


def on_disk(directory: Path, records: npt.NDArray[np.void]) -> Path:
    with audit.AuditWriter(directory, tsc_hz=10**9, segment_bytes=8192) as writer:
        assert writer.append(records) == len(records)
    return directory


def test_a_log_leads_to_the_final_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records, state = traded()
    log = on_disk(tmp_path / "log", records)
    assert audit.verify(log).n_segments > 1
    replayed = audit.replay_log(log)
    assert (replayed.hash, replayed.contradiction) == (state, None)
    assert (replayed.n_starts, replayed.n_stops) == (1, 1)
    assert cli.main(["audit", "replay", str(log), "--expect-hash", hex(state)]) == ExitCode.READY
    assert f"0x{state:016x}" in capsys.readouterr().out
    assert cli.main(["audit", "replay", str(log), "--expect-hash", "0x1"]) == ExitCode.FAIL
    assert "not 0x0000000000000001" in capsys.readouterr().out
    assert cli.main(["audit", "replay", str(log), "--expect-hash", "x"]) == ExitCode.USAGE


def without_a_fill(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    fills = np.flatnonzero((records["kind"] == audit.Kind.EVENT) & (records["event"] == 5))
    return np.delete(records, fills[3])


def with_another_quantity(records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    fills = np.flatnonzero((records["kind"] == audit.Kind.EVENT) & (records["event"] == 5))
    records["qty"][fills[3]] -= 1
    return records


@pytest.mark.parametrize("lie", [without_a_fill, with_another_quantity])
def test_a_log_that_was_written_anew_contradicts_itself(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    lie: Callable[[npt.NDArray[np.void]], npt.NDArray[np.void]],
) -> None:
    """All checksums and hashes are right: only the state at the end tells."""
    records, _ = traded()
    log = on_disk(tmp_path / "log", lie(records))
    assert audit.verify(log).fault == audit.Fault.WHOLE
    replayed = audit.replay_log(log)
    assert replayed.contradiction is not None
    assert cli.main(["audit", "replay", str(log)]) == ExitCode.FAIL
    assert f"record {replayed.contradiction[0]}: " in capsys.readouterr().out


def test_each_start_begins_anew(tmp_path: Path) -> None:
    records, state = traded()
    on_disk(tmp_path / "log", records)
    log = on_disk(tmp_path / "log", records)
    replayed = audit.replay_log(log)
    assert (replayed.n_starts, replayed.n_stops, replayed.hash) == (2, 2, state)


def test_notes_of_the_writer_do_not_matter(tmp_path: Path) -> None:
    records, state = traded()
    note = np.zeros(1, audit.RECORD)
    note["kind"] = audit.Kind.STALL
    log = on_disk(tmp_path / "log", np.concatenate([note, records]))
    assert audit.replay_log(log).hash == state


def test_a_damaged_log_is_replayed_as_far_as_it_is_proven_and_fails(tmp_path: Path) -> None:
    records, _ = traded()
    log = on_disk(tmp_path / "log", records)
    segments = audit_logs.load(log)
    segments[2][4096 + 64] ^= 1
    audit_logs.store(log, segments)
    replayed = audit.replay_log(log)
    assert replayed.verdict.fault == audit.Fault.CORRUPT
    assert replayed.n_records == replayed.verdict.record - 1
    assert cli.main(["audit", "replay", str(log)]) == ExitCode.FAIL
