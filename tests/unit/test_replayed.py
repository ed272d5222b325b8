"""What a replay says at its end: every promise that was not kept is a sentence, and only those."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from engine.market.replay import Line, Played, Recording, play, read
from harness.report import replayed
from harness.traffic.inputs import InputFile

DELETE = struct.pack(">HcHH", 19, b"D", 1, 0) + bytes(14)


@pytest.fixture(scope="module")
def recording() -> Recording:
    return read(DELETE * 3)


@pytest.fixture(scope="module")
def played(recording: Recording) -> Played:
    return play(recording)


@pytest.fixture
def file(recording: Recording) -> InputFile:
    return InputFile(Path("a.itch"), "itch", "none", recording.data, "0" * 64, "ITCH 5.0 messages")


def counting(played: Played, group: str, name: str, n: int) -> Played:
    counters = {key: dict(counted) for key, counted in played.counters.items()}
    counters[group][name] = n
    return replace(played, counters=counters)


def test_a_sound_replay_has_no_problems(played: Played) -> None:
    assert replayed.problems(played) == []
    assert replayed.problems(played, played.book_hash) == []


@pytest.mark.parametrize(
    ("group", "name", "words"),
    [
        ("feed", "lost", "7 messages were lost"),
        ("sent", "messages_unsent", "7 messages were lost"),
        ("read", "left_waiting", "7 messages were lost"),
        ("read", "loops_different", "7 loops ended otherwise than the first"),
        ("feed", "bad_messages", "feed counted 7 bad messages"),
        ("feed", "no_instrument", "feed counted 7 no instrument"),
        ("books", "orders_full", "books counted 7 orders full"),
        ("books", "levels_full", "books counted 7 levels full"),
    ],
)
def test_what_went_wrong_is_a_sentence(played: Played, group: str, name: str, words: str) -> None:
    assert replayed.problems(counting(played, group, name, 7)) == [words]


def test_records_that_vanish_are_told(played: Played) -> None:
    vanished = counting(played, "read", "frames", 1)
    assert replayed.problems(vanished) == ["2 records were sent and never seen again"]


def test_a_damaged_book_and_another_hash_are_told(played: Played) -> None:
    assert replayed.problems(replace(played, damage="a queue that loops")) == [
        "the books are damaged: a queue that loops"
    ]
    (said,) = replayed.problems(played, played.book_hash ^ 1)
    assert said == f"the books end with {played.book_hash:#018x}, not {played.book_hash ^ 1:#018x}"


def test_unknown_orders_are_counted_and_no_problem(played: Played) -> None:
    assert played.counters["books"]["unknown_ids"] == 3
    assert replayed.problems(played) == []


def test_conflicting_lines_are_told(file: InputFile, recording: Recording, played: Played) -> None:
    from engine.market.replay import LinePlayed

    counters = {"packets": 1, "wins": 1, "bad": 0, "conflicts": 2, "stale": 0}
    line = LinePlayed(Line.parse("224.0.0.1:5"), counters)
    assert replayed.problems(replace(played, lines=(line,))) == [
        "line 224.0.0.1:5 counted 2 conflicts"
    ]
    assert "of one stream?" in replayed.as_text(
        file, recording, replace(played, lines=(line,)), None
    )


def test_json_has_every_counter_and_no_number_beyond_53_bits_in_doubt(
    file: InputFile, recording: Recording, played: Played
) -> None:
    said = json.loads(replayed.as_json(file, recording, played, []))
    assert said["schema"] == "redline.replay/1"
    assert set(said["counters"]) == {"sent", "read", "lines", "feed", "books"}
    assert said["counters"]["read"]["frames"] == 3
    assert int(said["book_hash"], 16) == played.book_hash
    assert said["check"] == {"ok": True, "problems": []}
    assert json.loads(replayed.as_json(file, recording, played, None))["check"] is None


def test_text_leaves_out_counters_of_nothing(
    file: InputFile, recording: Recording, played: Played
) -> None:
    said = replayed.as_text(file, recording, played, None)
    assert "books unknown ids" in said
    assert "duplicate" not in said
    assert "check" not in said
    failed = replayed.as_text(file, recording, replace(played, interrupted=True), ["one", "two"])
    assert failed.endswith(
        "interrupted: this is how far it came\ncheck FAILED: one\ncheck FAILED: two\n"
    )


@pytest.mark.parametrize(
    ("nano", "text"), [(4_810_250_000_000, "4810.25"), (5 * 10**9, "5.00"), (-1, "-0.000000001")]
)
def test_prices_have_two_decimals_at_least(nano: int, text: str) -> None:
    assert replayed._price(nano) == text
