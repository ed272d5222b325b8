"""What a profile may say of a knob: the kernel's text, or one clear line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tuning.knobs import CATALOGUE
from harness.tuning.knobs.values import Cpus, Name, Number, Numbers, Switch, Takes, Words, shown

NAMES = sorted(CATALOGUE)
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=60),
    st.binary(max_size=8),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=3),
)


@pytest.mark.parametrize(
    ("takes", "value", "text"),
    [
        (Number(0, 9), 7, "7"),
        (Number(0, 9), "7", "7"),
        (Number(-1, 9), -1, "-1"),
        (Number(0, 9), "007", "7"),
        (Number(1, 9, {"max": "max"}), "max", "max"),
        (Numbers(("a", "b"), 0, 9), "3 \t4", "3 4"),
        (Words(("never", "always")), "never", "never"),
        (Switch(), True, "1"),
        (Switch(), "off", "0"),
        (Switch(), 0, "0"),
        (Switch("Y", "N"), "on", "Y"),
        (Switch("Y", "N"), "N", "N"),
        (Cpus(), "3,1,2", "1-3"),
        (Cpus(), 5, "5"),
        (Name("a clock"), "kvm-clock", "kvm-clock"),
    ],
)
def test_a_value_becomes_the_text_of_the_kernel(takes: Takes, value: object, text: str) -> None:
    assert takes.parse(value) == text
    assert takes.parse(text) == text  # what was parsed once can be parsed again


@pytest.mark.parametrize(
    ("takes", "value", "said"),
    [
        (Number(0, 9), 10, "not 0 to 9: 10"),
        (Number(0, 9), "-1", "not 0 to 9: -1"),
        pytest.param(Number(0, 9), 10**5000, "not 0 to 9: a number of 16610 bits", id="huge"),
        (Number(0, 9), "9" * 30, f"not a number: '{'9' * 30}'"),
        (Number(0, 9), float("nan"), "not a number: 'nan'"),
        (Number(0, 9), 1.0, "not a number: '1.0'"),
        (Number(0, 9), True, "not a number: 'True'"),
        (Number(0, 9), "٣", "not a number: '٣'"),
        (Number(0, 9), "1_0", "not a number: '1_0'"),
        (Number(0, 9), "1\x1b[2J", "not a number: '1\\x1b[2J'"),
        (Number(1, 9, {"max": "max"}), "min", "not a number or max: 'min'"),
        (Numbers(("a", "b"), 0, 9), "3", "not the numbers a b: '3'"),
        (Numbers(("a", "b"), 0, 9), "3 x", "not the numbers a b: '3 x'"),
        (Numbers(("a", "b"), 0, 9), "3 10", "not the numbers a b: '3 10'"),
        (Numbers(("a", "b"), 0, 9, is_rising=True), "4 3", "a b have to rise: '4 3'"),
        (Words(("never",)), "Never", "none of never: 'Never'"),
        (Switch(), "yes", "neither on nor off: 'yes'"),
        (Switch(), 2, "neither on nor off: '2'"),
        (Switch("Y", "N"), 1, "neither on nor off: '1'"),
        (Cpus(), "", "not a list of CPUs like 0-2,5: ''"),
        (Cpus(), "5-2", "not a list of CPUs like 0-2,5: '5-2'"),
        (Cpus(), "0-99999", "not a list of CPUs like 0-2,5: '0-99999'"),
        (Cpus(), "0-7:1/2", "not a list of CPUs like 0-2,5: '0-7:1/2'"),
        (Cpus(), True, "not a list of CPUs like 0-2,5: 'True'"),
        (Name("a clock"), "../tsc", "not the name of a clock: '../tsc'"),
        (Name("a clock"), "tsc\n", "not the name of a clock: 'tsc\\n'"),
        (Name("a clock"), "-o", "not the name of a clock: '-o'"),
    ],
)
def test_what_is_none_is_told_in_one_line(takes: Takes, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=r"^n|^a b") as caught:
        takes.parse(value)
    assert str(caught.value) == said


@given(value=anything, name=st.sampled_from(NAMES))
def test_anything_at_all_is_a_value_or_one_printable_line(value: object, name: str) -> None:
    knob = CATALOGUE[name]
    said, parsed = "", None
    try:
        parsed = knob.parse(value)
    except ValueError as error:
        said = str(error)
    assert said.isprintable()
    assert said or (parsed is not None and knob.parse(parsed) == parsed)


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, "\x00" * 50, [[]] * 999, [10**9999], object, pytest.param(10**9999, id="huge")],
)
def test_what_is_shown_is_short(value: object) -> None:
    assert len(shown(value)) < 250
    assert shown(value).isprintable()
