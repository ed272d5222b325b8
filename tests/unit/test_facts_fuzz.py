"""Whatever the files, folders and cards of a host hold: a value of a fact's form, or a reason."""

from __future__ import annotations

import contextlib
import errno
import json
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hosts_tree
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.tuning.facts import READERS
from harness.tuning.facts.base import MAX_TEXT_CHARS, Fact, Look
from harness.tuning.facts.catalogue import fact_of
from harness.tuning.host import Host
from harness.tuning.tree import MAX_CPUS, Absent

# What such files are made of, and what garbles them.
WORDS = st.sampled_from(
    [
        *("0-4294967295", "0-31", "5-2", "ffffffff,ffff0003", "f" * 3000, "-1", "-99999999999"),
        *("9" * 5000, "18446744073709551616", "1e999", "nan", "0x10", "٣", "²", "1.5", "0", "7"),
        *("CPU0", "CPU1", "CPU99999", "cpu0", "cpu1", "cpu4294967295", "intr", "NMI:", "MCE:"),
        *("61:", "0::/../..", "4:cpu,cpuacct:/x", "max", "unlimited", "[always]", "[", "(null)"),
        *("flags\t:", "model name\t:", "CapEff:\t", "Uid:\t", "Cpus_allowed_list:\t", "status:"),
        *("maxerror:", "MemTotal:", "SwapFree:", "kB", "Max locked memory", "pswpin", "hypervisor"),
        *("2 (kthreadd) S 0 0 0 0 -1 2129984 0", "(rcuop/", ") S", "isolated", "16.0 GT/s PCIe"),
        *(
            "\x00",
            "\x1b[2J",
            "\ufffd",
            "\ud800",
            "\n",
            "\t",
            " ",
            ":",
            ",",
            "/",
            "..",
            "=",
            "%s",
            "up",
        ),
    ]
)
TEXTS = st.one_of(
    st.lists(WORDS, max_size=12).map(" ".join),
    st.lists(WORDS, max_size=12).map("".join),
    st.lists(WORDS, max_size=12).map("\n".join),
    st.binary(max_size=200).map(lambda raw: raw.decode(errors="replace").strip()),
)
NAMES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                *("cpu0", "cpu1", "cpu99999999999", "state0", "node0", "node1", "mc0", "ptp0"),
                *("hugepages-2048kB", "hugepages-" + "9" * 30 + "kB", "hugepages-²kB", "rx-0"),
                *("eth0", "-o", "\x1b[31m", "a b", "\udcff", "2", "61", "net", "x" * 300),
            ]
        ),
        st.text(min_size=1, max_size=8),
    ),
    max_size=8,
)
ANSWERS = st.one_of(
    st.dictionaries(
        st.one_of(
            st.sampled_from(["driver", "rx", "rx-max", "rx-usecs", "rx-gro-hw", "capabilities"]),
            st.text(max_size=8),
        ),
        TEXTS,
        max_size=5,
    ),
    st.sampled_from(
        [OSError(errno.EOPNOTSUPP, "no"), OSError(errno.EBADMSG, "?"), ValueError("x")]
    ),
)


class Cards:
    """Cards that answer anything."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get(self, interface: str, group: str) -> dict[str, str]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return dict(self.answer)


class Garbled(Look):
    """A look at a host each of whose files and folders holds the same."""

    def __init__(self, text: str, names: list[str], answer: Any) -> None:
        # An empty folder of its own: what asks the host itself finds nothing there.
        host = Host(EMPTY)
        host.ethtool = Cards(answer)  # type: ignore[assignment]
        super().__init__(host)
        self.text_of_all, self.names_of_all = text, names

    def text(self, name: str) -> str:
        return self.text_of_all

    def unpacked(self, name: str) -> str:
        return self.text_of_all

    def names(self, folder: str) -> list[str]:
        return self.names_of_all

    def has(self, name: str) -> bool:
        return True


EMPTY = Path(tempfile.gettempdir()) / "redline-no-such-host"


def sound(fact: Fact) -> bool:
    """A value that can be kept and sent, of a length that is bounded by what was read."""
    if fact.value is None:
        return bool(fact.reason)
    json.dumps(fact.value, ensure_ascii=False, allow_nan=False).encode()
    if isinstance(fact.value, dict):
        return all(isinstance(k, str) and isinstance(v, str) for k, v in fact.value.items())
    if isinstance(fact.value, list):
        return len(fact.value) <= MAX_CPUS
    return len(str(fact.value)) <= MAX_TEXT_CHARS


FACTS = st.sampled_from(sorted(READERS))


@settings(max_examples=1500, deadline=None)
@given(name=FACTS, text=TEXTS, names=NAMES, answer=ANSWERS)
def test_garbled_files_and_cards_make_a_sound_fact(
    name: str, text: str, names: list[str], answer: Any
) -> None:
    fact = fact_of(Garbled(text, names, answer), name)
    assert sound(fact), fact


@settings(max_examples=500, deadline=None)
@given(name=FACTS, text=TEXTS, names=NAMES, answer=ANSWERS)
def test_a_reader_raises_absent_or_what_is_understood_as_garbled(
    name: str, text: str, names: list[str], answer: Any
) -> None:
    """And no TypeError or AttributeError, which would be a defect of ours."""
    source, read = READERS[name]
    with contextlib.suppress(Absent, OSError, ValueError, KeyError):
        read(Garbled(text, names, answer), source)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(hosts_tree.load("tuned-bare-metal", tmp_path_factory.mktemp("tuned")))


@settings(max_examples=700, deadline=None)
@given(name=FACTS, data=st.data())
def test_a_good_host_with_one_file_damaged_makes_a_sound_fact(
    tuned: Host, name: str, data: st.DataObject
) -> None:
    look = Look(tuned)
    fact_of(look, name)
    read = sorted(file for file, text in look.texts.items() if isinstance(text, str))
    if not read:
        return
    file = data.draw(st.sampled_from(read))
    text = str(look.texts[file])
    first, last = sorted(data.draw(st.integers(0, len(text))) for _ in range(2))
    damaged = Look(tuned)
    damaged.texts = {**look.texts, file: text[:first] + data.draw(WORDS) + text[last:]}
    assert sound(fact_of(damaged, name))


class Refusing(Look):
    """A look at a host that refuses everything."""

    def text(self, name: str) -> str:
        raise Absent("permission denied")

    unpacked = text

    def names(self, folder: str) -> list[str]:
        raise Absent("permission denied")


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_host_that_refuses_everything_has_no_fact(name: str) -> None:
    fact = fact_of(Refusing(Host(EMPTY)), name)
    assert (fact.value, bool(fact.reason)) == (None, True)


HUGE: list[tuple[str, Callable[[], str]]] = [
    ("cpu.online", lambda: "0-4294967295"),
    ("cpu.online", lambda: ",".join(["0-8191"] * 20_000)),
    ("cpu.isolated", lambda: "0-99999"),
    ("irq.default_affinity", lambda: "f" * 1_000_000),
    ("kernel.cmdline", lambda: "a" * 1_000_000),
    ("load.steal_ticks", lambda: "cpu0 " + "1 " * 100_000),
    ("process.memlock_bytes", lambda: "Max locked memory " + "9" * 1_000_000),
]


@pytest.mark.parametrize(("name", "make"), HUGE, ids=[f"{n}-{i}" for i, (n, _) in enumerate(HUGE)])
def test_what_cannot_be_takes_no_room(name: str, make: Callable[[], str]) -> None:
    look = Garbled(make(), [], {})
    tracemalloc.start()
    try:
        fact_of(look, name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20
