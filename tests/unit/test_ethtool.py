"""What network cards answer, and what is made of it when they answer nonsense."""

from __future__ import annotations

import ctypes
import errno
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import printable
from harness.tuning import ethtool_abi as abi
from harness.tuning.ethtool import (
    GROUPS,
    Ethtool,
    KernelEthtool,
    RecordedEthtool,
    ethtool_of,
    interface_name,
    offloads,
)
from harness.tuning.host import Host

Buffer = ctypes.Array[ctypes.c_char]


def ring_answer(command: int = 0x10) -> bytes:
    return struct.pack("=9I", command, 4096, 0, 0, 2048, 512, 0, 0, 256)


def kernel(answer: bytes | Callable[[bytes], bytes], returned: int = 0) -> KernelEthtool:
    """A kernel that answers every question with that, as far as there is room."""

    def ioctl(interface: str, order: Buffer) -> int:
        said = answer if isinstance(answer, bytes) else answer(order.raw)
        ctypes.memmove(order, said, min(len(said), len(order)))
        return returned

    return KernelEthtool(ioctl)


def errno_of(ask: Callable[[], object]) -> int | None:
    """Of the OSError it ends in; None when it does not."""
    try:
        ask()
    except OSError as error:
        return error.errno
    return None


# Names

GOOD_NAMES = ["eth0", "enp65s0f0np0", "bond0.5", "a", "x" * 15, "wlan0@x", "eth%d"]
BAD_NAMES = [
    *("", ".", "..", "../x", "a/b", "-o", "--help", "x" * 16, "ä" * 8, "eth 0", "eth0:1"),
    *("eth0\n", "\x1b[2J", "a\0b", "\u202eeth0"),
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_name_that_the_kernel_takes_is_one(name: str) -> None:
    assert interface_name(name) == name


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_none_is_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of an interface") as refused:
        interface_name(name)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("cards", [kernel(b""), RecordedEthtool(Path("/nowhere"))])
@pytest.mark.parametrize("name", ["../etc/passwd", "-o", "x" * 300])
def test_no_card_is_asked_by_a_name_that_is_none(cards: Ethtool, name: str) -> None:
    for ask in (
        lambda: cards.get(name, "rings"),
        lambda: cards.set(name, "rings", "rx", "1"),
        lambda: cards.fixed(name),
    ):
        with pytest.raises(ValueError, match="not the name"):
            ask()


# Groups of numbers


def test_rings_show_what_is_and_what_can_be_and_not_what_the_card_lacks() -> None:
    assert kernel(ring_answer()).get("eth0", "rings") == {
        "rx-max": "4096",
        "tx-max": "2048",
        "rx": "512",
        "tx": "256",
    }


def test_setting_one_value_keeps_the_others() -> None:
    orders: list[bytes] = []

    def answer(order: bytes) -> bytes:
        orders.append(order)
        return ring_answer()

    kernel(answer).set("eth0", "rings", "rx", "64")
    asked, ordered = orders
    assert asked[:4] == struct.pack("=I", 0x10)
    assert ordered == struct.pack("=9I", 0x11, 4096, 0, 0, 2048, 64, 0, 0, 256)


@pytest.mark.parametrize("name", ["rx-mini", "rx-max", "nonsense", "", "\x1b"])
def test_what_cannot_be_set_is_unsupported(name: str) -> None:
    with pytest.raises(OSError, match="cannot be set") as refused:
        kernel(ring_answer()).set("eth0", "rings", name, "1")
    assert refused.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("value", ["", "-1", "1.5", "0x10", str(2**32), "9" * 5000, "٣", "\x1b"])
def test_a_value_that_is_no_number_is_refused_before_the_card_hears_of_it(value: str) -> None:
    with pytest.raises(OSError, match="not a number") as refused:
        kernel(ring_answer()).set("eth0", "rings", "rx", value)
    assert refused.value.errno == errno.EINVAL
    assert str(refused.value).isprintable()


def test_a_switch_is_on_or_off() -> None:
    words = abi.WORDS["coalesce"]
    raw = words.layout.pack(0x0E, *range(1, 23))
    assert words.parse(raw)["adaptive-rx"] == "on"
    changed = words.change(raw, "adaptive-rx", "off")
    assert words.parse(changed) == words.parse(raw) | {"adaptive-rx": "off"}
    with pytest.raises(OSError, match="neither on nor off: 'yes'"):
        words.change(raw, "adaptive-rx", "yes")


def test_a_value_that_is_only_shown_cannot_be_set() -> None:
    words = abi.WORDS["eee"]
    raw = words.layout.pack(0x44, *range(9))
    assert set(words.parse(raw)) == {"active", "enabled", "tx-lpi", "tx-timer"}
    with pytest.raises(OSError, match="active cannot be set"):
        words.change(raw, "active", "on")


@pytest.mark.parametrize("group", ["fec", "", "../x", "\x1b[2J", "rss"])
def test_a_group_that_there_is_none_of_is_unsupported(group: str) -> None:
    for ask in (
        lambda: kernel(b"").get("eth0", group),
        lambda: kernel(b"").set("eth0", group, "x", "1"),
    ):
        with pytest.raises(OSError, match=r"no group|only be read") as refused:
            ask()
        assert refused.value.errno == errno.EOPNOTSUPP
        assert str(refused.value).isprintable()


# Strings and features


def test_a_driver_whose_strings_are_no_text_is_shown_on_one_line() -> None:
    raw = abi.DRIVER.pack(3, b"\xff\xfe\x1b[2J", b"1\n2", b"", b"x" * 32, b"", *(0,) * 5)
    seen = abi.parse_driver(raw)
    assert all(text.isprintable() and len(text) <= 4 * 32 for text in seen.values())
    assert seen["bus-info"] == "x" * 32


NAMES = ["rx-gro", "", "tx-tcp-segmentation", "tx-scatter-gather", *[""] * 29, "rx-lro"]
BITS = {"rx-gro": 0, "tx-tcp-segmentation": 2, "tx-scatter-gather": 3, "rx-lro": 33}


def feature_words(available: set[str], wanted: set[str], active: set[str]) -> bytes:
    def words(names: set[str]) -> int:
        return sum(1 << BITS[name] for name in names)

    blocks = [
        part
        for block in range(2)
        for part in (
            *(words(one) >> 32 * block & abi.U32 for one in (available, wanted, active)),
            0,
        )
    ]
    return abi.HEAD.pack(abi.GET_FEATURES, 2) + struct.pack("=8I", *blocks)


def card_of_features(raw: bytes, returned: int = 0) -> tuple[KernelEthtool, list[bytes]]:
    orders: list[bytes] = []

    def answer(order: bytes) -> bytes:
        (command,) = struct.unpack_from("=I", order)
        orders.append(order)
        if command == abi.GET_STRING_COUNT:
            return abi.STRING_COUNT.pack(command, 0, 1 << abi.FEATURES, len(NAMES))
        if command == abi.GET_STRINGS:
            strings = b"".join(name.encode().ljust(32, b"\0") for name in NAMES)
            return abi.STRINGS.pack(command, abi.FEATURES, len(NAMES)) + strings
        return raw if command == abi.GET_FEATURES else b""

    return kernel(answer, returned), orders


MIXED = feature_words(
    {"rx-gro", "tx-tcp-segmentation", "tx-scatter-gather"},
    {"tx-tcp-segmentation"},
    {"rx-gro", "rx-lro"},
)


def test_a_feature_that_something_else_keeps_off_says_what_was_asked_for() -> None:
    card, _ = card_of_features(MIXED)
    assert card.get("eth0", "features") == {
        "rx-gro": "on [requested off]",
        "tx-tcp-segmentation": "off [requested on]",
        "tx-scatter-gather": "off",
        "rx-lro": "on",
    }
    assert card.fixed("eth0") == {"rx-lro"}
    assert card.get("eth0", "offloads") == {"gro": "on", "lro": "on", "tso": "off", "sg": "off"}


@pytest.mark.parametrize(("value", "bit"), [("on", 4), ("off", 0), ("off [requested on]", 4)])
def test_setting_a_feature_touches_no_other(value: str, bit: int) -> None:
    card, orders = card_of_features(MIXED)
    card.set("eth0", "features", "tx-tcp-segmentation", value)
    assert orders[-1] == struct.pack("=6I", abi.SET_FEATURES, 2, 4, bit, 0, 0)


@pytest.mark.parametrize(
    ("name", "returned", "why"),
    [
        ("rx-lro", 0, "rx-lro: fixed by the driver"),
        ("rx-gro", abi.UNSUPPORTED, "rx-gro: fixed by the driver"),
        ("nonsense", 0, "nonsense: no such feature"),
    ],
)
def test_a_feature_that_nobody_can_change_is_unsupported(
    name: str, returned: int, why: str
) -> None:
    card, _ = card_of_features(MIXED, returned)
    with pytest.raises(OSError, match=why) as refused:
        card.set("eth0", "features", name, "off")
    assert refused.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("value", ["", "yes", "off [requested", "off [requested maybe]", "on]"])
def test_a_feature_is_on_or_off(value: str) -> None:
    card, _ = card_of_features(MIXED)
    with pytest.raises(OSError, match="neither on nor off"):
        card.set("eth0", "features", "rx-gro", value)


def test_an_offload_is_on_when_any_of_its_features_is() -> None:
    features = {"tx-tcp-segmentation": "off", "tx-tcp6-segmentation": "on", "highdma": "on"}
    assert offloads(features) == {"tso": "on"}


@pytest.mark.parametrize("count", [0, 1, abi.MAX_STRINGS + 1, abi.U32])
def test_a_count_beyond_all_bounds_sizes_nothing(count: int) -> None:
    raw = abi.STRING_COUNT.pack(0, 0, 1, count)
    if count <= abi.MAX_STRINGS:
        assert abi.parse_string_count(raw) == count
    else:
        with pytest.raises(abi.Garbled, match=f"garbled answer: {count} strings"):
            abi.parse_string_count(raw)


# Whatever a kernel answers


@pytest.mark.parametrize("group", GROUPS)
@given(answer=st.binary(max_size=600))
def test_garbage_from_a_kernel_is_text_or_an_error_of_one_line(group: str, answer: bytes) -> None:
    try:
        seen = kernel(answer).get("eth0", group)
    except OSError as error:
        said = str(error)
    else:
        said = "".join((*seen, *seen.values()))
    assert printable(said) == said


@given(names=st.lists(st.binary(max_size=40), max_size=70), blocks=st.binary(max_size=80))
def test_features_of_any_names_and_bits_are_text(names: list[bytes], blocks: bytes) -> None:
    strings = b"".join(name.ljust(32, b"\0")[:32] for name in names)
    answers = {
        abi.GET_STRING_COUNT: struct.pack("=IIQI", 0, 0, 16, len(names)),
        abi.GET_STRINGS: struct.pack("=III", 0, 4, len(names)) + strings,
        abi.GET_FEATURES: struct.pack("=II", 0, len(blocks) // 16) + blocks,
    }
    card = kernel(lambda order: answers[struct.unpack_from("=I", order)[0]])
    for name, text in card.get("eth0", "features").items():
        assert name.isprintable()
        assert re.fullmatch(r"(on|off)( \[requested (on|off)\])?", text)


@pytest.mark.parametrize(
    "parse",
    [
        abi.parse_driver,
        abi.parse_link_settings,
        abi.link_words,
        abi.parse_timestamps,
        abi.parse_string_count,
        abi.parse_strings,
        abi.feature_blocks,
        lambda raw: abi.parse_statistics(raw, ["a", "", "b"]),
        lambda raw: abi.parse_features(raw, NAMES),
        *(words.parse for words in abi.WORDS.values()),
    ],
)
@given(raw=st.binary(max_size=300))
def test_an_answer_of_any_length_is_understood_or_garbled(
    parse: Callable[[bytes], object], raw: bytes
) -> None:
    assert errno_of(lambda: parse(raw)) in (None, errno.EBADMSG)


# Recorded cards

CARD = {
    "driver": {"driver": "ice", "firmware-version": "4.40"},
    "rings": {"rx": "512", "rx-max": "4096"},
    "coalesce": {"adaptive-rx": "on", "rx-usecs": "50"},
    "features": {"rx-gro": "on", "rx-lro": "off"},
    "fixed": ["rx-lro"],
}


def recorded(tmp_path: Path, text: str = json.dumps(CARD)) -> Ethtool:
    (tmp_path / "ethtool").mkdir()
    (tmp_path / "ethtool/eth2.json").write_text(text)
    return Host(tmp_path).ethtool


def test_a_recorded_card_answers_and_can_be_set(tmp_path: Path) -> None:
    card = recorded(tmp_path)
    card.set("eth2", "coalesce", "adaptive-rx", "off")
    card.set("eth2", "features", "rx-gro", "off [requested off]")
    assert card.get("eth2", "coalesce") == {"adaptive-rx": "off", "rx-usecs": "50"}
    assert card.get("eth2", "offloads") == {"gro": "off", "lro": "off"}
    assert card.fixed("eth2") == {"rx-lro"}


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (("driver", "driver", "x"), errno.EOPNOTSUPP),
        (("pause", "rx", "on"), errno.EOPNOTSUPP),
        (("rings", "rx-max", "1"), errno.EOPNOTSUPP),
        (("rings", "rx", "5000"), errno.EINVAL),
        (("rings", "rx", "-1"), errno.EINVAL),
        (("coalesce", "adaptive-rx", "1"), errno.EINVAL),
        (("features", "rx-lro", "on"), errno.EOPNOTSUPP),
        (("features", "rx-gro", "maybe"), errno.EINVAL),
    ],
)
def test_a_recorded_card_refuses_what_a_real_one_would(
    tmp_path: Path, change: tuple[str, str, str], number: int
) -> None:
    card = recorded(tmp_path)
    assert errno_of(lambda: card.set("eth2", *change)) == number
    assert json.loads((tmp_path / "ethtool/eth2.json").read_text()) == CARD


def test_a_card_that_was_not_recorded_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such interface") as refused:
        recorded(tmp_path).get("eth9", "driver")
    assert refused.value.errno == errno.ENODEV


@pytest.mark.parametrize("text", ["", "[]", "[" * 5000, '{"rings": 5}', '{"rings"', "\ud800\x1b"])
def test_a_garbled_record_is_an_error_of_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "ethtool").mkdir()
    (tmp_path / "ethtool/eth2.json").write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(OSError, match="garbled answer") as refused:
        Host(tmp_path).ethtool.get("eth2", "rings")
    assert str(refused.value).isprintable()


def test_only_the_root_is_this_machine(tmp_path: Path) -> None:
    assert isinstance(ethtool_of(Path("/")), KernelEthtool)
    assert isinstance(ethtool_of(tmp_path), RecordedEthtool)
