"""Two verifiers that share no code agree: on every class of damage, and on logs mutated at random.

REDLINE_AUDIT_MUTATIONS=20000 tries more of them than a test has time for.
"""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import audit_logs
import numpy as np
import numpy.typing as npt
import pytest
from audit_logs import Segments

from engine.trade import audit
from engine.trade.audit import Fault
from harness.audit import verifier

N_AT_LEAST = 1000
SECONDS = 4.0


def agreed(directory: Path, segments: Segments) -> verifier.Finding:
    """What both verifiers say; they must say the same."""
    audit_logs.store(directory, segments)
    seen = audit.verify(directory)
    plain = verifier.verify(directory)
    place = plain.place
    assert (
        int(seen.fault),
        None if seen.fault == Fault.WHOLE else (seen.segment, seen.offset, seen.record),
        (seen.n_records, seen.n_blocks, seen.n_segments, seen.n_recovered),
        (seen.n_gaps, seen.n_backward, seen.head_number, seen.head_hash),
    ) == (
        plain.fault,
        place and (place.segment, place.offset, place.record),
        (plain.n_records, plain.n_blocks, plain.n_segments, plain.n_recovered),
        (plain.n_gaps, plain.n_backward, plain.head_number, plain.head_hash),
    )
    return plain


def base_logs(directory: Path) -> list[Segments]:
    """Closed, unfinished, and continued after a crash with a tail torn off."""
    audit_logs.write(directory / "closed")
    audit_logs.write(directory / "open", 40, close=False, block=11)
    for name, torn in (("tail", "00000002.audit"), ("header", "00000003.audit")):
        audit_logs.write(directory / name, 9, close=False)
        with (directory / name / torn).open("ab") as file:
            file.write(bytes(130))
        audit_logs.write(directory / name, 9)
    logs = [audit_logs.load(directory / name) for name in ("closed", "open", "tail", "header")]
    assert verifier.verify_segments(logs[2]).n_recovered == 1
    return logs


# ---- One fixture for each class -----------------------------------------------------------------


def whole(segments: Segments) -> None:
    pass


def without_footer(segments: Segments) -> None:
    del segments[max(segments)][-64:]


def half_a_record(segments: Segments) -> None:
    del segments[max(segments)][-100:]


def zeros_behind(segments: Segments) -> None:
    segments[max(segments)][-64:] = bytes(1000)


def flipped_bit(segments: Segments) -> None:
    segments[2][4096 + 70] ^= 4


def flipped_in_header(segments: Segments) -> None:
    segments[2][3000] ^= 1


def added_behind(segments: Segments) -> None:
    segments[max(segments)] += bytes(64)


def zeroed_unit(segments: Segments) -> None:
    segments[2][4096:4160] = bytes(64)


def without_second_segment(segments: Segments) -> None:
    del segments[2]


def without_last_segment(segments: Segments) -> None:
    del segments[max(segments)]


def without_first_segment(segments: Segments) -> None:
    del segments[1]


def cut_in_the_middle(segments: Segments) -> None:
    del segments[2][-200:]


def swapped(segments: Segments) -> None:
    segments[2], segments[3] = segments[3], segments[2]


CASES: list[tuple[Callable[[Segments], None], Fault]] = [
    (whole, Fault.WHOLE),
    (without_footer, Fault.TORN),
    (half_a_record, Fault.TORN),
    (zeros_behind, Fault.TORN),
    (flipped_bit, Fault.CORRUPT),
    (flipped_in_header, Fault.CORRUPT),
    (added_behind, Fault.CORRUPT),
    (zeroed_unit, Fault.CORRUPT),
    (without_second_segment, Fault.CHAIN),
    (without_last_segment, Fault.CHAIN),
    (without_first_segment, Fault.CHAIN),
    (cut_in_the_middle, Fault.CHAIN),
    (swapped, Fault.CHAIN),
]


@pytest.mark.parametrize(("damage", "fault"), CASES, ids=[d.__name__ for d, _ in CASES])
def test_each_damage_has_its_class(
    tmp_path: Path, damage: Callable[[Segments], None], fault: Fault
) -> None:
    audit_logs.write(tmp_path / "log")
    segments = audit_logs.load(tmp_path / "log")
    damage(segments)
    assert agreed(tmp_path / "log", segments).fault == fault


def gap(one: npt.NDArray[np.void]) -> None:
    one["number"][5:] += 3


def repeated(one: npt.NDArray[np.void]) -> None:
    one["number"][5:] -= 1


def backward(one: npt.NDArray[np.void]) -> None:
    one["tsc"][5] = 3


@pytest.mark.parametrize(
    ("spoil", "fault"), [(gap, Fault.SEQUENCE), (repeated, Fault.SEQUENCE), (backward, Fault.TIME)]
)
def test_a_story_that_cannot_be_is_found_behind_right_checksums(
    tmp_path: Path, spoil: Callable[[npt.NDArray[np.void]], None], fault: Fault
) -> None:
    found = agreed(tmp_path / "log", audit_logs.chained(spoil))
    assert found.fault == fault
    assert found.place == verifier.Place(1, 4096 + 6 * 64, 6)
    assert found.n_records == 8


def test_a_clock_that_was_set_back_is_found(tmp_path: Path) -> None:
    audit_logs.write(tmp_path / "log")
    segments = audit_logs.load(tmp_path / "log")
    wall_ns = np.frombuffer(segments[2], audit.HEADER, 1)["wall_ns"][0]
    assert agreed(tmp_path / "log", segments).n_backward == 0
    # The header of the third segment, chained anew: nothing is wrong but its clock.
    rechained = rebuilt(segments, 3, {"wall_ns": int(wall_ns) - 1})
    found = agreed(tmp_path / "log", rechained)
    assert (found.fault, found.n_backward) == (Fault.TIME, 1)
    assert found.place is not None
    assert (found.place.segment, found.place.offset) == (3, 0)


def rebuilt(segments: Segments, last: int, changes: dict[str, int]) -> Segments:
    """The segments up to `last`, whose header is changed and whose hashes are made to fit."""
    kept = {number: bytearray(data) for number, data in segments.items() if number <= last}
    data = kept[last]
    header = np.frombuffer(bytes(data[:4096]), audit.HEADER).copy()
    for name, value in changes.items():
        header[name] = value
    data[:4096] = header.tobytes()
    data[4064:4096] = hashlib.sha256(data[:4064]).digest()
    crc, hash_, block = int(header["previous_crc"][0]), bytes(data[4064:4096]), b""
    for at in range(4096, len(data), 64):
        kind = data[at + 54]
        if kind < 240:
            block += data[at : at + 64]
            crc = int.from_bytes(data[at + 60 : at + 64], "little")
            continue
        if kind == 240:
            hash_, block = hashlib.sha256(hash_ + block).digest(), b""
        else:
            data[at + 55] = 2  # now the end of the log
        data[at + 16 : at + 48] = hash_
        sum_ = verifier.crc32c(bytes(data[at : at + 60]), crc)
        data[at + 60 : at + 64] = sum_.to_bytes(4, "little")
        crc = sum_ if kind == 240 else crc
        if kind == 240 and at + 128 < len(data):
            break  # a second block would need its records' checksums anew
    del data[at + 64 :]
    if data[at + 54] != 241:
        unit = bytearray(64)
        unit[0:8], unit[16:48], unit[54], unit[55] = data[at : at + 8], hash_, 241, 2
        unit[60:64] = verifier.crc32c(bytes(unit[:60]), crc).to_bytes(4, "little")
        data += unit
    return kept


# ---- Mutations ----------------------------------------------------------------------------------


def mutate(segments: Segments, rng: random.Random) -> None:
    number = rng.choice(sorted(segments))
    data = segments[number]
    at = rng.randrange(len(data))
    # Headers are large and say little: most of the time something behind them is hit.
    if len(data) > 4096 and rng.random() < 0.8:
        at = rng.randrange(4096, len(data))
    unit = 4096 + max(at - 4096, 0) // 64 * 64
    match rng.randrange(12):
        case 0:
            data[at] ^= 1 << rng.randrange(8)
        case 1:
            data[at] = rng.randrange(256)
        case 2:
            del data[at:]
        case 3:
            del data[unit:]
        case 4:
            data[unit : unit + 64 * rng.randrange(1, 9)] = bytes(64 * rng.randrange(1, 9))
        case 5:
            data += rng.choice([bytes(rng.randrange(1, 700)), rng.randbytes(rng.randrange(1, 130))])
        case 6:
            del data[unit : unit + 64]
        case 7:
            data[unit:unit] = data[unit : unit + 64]
        case 8:
            del segments[number]
        case 9:
            other = rng.choice(sorted(segments))
            segments[number], segments[other] = segments[other], segments[number]
        case 10:
            sector = at // 512 * 512
            data[sector : sector + 512] = bytes(len(data[sector : sector + 512]))
        case 11:
            segments[max(segments) + rng.randrange(1, 3)] = bytearray(data[: rng.randrange(4200)])


def test_mutated_logs_are_judged_alike(tmp_path: Path) -> None:
    wanted = int(os.environ.get("REDLINE_AUDIT_MUTATIONS", N_AT_LEAST))
    logs = base_logs(tmp_path)
    rng = random.Random(20)
    faults: dict[int, int] = {}
    until = time.monotonic() + SECONDS
    n = 0
    while n < wanted or (time.monotonic() < until and n < 2 * N_AT_LEAST):
        segments = {number: bytearray(data) for number, data in rng.choice(logs).items()}
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            if segments:
                mutate(segments, rng)
        if not segments:
            continue
        fault = agreed(tmp_path / "mutated", segments).fault
        faults[fault] = faults.get(fault, 0) + 1
        n += 1
    assert n >= N_AT_LEAST
    assert {Fault.TORN, Fault.CORRUPT, Fault.CHAIN} <= faults.keys()
    assert min(faults[f] for f in (Fault.TORN, Fault.CORRUPT, Fault.CHAIN)) > n // 50


def test_a_verifier_that_forgets_a_rule_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifier, "is_torn", lambda *_: True)
    with pytest.raises(AssertionError):
        test_mutated_logs_are_judged_alike(tmp_path)


@pytest.mark.parametrize("first", [2, 4])
def test_older_segments_may_have_been_moved_away(tmp_path: Path, first: int) -> None:
    audit_logs.write(tmp_path / "log")
    for number in range(1, first):
        (tmp_path / "log" / f"{number:08d}.audit").unlink()
    assert audit.verify(tmp_path / "log").fault == Fault.CHAIN
    assert audit.verify(tmp_path / "log", first_segment=first).fault == Fault.WHOLE
    assert verifier.verify(tmp_path / "log", first).fault == Fault.WHOLE
    numbers = [
        int(s.records["number"][0]) for s in audit.read(tmp_path / "log", first_segment=first)
    ]
    assert numbers[0] > 1


def test_the_crc_is_the_published_one() -> None:
    assert verifier.crc32c(b"123456789") == 0xE3069283
    assert verifier.crc32c(b"456789", verifier.crc32c(b"123")) == 0xE3069283
