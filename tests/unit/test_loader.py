"""Configuration files: each trap of YAML refused, each fault named with its line and path."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BeforeValidator, Field

from harness.config import loader, strict_yaml
from harness.config.fields import Duration, Rate, Strict
from harness.config.loader import ConfigError, FieldFault, project_data
from harness.config.strict_yaml import YamlError


class Cat(Strict):
    kind: Literal["cat"]
    lives: Annotated[int, Field(ge=1)]


class Dog(Strict):
    kind: Literal["dog"]
    tricks: tuple[str, ...] = ()


def _ticket(value: object) -> object:
    return {"price": value} if isinstance(value, int) else value


class Ticket(Strict):
    price: int


class Zoo(Strict):
    name: str
    pair: Annotated[tuple[Cat, ...], Field(min_length=1)] = (Cat(kind="cat", lives=1),)
    ticket: Annotated[
        Ticket | None, BeforeValidator(_ticket, json_schema_input_type=int | Ticket | None)
    ] = None
    open: bool = True
    rate_per_s: Annotated[Rate | None, Field(alias="rate")] = None
    animals: tuple[Annotated[Cat | Dog, Field(discriminator="kind")], ...] = ()
    shift_ns: Annotated[Duration, Field(alias="shift")] = 0
    weight: float = 1.0


def faults(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as refused:
        loader.parse(text, Zoo, name="zoo.yaml")
    assert refused.value.exit_code == 2
    return refused.value.faults


def test_a_good_file_becomes_a_frozen_model() -> None:
    zoo = loader.parse(
        "name: north\nrate: 250k/s\nanimals:\n- {kind: cat, lives: 9}\n", Zoo, name="zoo.yaml"
    )
    assert zoo == Zoo.model_construct(
        name="north",
        open=True,
        rate_per_s=250_000,
        animals=(Cat(kind="cat", lives=9),),
        shift_ns=0,
        weight=1.0,
        pair=(Cat(kind="cat", lives=1),),
        ticket=None,
    )
    with pytest.raises(ValueError, match="frozen"):
        zoo.name = "south"


def test_every_fault_of_a_file_is_listed_in_the_order_of_its_lines() -> None:
    assert faults("nam: x\nanimals:\n- kind: cat\n  lives: many\nrate: fast\nopen: yes\n") == (
        "zoo.yaml:1: name: is missing",
        "zoo.yaml:1: nam: unknown key, did you mean 'name'?; "
        "allowed: name, pair, ticket, open, rate, animals, shift, weight",
        "zoo.yaml:4: animals.0.lives: not an integer: 'many'",
        "zoo.yaml:5: rate: not a rate: 'fast' (write it like 1M/s, 250k/s or 100/s)",
        "zoo.yaml:6: open: not true or false: 'yes'",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: a\nname: b\n", "zoo.yaml:2: name: given twice, first in line 1"),
        ("name: &x a\n", "zoo.yaml:1: anchor &x: write the value out"),
        ("name: &x a\nb: *x\n", "zoo.yaml:2: alias *x: write the value out"),
        ("<<: {name: a}\n", "zoo.yaml:1: merge key <<: write the values out"),
        ("name: !!python/name:os.system x\n", "zoo.yaml:1: tag !!python/name:os.system: tags are"),
        ("name: !!str 1\n", "zoo.yaml:1: tag !!str: tags are not used here"),
        ("name: a\n---\nname: b\n", "zoo.yaml:2: a second document starts here"),
        ("? [a, b]\n: c\n", "zoo.yaml:1: a key must be a word"),
        ("name: a\n\tx: b\n", "zoo.yaml:2: not YAML: "),
        ("name: [a\n", "zoo.yaml:2: not YAML: "),
        ("name: a\nb: \x01\n", "zoo.yaml:2: not YAML: character #x0001 is not allowed"),
        ("", "zoo.yaml: is empty"),
        ("# only a comment\n", "zoo.yaml: is empty"),
        ("- a\n- b\n", "zoo.yaml:1: is not a mapping of keys to values"),
        ("name: " + "[" * 5000, "zoo.yaml:1: nested deeper than 32 levels"),
        ("name: 12\n", "zoo.yaml:1: name: not text: 12"),
        ("name: true\n", "zoo.yaml:1: name: not text: true"),
        ("name:\n", "zoo.yaml:1: name: not text: nothing"),
        ("name: [a]\n", "zoo.yaml:1: name: not text: ['a']"),
        ("name: a\nanimals: {}\n", "zoo.yaml:2: animals: not a list: {}"),
        ("name: a\nanimals: [3]\n", "zoo.yaml:2: animals.0: not a mapping of keys to values: 3"),
        ("name: a\nanimals:\n- lives: 1\n", "zoo.yaml:3: animals.0.kind: is missing"),
        ("name: a\nanimals:\n- kind: cow\n", "animals.0.kind: not one of 'cat', 'dog': 'cow'"),
        ("name: a\nanimals:\n- {kind: cat}\n", "zoo.yaml:3: animals.0.lives: is missing"),
        (
            "name: a\nanimals:\n- kind: cat\n  lives: 0\n",
            "zoo.yaml:4: animals.0.lives: must be greater than or equal to 1: 0",
        ),
        (
            "name: a\nanimals:\n- kind: dog\n  trick: [sit]\n",
            "zoo.yaml:4: animals.0.trick: unknown key, did you mean 'tricks'?; "
            "allowed: kind, tricks",
        ),
        ("name: a\nshift: 1:30\n", "zoo.yaml:2: shift: not a duration: '1:30'"),
        ("name: a\nshift: 90\n", "zoo.yaml:2: shift: no unit: 90"),
        ("name: a\nweight: .inf\n", "zoo.yaml:2: weight: not a number: '.inf'"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_path(text: str, says: str) -> None:
    lines = faults(text)
    assert any(says in line for line in lines), lines
    assert all("\n" not in line for line in lines)


def test_a_file_cannot_write_control_characters_to_the_terminal() -> None:
    (line,) = faults('name: a\n"x\\n\\e[31m": 1\n')
    assert line.startswith(r"zoo.yaml:2: x\n\x1b[31m: unknown key")


@pytest.mark.parametrize("trap", ["0755", "0o17", "0x1F", "1_000", "1:30", "+1", "1e3", "1.5"])
def test_what_only_looks_like_an_integer_is_no_integer(trap: str) -> None:
    seen = trap if trap == "1.5" else repr(trap)
    text = f"name: a\nanimals:\n- kind: cat\n  lives: {trap}\n"
    assert faults(text) == (f"zoo.yaml:4: animals.0.lives: not an integer: {seen}",)


@pytest.mark.parametrize("trap", ["on", "off", "yes", "no", "y", "n", "True", "FALSE", "1"])
def test_what_only_looks_like_a_truth_value_is_none(trap: str) -> None:
    (line,) = faults(f"name: a\nopen: {trap}\n")
    assert line.startswith("zoo.yaml:2: open: not true or false: ")


@pytest.mark.parametrize("word", ["no", "NO", "on", "0000:08:00.0", "2024-01-01", "0755", "12:30"])
def test_a_word_in_a_text_field_stays_the_word(word: str) -> None:
    assert loader.parse(f"name: {word}\n", Zoo, name="zoo.yaml").name == word


def test_a_quoted_number_is_text() -> None:
    assert loader.parse("name: '12'\n", Zoo, name="zoo.yaml").name == "12"


def test_a_list_whose_only_entry_is_wrong_is_not_called_empty_as_well() -> None:
    assert faults("name: n\npair:\n- {kind: cat, lives: 0}\n") == (
        "zoo.yaml:3: pair.0.lives: must be greater than or equal to 1: 0",
    )
    assert faults("name: n\npair: []\n") == ("zoo.yaml:2: pair: needs at least 1 of them, has 0",)


def test_an_unknown_key_of_what_has_a_short_form_is_told_the_keys_there_are() -> None:
    assert faults("name: n\nticket: {prize: 3}\n")[-1] == (
        "zoo.yaml:2: ticket.prize: unknown key, did you mean 'price'?; allowed: price"
    )


def test_a_fault_found_below_a_model_points_at_its_field() -> None:
    class Pair(Strict):
        low: int
        high: int

        def model_post_init(self, context: object) -> None:
            if self.low > self.high:
                raise FieldFault(("low",), "is above high")

    class Outer(Strict):
        pairs: tuple[Pair, ...]

    with pytest.raises(ConfigError) as refused:
        loader.parse("pairs:\n- high: 1\n  low: 2\n", Outer, name="o.yaml")
    assert refused.value.faults == ("o.yaml:3: pairs.0.low: is above high",)


@given(st.text(max_size=200))
def test_any_text_is_parsed_or_refused_with_faults(text: str) -> None:
    with contextlib.suppress(YamlError):  # anything else is a defect
        strict_yaml.parse(text)


class TestFiles:
    """What may be wrong with a file before its first line is read."""

    def refused(self, path: Path) -> str:
        with pytest.raises(ConfigError) as error:
            loader.load(path, Zoo)
        (line,) = error.value.faults
        return line

    def test_a_missing_file_is_named_with_its_nearest_neighbour(self, tmp_path: Path) -> None:
        (tmp_path / "week1.yaml").write_text("name: a\n")
        missing = tmp_path / "wek1.yaml"
        assert self.refused(missing) == f"{missing}: no such file, did you mean 'week1.yaml'?"

    def test_a_missing_directory_is_only_named(self, tmp_path: Path) -> None:
        missing = tmp_path / "no" / "a.yaml"
        assert self.refused(missing) == f"{missing}: no such file"

    def test_a_directory_is_no_file(self, tmp_path: Path) -> None:
        assert self.refused(tmp_path) == f"{tmp_path}: is a directory, not a file"

    def test_a_device_is_not_read(self) -> None:
        assert self.refused(Path("/dev/zero")) == "/dev/zero: is not a regular file"

    def test_what_is_not_utf_8_is_said_with_its_place(self, tmp_path: Path) -> None:
        path = tmp_path / "latin.yaml"
        path.write_bytes(b"name: M\xfcller\n")
        assert self.refused(path) == f"{path}: is not UTF-8 text (byte 7)"

    def test_a_huge_file_is_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "huge.yaml"
        path.write_bytes(b"#" * (loader.MAX_BYTES + 1))
        assert "a configuration has at most" in self.refused(path)

    def test_a_path_through_a_file_is_one_line(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("")
        assert self.refused(tmp_path / "a" / "b.yaml").endswith("b.yaml: not a directory")

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self, tmp_path: Path) -> None:
        path = tmp_path / "bom.yaml"
        path.write_bytes(b"\xef\xbb\xbfname: a\n")
        assert loader.load(path, Zoo).name == "a"


class TestProjectData:
    """Where a relative name is looked for."""

    def test_beside_the_file_that_mentions_it_first(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for place in ("here", "there"):
            (tmp_path / place).mkdir()
            (tmp_path / place / "m.yaml").write_text("")
        monkeypatch.chdir(tmp_path / "here")
        assert project_data("m.yaml") == Path("m.yaml")
        beside = tmp_path / "there" / "s.yaml"
        assert project_data("m.yaml", beside=beside) == tmp_path / "there" / "m.yaml"

    def test_what_comes_with_redline_is_found_from_anywhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert project_data("scenarios/week1.yaml").is_file()

    def test_a_name_found_nowhere_comes_back_for_the_message(self) -> None:
        assert project_data("no/such.yaml") == Path("no/such.yaml")
