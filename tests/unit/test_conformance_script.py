"""Conformance scripts: what a line means, how messages are made whole, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.conformance.message import complete, framed
from harness.conformance.play import START_NS
from harness.conformance.script import MAX_FILE, MAX_LINE, Kind, ScriptError, read_script
from harness.conformance.versions import VERSIONS, candidates, named
from harness.errors import RedlineError


def written(folder: Path, *lines: str, name: str = "a.def") -> Path:
    """A script; `|` stands for SOH."""
    path = folder / name
    path.write_bytes("\n".join(lines).replace("|", "\x01").encode("latin-1"))
    return path


def soh(text: str) -> bytes:
    return text.replace("|", "\x01").encode("latin-1")


# --- lines ---


def test_every_kind_of_line_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        *("# a comment", "", "iCONNECT", "I8=FIX.4.4|35=0|", "E2,8=FIX.4.4|35=0|"),
        *("i2,CONNECT", "i2,DISCONNECT", "e3,DISCONNECT", "eCONNECT", "R8=FIX.4.4|"),
    )
    read = [(line.number, line.kind, line.connection) for line in read_script(path).lines]
    assert read == [
        (3, Kind.CONNECT, 1),
        (4, Kind.SEND, 1),
        (5, Kind.EXPECT, 2),
        (6, Kind.CONNECT, 2),
        (7, Kind.DISCONNECT, 2),
        (8, Kind.WAIT_DISCONNECT, 3),
        (9, Kind.WAIT_CONNECT, 1),
        (10, Kind.SEND, 1),  # what the far side of an initiator answers
    ]


def test_a_message_keeps_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.def"
    path.write_bytes(b"iCONNECT\r\nI8=FIX.4.4\x01\x00\xff 1,=\x01\r\n")
    assert read_script(path).lines[1].text == b"8=FIX.4.4\x01\x00\xff 1,=\x01"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["iCONNECT", "hello"], "2: not a line of a script: hello"),
        (["iCONNECT", "iDANCE"], "2: not CONNECT nor DISCONNECT: iDANCE"),
        (["iCONNECT", "I"], "2: a message without a byte"),
        (["iCONNECT", "X1,8=FIX|\x1b[31m"], r"2: not a line of a script: X1,8=FIX|\x1b[31m"),
        (["# nothing"], "1: nothing connects: no iCONNECT and no eCONNECT"),
        ([], "1: nothing connects: no iCONNECT and no eCONNECT"),
        (["iCONNECT", "I" + "8" * (MAX_LINE + 1)], f"2: a line of {MAX_LINE + 2} bytes"),
        (["#"] * 100_001, "100000: more lines than a script may have"),
    ],
)
def test_what_is_no_script_is_refused_in_a_line(
    tmp_path: Path, lines: list[str], said: str
) -> None:
    path = written(tmp_path, *lines)
    with pytest.raises(ScriptError) as refused:
        read_script(path)
    assert str(refused.value).startswith(f"{path}:{said}")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.def"
    with path.open("wb") as file:
        file.truncate(MAX_FILE + 1)
    with pytest.raises(ScriptError, match="more than 4 MiB"):
        read_script(path)


# --- messages ---


def test_length_and_checksum_are_put_in() -> None:
    assert framed(soh("8=FIX.4.4|35=0|34=2|")) == soh("8=FIX.4.4|9=10|35=0|34=2|10=166|")


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("8=FIX.4.4|9=3|35=0|", "8=FIX.4.4|9=3|35=0|10=161|"),  # a length is kept
        ("8=FIX.4.4|9=5|35=0|10=999|", "8=FIX.4.4|9=5|35=0|10=999|"),  # and a checksum
        ("8=FIX.4.4|9=x|35=0|10=|", "8=FIX.4.4|9=x|35=0|10=|"),
        ("35=0|8=FIX.4.4|", "35=0|8=FIX.4.4|"),  # what is no message is left alone
        ("garbage", "garbage"),
    ],
)
def test_what_is_given_is_sent_as_it_is(text: str, whole: str) -> None:
    assert framed(soh(text)) == soh(whole)


def test_a_length_beside_a_given_checksum_is_one_too_small() -> None:
    # The runner that the format comes from counts the SOH before the CheckSum with it.
    assert framed(soh("8=FIX.4.4|35=0|34=2|10=256|")) == soh("8=FIX.4.4|9=9|35=0|34=2|10=256|")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<TIME>", "20260105-09:00:00"),
        ("<TIME+61>/<TIME-1>", "20260105-09:01:01/20260105-08:59:59"),
        ("<TIME-86400>", "20260104-09:00:00"),
        ("<TIME*2> <TIME+>", "<TIME*2> <TIME+>"),
    ],
)
def test_times_are_those_of_the_moment(text: str, said: str, tmp_path: Path) -> None:
    assert complete(text.encode(), START_NS + 999_999_999, tmp_path) == said.encode()


def test_a_file_beside_the_script_is_put_in(tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(soh("35=0|34=2|\n"))
    assert complete(b"<FILE:body>", START_NS, tmp_path) == soh("35=0|34=2|")


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "missing", "", "a\0b", "link"])
def test_no_other_file_is(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "scripts"
    folder.mkdir()
    (tmp_path / "outside").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(ValueError, match=r"FILE|null"):
        complete(f"<FILE:{name}>".encode(), START_NS, folder)


# --- versions ---


@pytest.mark.parametrize(
    ("folder", "line", "version"),
    [
        ("x", "I8=FIX.4.2|35=A|", ["FIX42"]),
        ("fix44", "I8=FIX.4.4|35=A|", ["FIX44"]),
        ("FIX50SP1", "I8=FIXT.1.1|35=A|", ["FIX50SP1"]),
        ("fix44", "I8=FIX.9.9|35=A|", ["FIX44"]),  # wrong on purpose
        ("fix44", "I8=FIX.4.1|35=A|", ["FIX41"]),  # the folder is called so by chance
        ("x", "I8=FIXT.1.1|35=A|1137=9|", ["FIX50SP2"]),
        ("x", "I8=FIXT.1.1|35=A|49=TW50SP1|", ["FIX50SP1"]),
        ("x", "I8=FIXT.1.1|35=A|", ["FIX50", "FIX50SP1", "FIX50SP2"]),
        ("x", "I8=FIX.9.9|35=A|", []),
    ],
)
def test_folder_and_messages_tell_the_version(
    tmp_path: Path, folder: str, line: str, version: list[str]
) -> None:
    (tmp_path / folder).mkdir()
    script = read_script(written(tmp_path / folder, "iCONNECT", line))
    assert [found.name for found in candidates(script)] == version


@pytest.mark.parametrize("text", ["fix44", "FIX.4.4", "4.4", "FIX44"])
def test_a_version_has_several_names(text: str) -> None:
    assert named(text) is VERSIONS["FIX44"]


@pytest.mark.parametrize("text", ["", "fix", "FIX45", "FIXT.1.1"])
def test_no_other_name_is_one(text: str) -> None:
    with pytest.raises(RedlineError, match="no version"):
        named(text)
