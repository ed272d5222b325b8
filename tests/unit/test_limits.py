"""Limit sets in Python: rows in and out, hash, what is missing, and what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.trade.limits import (
    CHANGE,
    DTYPES,
    MEMBERS,
    RULES,
    SCOPES,
    How,
    LimitSet,
    Member,
    Names,
    Rows,
    compare,
    member,
)
from engine.trade.risk import Reason

NAMES = Names(("x", "y"), ("a", "b"), ("s", "t", "u"), ("A", "B", "C", "D"))
ALL = [m for scope in SCOPES for m in MEMBERS[scope]]


def usual(m: Member) -> int:
    """A value that goes with those of the other limits."""
    if m.unit in ("STRATEGIES", "VENUES", "SIDES"):
        return 3
    if m.unit in RULES:
        return 2
    return 10 if "reserve" in m.word else 1000


def rows() -> Rows:
    """Every limit of every row is given."""
    made = Rows(n_venues=2, n_accounts=2, n_strategies=3, n_symbols=4)
    for scope in SCOPES:
        for m in MEMBERS[scope]:
            made.of(scope)[m.word] = usual(m)
    return made


def test_rows_come_back_as_they_were_written() -> None:
    written = rows()
    written.pairs["max_qty"] = np.arange(1, 9).reshape(2, 4)
    built = written.build(5, NAMES)
    for scope in SCOPES:
        assert (built.of(scope) == written.of(scope)).all()
    assert built.pairs["max_qty"][1, 2] == 7
    assert built.version == 5
    assert built.names_sha256 == NAMES.digest.hex()
    assert built.why_not_whole() is None


def test_rows_of_a_set_cannot_be_written() -> None:
    built = rows().build(1)
    for scope in SCOPES:
        with pytest.raises(ValueError, match="read-only"):
            built.of(scope)[MEMBERS[scope][0].word] = 1


def test_the_hash_is_sha256_of_what_follows_it() -> None:
    built = rows().build(3, NAMES)
    data = built.to_bytes()
    assert hashlib.sha256(data[40:]).hexdigest() == built.sha256
    assert data[8:40].hex() == built.sha256


def test_a_set_survives_being_stored_and_damage_does_not() -> None:
    built = rows().build(3, NAMES)
    data = built.to_bytes()
    assert LimitSet.from_bytes(data).sha256 == built.sha256
    for at in (0, 8, 40, 48, 64, 130, len(data) - 1):
        bad = bytearray(data)
        bad[at] ^= 1
        with pytest.raises(ValueError, match="limit set"):
            LimitSet.from_bytes(bytes(bad))
    for cut in (b"", data[:100], data[:-1], data + b"\0"):
        with pytest.raises(ValueError, match="limit set"):
            LimitSet.from_bytes(cut)


def test_a_set_altered_in_place_says_so() -> None:
    built = rows().build(1)
    built.memory.flags.writeable = True
    built.memory[-1] ^= 1
    assert built.why_not_whole() == "the limit set was altered: its hash is not that of its rows"


@pytest.mark.parametrize("version", [0, -1, 1 << 64])
def test_a_version_is_above_0(version: int) -> None:
    with pytest.raises(ValueError, match="version"):
        rows().build(version)


@pytest.mark.parametrize(
    "counts", [(0, 1, 1, 1), (17, 1, 1, 1), (1, 65, 1, 1), (1, 1, 65, 1), (1, 1, 1, 65536)]
)
def test_an_engine_has_only_so_many_rows(counts: tuple[int, int, int, int]) -> None:
    venues, accounts, strategies, symbols = counts
    with pytest.raises(ValueError, match="an engine has"):
        Rows(n_venues=venues, n_accounts=accounts, n_strategies=strategies, n_symbols=symbols)


def test_as_many_names_as_rows() -> None:
    with pytest.raises(ValueError, match="names: not as many"):
        rows().build(1, Names(("x",), ("a", "b"), ("s", "t", "u"), ("A", "B", "C", "D")))


def test_what_makes_no_sense_is_one_sentence() -> None:
    made = rows()
    made.pairs["rate.burst"][1, 3] = 0
    with pytest.raises(ValueError, match=r"^account 1, symbol 3: rate.burst: is missing, but rate"):
        made.build(1)


def test_every_limit_names_a_check_and_a_unit_and_is_a_field() -> None:
    for scope in SCOPES:
        assert set(DTYPES[scope].names or ()) == {m.word for m in MEMBERS[scope]}
        for m in MEMBERS[scope]:
            assert Reason(1 << m.reason).ids
            assert m.text
            assert DTYPES[scope][m.word].itemsize == m.n_bytes
    with pytest.raises(KeyError, match="account has no limit 'max_qty'"):
        member("account", "max_qty")


# ---- Missing and off ----------------------------------------------------------------------------


@pytest.mark.parametrize("m", ALL, ids=lambda m: f"{m.scope} {m.word}")
def test_what_is_missing_and_what_is_off_is_found(m: Member) -> None:
    made = rows()
    group = [one for one in MEMBERS[m.scope] if one is m or (m.group and one.group == m.group)]
    last = made.of(m.scope)[-1:]
    for one in group:
        last[one.word] = 0
    n = len(made.of(m.scope)) - 1
    built = made.build(1)
    assert {one.word: list(at) for one, at in built.missing(m.scope)} == {
        one.word: [n] for one in group
    }
    assert not list(built.switched_off(m.scope))
    if not m.may_be_off:
        return
    for one in group:
        last[one.word] = one.off
    built = made.build(1)
    assert {one.word: list(at) for one, at in built.switched_off(m.scope)} == {
        one.word: [n] for one in group
    }
    assert not list(built.missing(m.scope))


def test_lots_that_were_located_are_missing_only_where_the_rule_asks_for_them() -> None:
    made = rows()
    made.pairs["located"] = 0
    made.pairs["short"] = [[1, 2, 3, 1], [2, 3, 3, 3]]
    found = {m.word: list(at) for m, at in made.build(1).missing("symbol")}
    assert found == {"located": [1, 4]}


# ---- Comparing ----------------------------------------------------------------------------------


def slow_compare(m: Member, was: int, now: int) -> How:
    """The same rules, written for a reader: what is allowed now and was not, and the reverse."""
    if was == now:
        return How(0)
    if m.direction == "BITS":
        less = How.TIGHTER if was & ~now else How(0)
        return less | (How.LOOSER if now & ~was else How(0))

    def rank(value: int) -> int | None:
        """How much it lets pass; None: that of another value says nothing about it."""
        if value == 0:
            return -1
        if m.may_be_off and value == m.off:
            return 1 << 70
        return {"LESS": value, "MORE": m.off - value}.get(m.direction)

    a, b = rank(was), rank(now)
    if (a is not None and b is not None) or -1 in (a, b) or 1 << 70 in (a, b):
        a, b = 0 if a is None else a, 0 if b is None else b
        return How.TIGHTER if b < a else How.LOOSER
    if m.direction == "GRID" and now % was == 0:
        return How.TIGHTER
    if m.direction == "GRID" and was % now == 0:
        return How.LOOSER
    return How.TIGHTER | How.LOOSER


def random_changes(seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of rows that both build and differ in a few limits."""
    draw = np.random.default_rng(seed)
    for _ in range(40):
        pair = rows(), rows()
        for made in pair:
            for _ in range(6):
                scope = SCOPES[draw.integers(len(SCOPES))]
                m = MEMBERS[scope][draw.integers(len(MEMBERS[scope]))]
                if m.group or m.unit in RULES:
                    continue
                values = [500, 1000, 1500, 2000, 3000, 0] + ([m.off] if m.may_be_off else [])
                if m.unit in ("STRATEGIES", "VENUES"):
                    values = [0, 1, 2, 3]
                at = draw.integers(len(made.of(scope)))
                made.of(scope)[m.word][at] = values[draw.integers(len(values))]
        yield pair


@pytest.mark.parametrize("seed", range(5))
def test_a_comparison_is_that_of_every_limit_by_itself(seed: int) -> None:
    n_seen = 0
    for was, now in random_changes(seed):
        wanted = []
        for scope in SCOPES:
            for row, (a, b) in enumerate(zip(was.of(scope), now.of(scope), strict=True)):
                for number, m in enumerate(MEMBERS[scope]):
                    how = slow_compare(m, int(a[m.word]), int(b[m.word]))
                    if how:
                        change = (int(a[m.word]), int(b[m.word]), row, number)
                        wanted.append((*change, SCOPES.index(scope), int(how)))
        found = compare(was.build(1), now.build(2))
        assert sorted(found.changes.tolist()) == sorted(wanted)
        assert found.how == How(np.bitwise_or.reduce([w[-1] for w in wanted] or [0]))
        assert sum(len(changes) for _, _, changes in found.groups()) == len(wanted)
        n_seen += len(wanted)
    assert n_seen > 100


def test_nothing_changes_but_the_version() -> None:
    found = compare(rows().build(1), rows().build(2))
    assert found.how == How(0)
    assert str(found.how) == "EQUAL"
    assert len(found.changes) == 0
    assert found.changes.dtype == CHANGE


def test_no_set_and_other_names_need_two_people() -> None:
    one = rows().build(1, NAMES)
    assert compare(None, one).how == How.LOOSER
    assert str(compare(one, rows().build(2)).how) == "TIGHTER|LOOSER|OTHER"


def test_changes_of_one_limit_come_together() -> None:
    was, now = rows(), rows()
    now.pairs["max_qty"][0] = 999
    now.pairs["max_qty"][1] = 1001
    now.accounts["max_loss"][1] = 1
    found = [
        (m.scope, m.word, how, changes["row"].tolist())
        for m, how, changes in compare(was.build(1), now.build(2)).groups()
    ]
    assert found == [
        ("account", "max_loss", How.TIGHTER, [1]),
        ("symbol", "max_qty", How.TIGHTER, [0, 1, 2, 3]),
        ("symbol", "max_qty", How.LOOSER, [4, 5, 6, 7]),
    ]
