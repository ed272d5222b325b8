"""Limits files: what they say is inherited as promised, and what is wrong with them is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("engine", reason="needs the compiled engine")

from engine.trade.limits import MEMBERS, SCOPES, Member, member
from harness import cli
from harness.config.limit_models import LimitsFile
from harness.config.limit_values import format_value, parse_value
from harness.config.limits import load_limits, tighter
from harness.config.loader import ConfigError, project_data
from harness.config.units import UnitError

HEAD = """\
version: 3
venues: {x: , y: }
strategies: {s: , t: }
accounts:
  main:
    every_symbol: {max_qty: 300, duplicates: {count: 5, window: 1s}, strategies: [s]}
    symbols:
      B: {max_qty: 900}
  small: {max_loss: 20k}
symbols:
  A: {max_qty: 100, duplicates: {count: 9, window: 2s}}
  B: {max_qty: 200}
  C: {max_qty: 500, strategies: [s, t]}
  D:
"""
N_HEAD = HEAD.count("\n")


def write(directory: Path, text: str, name: str = "limits.yaml") -> Path:
    path = directory / name
    path.write_text(text)
    return path


def faults(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_limits(path)
    assert caught.value.exit_code == 2
    return [line.replace(f"{path.parent}/", "") for line in caught.value.faults]


# ---- Inheritance --------------------------------------------------------------------------------


def test_the_most_special_place_holds_and_of_account_and_symbol_the_tighter(tmp_path: Path) -> None:
    pairs = load_limits(
        write(tmp_path, HEAD + "defaults: {symbol: {max_qty: 7000, tick: 0.01, strategies: all}}\n")
    ).set.pairs
    #                              A    B    C    D
    assert pairs["max_qty"].tolist() == [
        [100, 900, 300, 300],  # B: said of main and B; C: the account's is tighter than 500
        [100, 200, 500, 7000],
    ]
    assert pairs["tick"].tolist() == [[10_000_000] * 4] * 2
    assert pairs["duplicates.count"].tolist() == [[5, 5, 5, 5], [9, 0, 0, 0]]
    assert pairs["duplicates.window"].tolist() == [
        [2 * 10**9, 10**9, 10**9, 10**9],  # longer is tighter
        [2 * 10**9, 0, 0, 0],
    ]
    assert pairs["strategies"].tolist() == [[1, 1, 1, 1], [3, 3, 3, 3]]


def test_rows_of_other_kinds_inherit_from_their_default_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD
        + "defaults:\n  account: {max_loss: 1M, max_open: 5}\n  venue: {max_open: 7}\n"
        + "  strategy: {max_open: unlimited}\n",
    )
    found = load_limits(path).set
    assert found.accounts["max_loss"].tolist() == [1_000_000, 20_000]
    assert found.accounts["max_open"].tolist() == [5, 5]
    assert found.venues["max_open"].tolist() == [7, 7]
    assert found.strategies["max_open"].tolist() == [(1 << 32) - 1] * 2


def test_what_nobody_says_is_missing(tmp_path: Path) -> None:
    found = load_limits(write(tmp_path, HEAD)).set
    missing = {m.word: len(at) for m, at in found.missing("symbol")}
    assert missing["tick"] == 8
    assert missing["max_qty"] == 1  # small D
    assert missing["strategies"] == 3
    assert {m.word for m, _ in found.missing("global")} == {m.word for m in MEMBERS["global"]}


def test_a_restricted_symbol_may_be_traded_on_neither_side(tmp_path: Path) -> None:
    text = HEAD.replace("  small: {", "  small: {restricted: [A], every_symbol: {sides: buy}, ")
    path = write(tmp_path, text + "restricted: [B]\n")
    found = load_limits(path)
    assert found.set.pairs["sides"].tolist() == [[0, 0, 0, 0], [0, 0, 1, 1]]
    assert found.restricted == {"main": {"B"}, "small": {"A", "B"}}
    assert sorted(found.restricted_rows()) == [1, 4, 5]


def test_a_group_is_unlimited_in_one_word(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        HEAD + "defaults: {symbol: {rate: unlimited}, strategy: {ratios: {rejects: unlimited}}}\n",
    )
    found = load_limits(path).set
    off = {(m.scope, m.word) for scope in SCOPES for m, _ in found.switched_off(scope)}
    assert off == {
        *(("symbol", f"rate.{word}") for word in ("per_second", "burst", "cancel_reserve")),
        *(
            ("strategy", f"ratios.rejects.{word}")
            for word in ("alert", "trip", "min_sample", "window")
        ),
    }


def test_a_universe_gives_the_symbols_and_their_limits(tmp_path: Path) -> None:
    write(tmp_path, "symbol,tick,lot,max_qty\nE,0.05,10,\nA,0.01,1,50\n\nF,1.5,2,5k\n", "u.csv")
    found = load_limits(write(tmp_path, HEAD + "universe: u.csv\n"))
    assert found.names.symbols == ("E", "A", "F", "B", "C", "D")
    pairs = found.set.pairs
    assert pairs["tick"][1].tolist() == [50_000_000, 10_000_000, 1_500_000_000, 0, 0, 0]
    assert pairs["lot"][0].tolist() == [10, 1, 2, 0, 0, 0]
    # A: what `symbols` says holds; E says nothing; F: main's own 300 is tighter.
    assert pairs["max_qty"].tolist() == [
        [300, 100, 300, 900, 300, 300],
        [0, 100, 5000, 200, 500, 0],
    ]


@pytest.mark.parametrize(
    "m", [m for s in SCOPES for m in MEMBERS[s]], ids=lambda m: f"{m.scope} {m.word}"
)
def test_every_limit_can_be_written_and_is_read_back(m: Member) -> None:
    names = {"STRATEGIES": ("s", "t", "u"), "VENUES": ("x", "y")}
    values = (
        [1, 2, 3]
        if m.unit in ("SIDES", "SHORT_RULE", "SELF_TRADE")
        else [1, 10, 1000, 12_345, min(m.largest, 10**15)]
    )
    if m.unit in names:
        assert parse_value(m, "all") == ()
        assert parse_value(m, ("s", "t")) == ("s", "t")
        assert format_value(m, 3, names) == f"[{', '.join(names[m.unit][:2])}]"
        return
    for value in values:
        written: Any = format_value(m, value)
        number = int(written) if written.isdecimal() and m.unit != "PRICE" else written
        assert parse_value(m, number) == value
    if m.may_be_off:
        assert parse_value(m, "unlimited") == m.off
        assert format_value(m, m.off) == "unlimited"
    else:
        with pytest.raises(UnitError, match="cannot be unlimited"):
            parse_value(m, "unlimited")
    with pytest.raises(UnitError):
        parse_value(m, 0)


@pytest.mark.parametrize(
    ("word", "account", "symbol", "holds"),
    [
        ("max_qty", 5, 7, 5),
        ("max_qty", 7, 5, 5),
        ("max_qty", (1 << 64) - 1, 5, 5),
        ("duplicates.window", 5, 7, 7),
        ("duplicates.window", (1 << 64) - 1, 7, 7),
        ("duplicates.window", 5, (1 << 64) - 1, 5),
        ("strategies", 6, 3, 2),
        ("short", 1, 3, 1),
        ("tick", 5, 7, 7),  # neither is tighter: the symbol's
        ("moved.window", 5, (1 << 64) - 1, 5),
    ],
)
def test_of_two_limits_the_tighter(word: str, account: int, symbol: int, holds: int) -> None:
    assert tighter(member("symbol", word), account, symbol) == holds


# ---- What is wrong with a file ------------------------------------------------------------------

HOSTILE = [
    # (text after HEAD, the line counted from its end, what is said)
    ("more: 1", 1, "more: unknown key"),
    (
        "defaults: {symbol: {max_qti: 5}}",
        1,
        "defaults.symbol.max_qti: unknown key, did you mean 'max_qty'",
    ),
    (
        "defaults: {symbol: {rate: {burts: 5}}}",
        1,
        "defaults.symbol.rate.burts: unknown key, did you mean",
    ),
    (
        "defaults:\n  symbol:\n    max_qty: 5\n    max_qty: 6",
        4,
        "defaults.symbol.max_qty: given twice",
    ),
    ("version: 4", 1, "version: given twice, first in line 1"),
    ("defaults: {symbol: {max_qty: x}}", 1, "defaults.symbol.max_qty: not a quantity: 'x'"),
    ("defaults: {symbol: {max_qty: 1.5}}", 1, "max_qty: not a quantity: 1.5"),
    ("defaults: {symbol: {max_qty: -5}}", 1, "max_qty: not a quantity: -5"),
    ("defaults: {symbol: {max_qty: true}}", 1, "max_qty: not a quantity: True"),
    ("defaults: {symbol: {max_qty: 1e3}}", 1, "max_qty: not a quantity: '1e3'"),
    ("defaults: {symbol: {max_qty: 1_000}}", 1, "max_qty: not a quantity: '1_000'"),
    ("defaults: {symbol: {max_qty: 0x10}}", 1, "max_qty: not a quantity: '0x10'"),
    ("defaults: {symbol: {max_qty: }}", 1, "max_qty: has no value"),
    ("defaults: {symbol: {max_qty: 0}}", 1, "max_qty: 0 would be a missing limit"),
    ("defaults: {symbol: {max_qty: [5]}}", 1, "max_qty: not a quantity"),
    ("defaults: {symbol: {max_qty: 9999999999G}}", 1, "max_qty: too large"),
    ("defaults: {symbol: {max_qty: 99999999999999999999}}", 1, "max_qty: not a quantity"),
    ("defaults: {symbol: {max_qty: .inf}}", 1, "max_qty: not a quantity: '.inf'"),
    (
        "defaults: {symbol: {max_open: 3000000000}}",
        1,
        "max_open: too large: 3000000000 (at most 2147483648)",
    ),
    ("defaults: {symbol: {tick: 0.0000000001}}", 1, "tick: not a price"),
    ("defaults: {symbol: {tick: '1.0000000001'}}", 1, "tick: not a price"),
    ("defaults: {symbol: {tick: 1234567.123456789}}", 1, "tick: more digits than a number keeps"),
    ("defaults: {symbol: {tick: unlimited}}", 1, "tick: cannot be unlimited"),
    ("defaults: {symbol: {lot: 2.0}}", 1, "lot: not a quantity: 2.0"),
    ("defaults: {symbol: {max_data_age: 10}}", 1, "max_data_age: no unit: 10"),
    ("defaults: {symbol: {max_data_age: 0.5ns}}", 1, "max_data_age: not a duration"),
    ("defaults: {symbol: {max_data_age: 99999999999h}}", 1, "max_data_age: too large"),
    (
        "defaults: {symbol: {rate: {burst: 5}}}",
        1,
        "defaults.symbol: rate.per_second: is missing, but rate.burst",
    ),
    (
        "defaults:\n  symbol:\n    max_qty: 5\n"
        "    rate: {per_second: 1k/s, burst: 5, cancel_reserve: 5}",
        4,
        "rate.cancel_reserve: 5 leaves no order in a burst of 5",
    ),
    (
        "defaults: {symbol: {rate: {per_second: 1k, burst: 5}}}",
        1,
        "rate.per_second: not a rate: '1k'",
    ),
    (
        "defaults: {symbol: {duplicates: {count: unlimited, window: 1s}}}",
        1,
        "duplicates.count and duplicates.window: only both can be unlimited",
    ),
    ("defaults: {symbol: {rate: 5}}", 1, "rate: not a mapping"),
    ("defaults: {symbol: {sides: none}}", 1, "sides: not one of buy, sell, both: 'none'"),
    ("defaults: {symbol: {short: off}}", 1, "short: not one of forbidden, located, free: 'off'"),
    ("defaults: {symbol: {self_trade: off}}", 1, "self_trade: not one of cancel_new"),
    ("defaults: {symbol: {strategies: []}}", 1, "strategies: neither all nor a list of names: []"),
    ("defaults: {symbol: {strategies: [u]}}", 1, "defaults.symbol.strategies: there is no 'u'"),
    ("defaults: {symbol: {venues: [x, x]}}", 1, "venues: names one twice"),
    ("defaults: {symbol: {venues: [true]}}", 1, "venues: not a name: True"),
    (
        "defaults: {strategy: {ratios: "
        "{rejects: {alert: 5%, trip: 4%, min_sample: 3, window: 1s}}}}",
        1,
        "ratios.rejects: the alert is above the trip",
    ),
    (
        "defaults: {strategy: {ratios: {rejects: {alert: 0.01%}}}}",
        1,
        "alert: finer than a tenth of a percent",
    ),
    ("restricted: [Z]", 1, "restricted.0: there is no symbol 'Z'"),
    ("restricted: [A, A]", 1, "restricted: named twice: 'A'"),
    ("restricted: [1]", 1, "restricted: not a symbol: 1 (write it in quotes)"),
    ("engine: {max_open: x}", 1, "engine.max_open: not a whole number: 'x'"),
    ("universe: gone.csv", 0, "gone.csv: no such file"),
    ("why: &a x", 1, "anchor &a"),
    ("why: !!python/object:os.system x", 1, "tags are not used here"),
    ("why: {<<: {a: 1}}", 1, "merge key"),
    ("---\nversion: 3", 1, "a second document"),
    ("why: [", None, "not YAML"),
    ("why: \x07", None, "not YAML"),
    ("why: " + "[" * 40 + "]" * 40, 1, "nested deeper than 32 levels"),
]


@pytest.mark.parametrize(("text", "at", "said"), HOSTILE, ids=[text[:60] for text, _, _ in HOSTILE])
def test_a_hostile_file_is_one_line_that_says_where(
    tmp_path: Path, text: str, at: int | None, said: str
) -> None:
    found = faults(write(tmp_path, HEAD + text + "\n"))
    assert len(found) == 1, found
    assert said in found[0]
    assert found[0].isprintable()
    if at:
        assert found[0].startswith(f"limits.yaml:{N_HEAD + at}: "), found[0]


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ("", "is empty"),
        ("- 1\n", "is not a mapping"),
        (HEAD.replace("version: 3\n", ""), "version: is missing"),
        (HEAD.replace("version: 3", "version: 0"), "limits.yaml:1: version: must be greater than"),
        (HEAD.replace("version: 3", "version: 3.0"), "limits.yaml:1: version: not an integer: 3.0"),
        (HEAD.replace("version: 3", "version: 9223372036854775808"), "limits.yaml:1: version: "),
        (HEAD.replace("{x: , y: }", "{}"), "limits.yaml:2: venues: an engine has 1 to 16 of them"),
        (HEAD.replace("{x: , y: }", "[x]"), "limits.yaml:2: venues: not a mapping"),
        (
            HEAD.replace("{x: , y: }", str({f"v{i}": {} for i in range(17)})),
            "limits.yaml:2: venues: an engine has 1 to 16 of them, not 17",
        ),
        (HEAD.replace("{s: , t: }", "{'s t': }"), "limits.yaml:3: strategies: not a name: 's t'"),
        (
            HEAD.replace("  small: {", "  sm/all: {"),
            "limits.yaml:4: accounts: not a name: 'sm/all'",
        ),
        (
            HEAD.replace("      B: {max", "      X: {max"),
            "limits.yaml:8: accounts.main.symbols.X: there is no symbol",
        ),
        (HEAD.replace("  D:\n", "  'D\\n': \n".replace("'", '"')), "symbols: not a symbol: 'D\\n'"),
        (
            HEAD.replace("max_loss: 20k", "max_qty: 5"),
            "limits.yaml:9: accounts.small.max_qty: unknown key",
        ),
    ],
)
def test_a_file_without_what_it_must_have_says_so(tmp_path: Path, head: str, said: str) -> None:
    found = faults(write(tmp_path, head))
    assert len(found) == 1, found
    assert said in found[0]


def test_all_faults_of_values_are_told_together(tmp_path: Path) -> None:
    text = "defaults: {symbol: {max_qty: x, tick: y, rate: {burst: z}}}\nengine: {max_open: w}\n"
    assert len(faults(write(tmp_path, HEAD + text))) == 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "u.csv:1: the header must begin with 'symbol'"),
        ("symbol\n", "u.csv: names no symbol"),
        ("name,tick\nA,1\n", "u.csv:1: the header must begin with 'symbol'"),
        ("symbol,tik\nA,1\n", "u.csv:1: no limit of a symbol: 'tik'; there are tick, lot"),
        ("symbol,tick,tick\nA,1,1\n", "u.csv:1: names a column twice"),
        ("symbol,tick\nA\n", "u.csv:2: has 1 cells, not 2"),
        ("symbol,tick\nA,1,2\n", "u.csv:2: has 3 cells, not 2"),
        ("symbol,tick\nA,x\n", "u.csv:2: A.tick: not a price: 'x'"),
        ("symbol,lot\nA,1\nB,1.5\n", "u.csv:3: B.lot: not a quantity: 1.5"),
        ("symbol,lot\nA,1\nA,1\n", "u.csv:3: A: given twice, first in line 2"),
        ("symbol,lot\nA B\tC,1\n", "u.csv:2: not a symbol: 'A B\\tC'"),
        ("symbol,lot\n,1\n", "u.csv:2: not a symbol: ''"),
        ('symbol,lot\n"A,1\n', "u.csv:2: not CSV: unexpected end of data"),
        ("symbol,rate.burst\nA,5\n", "u.csv:2: A: rate.per_second: is missing, but rate.burst"),
        ("symbol,strategies\nA,s\n", "u.csv:2: A.strategies: neither all nor a list"),
    ],
)
def test_a_hostile_universe_is_one_line_that_says_where(
    tmp_path: Path, text: str, said: str
) -> None:
    write(tmp_path, text, "u.csv")
    found = faults(write(tmp_path, HEAD + "universe: u.csv\n"))
    assert len(found) == 1, found
    assert found[0].startswith(said), found[0]


def test_an_absurd_universe_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "symbol\n" + "".join(f"{i}\n" for i in range(65536)), "u.csv")
    assert (
        "an engine has 1 to 65535 of them, not 65540"
        in faults(write(tmp_path, HEAD + "universe: u.csv\n"))[0]
    )


# ---- The example, and the documents -------------------------------------------------------------

EXAMPLE = project_data("scenarios/limits/firm.yaml")


def test_the_example_is_complete() -> None:
    found = load_limits(EXAMPLE)
    for scope in SCOPES:
        missing = {m.word: list(at) for m, at in found.set.missing(scope)}
        assert missing == ({"sides": found.restricted_rows()} if scope == "symbol" else {})


def test_the_guide_explains_every_key_of_a_file() -> None:
    guide = (Path(__file__).parents[2] / "docs/guides/limits.md").read_text()
    explained = set(re.findall(r"^\| `([a-z_.*]+)` \|", guide, re.MULTILINE))
    ratios = re.compile(r"ratios\.[a-z]+")
    words = {ratios.sub("ratios.*", m.word) for scope in SCOPES for m in MEMBERS[scope]}
    assert explained == words | set(LimitsFile.model_fields) | {"every_symbol"}


# ---- The command line ---------------------------------------------------------------------------


def redline(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = cli.main([str(one) for one in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_check_says_what_a_file_holds(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = redline(capsys, "limits", "check", EXAMPLE)
    assert (code, err) == (0, "")
    assert load_limits(EXAMPLE).set.sha256 in out
    assert "2 accounts x 9 symbols, 3 strategies, 2 venues" in out
    assert "restricted  retail: GME" in out
    assert "13 of 14 with a limit are on everywhere" in out
    assert re.search(r"unlimited +strategy +ratios.cancels.trip +1 of 3: hedge", out)


def test_check_names_what_is_missing_and_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path, HEAD)
    code, out, _ = redline(capsys, "limits", "check", path)
    assert code == 1
    assert re.search(r"MISSING +symbol +max_qty +1 of 8: small D", out)
    assert re.search(r"MISSING +symbol +tick +everywhere", out)
    code, out, _ = redline(capsys, "limits", "check", path, "--json")
    assert code == 1
    assert json.loads(out)["missing"]["symbol"]["max_qty"] == 1


def test_check_of_a_bad_file_is_one_line_and_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path, HEAD + "defaults: {symbol: {max_qty: x}}\n")
    code, out, err = redline(capsys, "limits", "check", path)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith(f"{path}:{N_HEAD + 1}: defaults.symbol.max_qty: not a quantity: 'x'")


@pytest.mark.parametrize(
    ("change", "code", "line", "verdict"),
    [
        (
            ("max_loss: 20k", "max_loss: 10k"),
            0,
            "TIGHTER          account   max_loss +small 20000 -> 10000",
            "TIGHTER: anybody",
        ),
        (
            ("max_loss: 20k", "max_loss: 30k"),
            1,
            "LOOSER           account   max_loss +small 20000 -> 30000",
            "LOOSER: two people",
        ),
        (
            ("max_loss: 20k", "max_loss: unlimited"),
            1,
            "LOOSER .* 20000 -> unlimited",
            "LOOSER: two people",
        ),
        (("{max_loss: 20k}", "{}"), 0, "TIGHTER .* 20000 -> missing", "TIGHTER: anybody"),
        (
            ("strategies: [s]}", "strategies: [t]}"),
            1,
            r"TIGHTER\|LOOSER +symbol +strategies +main A \[s\] -> \[t\]",
            "LOOSER: two people",
        ),
        (("  D:\n", ""), 1, "TIGHTER .* max_qty +main D 300 -> missing", "OTHER NAMES: two people"),
        (
            ("  D:\n", "  D:\n  E:\n"),
            1,
            "LOOSER .* max_qty +main E missing -> 300",
            "OTHER NAMES: two people",
        ),
        (("{s: , t: }", "{r: , s: , t: }"), 1, "", "OTHER NAMES: two people"),
        (("version: 3", "version: 5"), 0, "", "no limit changes"),
    ],
)
def test_diff_says_which_way_every_limit_goes(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    change: tuple[str, str],
    code: int,
    line: str,
    verdict: str,
) -> None:
    old = write(tmp_path, HEAD)
    text = HEAD.replace("version: 3", "version: 4").replace(*change)
    assert text != HEAD.replace("version: 3", "version: 4") or change[0] == "version: 3"
    new = write(tmp_path, text, "new.yaml")
    found, out, err = redline(capsys, "limits", "diff", old, new)
    assert (found, err) == (code, "")
    assert re.search(line, out), out
    assert verdict in out.splitlines()[-1]
    found, out, _ = redline(capsys, "limits", "diff", old, new, "--json")
    assert json.loads(out)["needs_two"] == (code == 1)


def test_a_strategy_added_in_front_changes_no_permission(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = HEAD.replace("version: 3", "version: 4").replace("{s: , t: }", "{r: , s: , t: }")
    _, out, _ = redline(
        capsys, "limits", "diff", write(tmp_path, HEAD), write(tmp_path, text, "new.yaml")
    )
    assert " strategies " not in out
