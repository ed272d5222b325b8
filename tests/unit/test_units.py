"""Numbers with units become exact integers, or a sentence that says what was seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.config.units import (
    UnitError,
    format_duration,
    format_price,
    format_rate,
    format_share,
    format_size,
    parse_duration,
    parse_price,
    parse_rate,
    parse_share,
    parse_size,
    positive,
)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("500ns", 500),
        ("0s", 0),
        ("1.5us", 1_500),
        ("20 ms", 20_000_000),
        ("10s", 10_000_000_000),
        ("1min", 60_000_000_000),
        ("4h", 4 * 3600 * 10**9),
        ("0.000000001s", 1),
        ("0.01h", 36 * 10**9),
    ],
)
def test_a_duration_is_read_to_the_nanosecond(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "per_s"),
    [("1M/s", 10**6), ("250k/s", 250_000), ("1.5M/s", 1_500_000), ("7/s", 7), ("2G/s", 2 * 10**9)],
)
def test_a_rate_is_read_exactly(text: str, per_s: int) -> None:
    assert parse_rate(text) == per_s


@pytest.mark.parametrize(("text", "n"), [("64KiB", 65536), ("1MiB", 1 << 20), ("512B", 512)])
def test_a_size_is_read_in_bytes(text: str, n: int) -> None:
    assert parse_size(text) == n


@pytest.mark.parametrize(("text", "bp"), [("5%", 500), ("500bp", 500), ("0.01%", 1), ("0%", 0)])
def test_a_share_is_read_in_basis_points(text: str, bp: int) -> None:
    assert parse_share(text) == bp


@pytest.mark.parametrize(
    ("parse", "text", "says"),
    [
        (parse_rate, "fast", "not a rate: 'fast'"),
        (parse_rate, "1m/s", "unit 'm/s' is not one of /s, k/s, M/s, G/s"),
        (parse_rate, "1e6/s", "not a rate: '1e6/s'"),
        (parse_rate, "0.5/s", "not a whole number of events per second"),
        (parse_rate, 1_000_000, "no unit: 1000000"),
        (parse_duration, "10", "no unit: '10'"),
        (parse_duration, 10, "no unit: 10"),
        (parse_duration, 2.5, "no unit: 2.5"),
        (parse_duration, "-1s", "not a duration: '-1s'"),
        (parse_duration, "1_000ms", "not a duration: '1_000ms'"),
        (parse_duration, "0.5ns", "'0.5ns' is not a whole number of nanoseconds"),
        (parse_duration, "10m", "unit 'm' is not one of ns, us, ms, s, min, h"),
        (parse_duration, "9" * 19 + "s", "not a duration"),
        (parse_duration, "٣s", "not a duration"),
        (parse_duration, True, "not a duration: True"),
        (parse_duration, None, "not a duration: None"),
        (parse_duration, "", "not a duration: ''"),
        (parse_size, "1MB", "unit 'MB' is not one of B, KiB, MiB, GiB"),
        (parse_share, "0.001%", "not a whole number of basis points"),
        (positive(parse_rate), "0/s", "must be more than zero: '0/s'"),
    ],
)
def test_what_is_no_quantity_is_refused_with_what_was_seen(
    parse: Callable[[object], int], text: object, says: str
) -> None:
    with pytest.raises(UnitError) as refused:
        parse(text)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("write", "read"),
    [
        (format_duration, parse_duration),
        (format_rate, parse_rate),
        (format_size, parse_size),
        (format_share, parse_share),
    ],
)
@given(value=st.integers(0, 10**17))
def test_a_quantity_written_out_reads_back_as_itself(
    write: Callable[[int], str], read: Callable[[object], int], value: int
) -> None:
    assert read(write(value)) == value


def test_a_fraction_is_never_rounded_by_binary_arithmetic() -> None:
    assert parse_duration("0.1s") * 3 == parse_duration("0.3s")
    assert parse_rate("0.000000001G/s") == 1


@pytest.mark.parametrize(
    ("text", "nano"),
    [("0.25", 250_000_000), (4772.5, 4_772_500_000_000), (3, 3 * 10**9), (0.1, 10**8)],
)
def test_a_price_is_read_to_the_nano(text: object, nano: int) -> None:
    assert parse_price(text) == nano
    assert parse_price(format_price(nano)) == nano


@pytest.mark.parametrize("text", ["1.0000000001", "-1", "1e3", "1 USD", True, None, 1e30])
def test_what_is_no_price_is_refused(text: object) -> None:
    with pytest.raises(UnitError, match="not a price: "):
        parse_price(text)


def test_the_largest_unit_that_fits_is_written() -> None:
    assert format_duration(90 * 10**9) == "90s"
    assert format_duration(3600 * 10**9) == "1h"
    assert format_rate(1_500_000) == "1500k/s"
    assert format_size(1 << 20) == "1MiB"
    assert format_share(0) == "0bp"
