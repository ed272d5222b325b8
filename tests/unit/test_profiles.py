"""Profiles: what a host shall be like, read strictly; every fault is named by its line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.config.loader import ConfigError
from harness.config.profile import Profile, load_profile, profile_path

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "mine") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        return path

    return write


def faults_of(path: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_profile(path)
    return [line.replace(f"{path}:", "") for line in caught.value.faults]


@pytest.mark.parametrize("name", ["ci", "throughput", "vm-dev", "low-latency"])
def test_every_shipped_profile_is_sound_and_says_why(name: str) -> None:
    profile = load_profile(profile_path(name))
    assert profile.why
    assert profile.settings


def test_a_profile_wins_over_what_it_includes(write: Write) -> None:
    write("why: base\nknobs: {memory.swappiness: 60, memory.ksm: 0}\n", "base")
    mine = load_profile(write("why: mine\ninclude: [base]\nknobs: {memory.swappiness: 1}\n"))
    assert mine.settings == {"memory.swappiness": 1, "memory.ksm": 0}
    assert mine.why == "mine"


def test_a_profile_of_ones_own_includes_one_that_comes_along(write: Write) -> None:
    mine = load_profile(write("why: mine\ninclude: [ci]\nknobs: {memory.swappiness: 7}\n"))
    assert mine.settings["memory.swappiness"] == 7
    assert len(mine.settings) > 3


def test_one_beside_it_goes_before_one_that_comes_along(write: Write) -> None:
    write("why: ours\nknobs: {memory.ksm: 2}\n", "ci")
    assert load_profile(write("why: mine\ninclude: [ci]\n")).settings == {"memory.ksm": 2}


def test_the_later_of_two_includes_wins(write: Write) -> None:
    write("why: a\nknobs: {memory.swappiness: 10}\n", "a")
    write("why: b\nknobs: {memory.swappiness: 20}\n", "b")
    assert load_profile(write("why: c\ninclude: [a, b]\n")).settings == {"memory.swappiness": 20}


def test_a_profile_that_includes_itself_is_told_so(write: Write) -> None:
    write("why: a\ninclude: [mine]\n", "a")
    (fault,) = faults_of(write("why: mine\ninclude: [a]\n"))
    assert fault.endswith("a.yaml:2: include.0: includes itself: 'mine'")


def test_what_a_kernel_must_be_started_with_is_a_wish_of_its_own(write: Write) -> None:
    mine = load_profile(write('why: w\nrequire: {cmdline: {isolcpus: "${hot}", nosmt: ~}}\n'))
    assert mine.settings == {"boot.isolcpus": "${hot}", "boot.nosmt": ""}


def test_cards_are_asked_by_what_they_do(write: Write) -> None:
    mine = load_profile(write("why: w\nnics: {feed: {coalesce: {rx-usecs: 0}}}\n"))
    (wish,) = mine.wishes({"feed": "eth2", "orders": "eth3"})
    assert (wish["knob"], wish["interface"]) == ("nic.coalesce", "eth2")
    assert mine.wishes({}) == []
    assert mine.unplayed({"orders": "eth3"}) == ["feed"]


def test_what_is_not_to_be_had_may_fail_one_knob_and_warn_for_the_others(write: Write) -> None:
    mine = load_profile(
        write(
            "why: w\nknobs: {memory.ksm: 0, memory.swappiness: 1}\n"
            "on_unsupported: {default: ignore, memory.ksm: fail}\n"
        )
    )
    said = {wish["knob"]: wish["on_unsupported"] for wish in mine.wishes({})}
    assert said == {"memory.ksm": "fail", "memory.swappiness": "ignore"}


def test_a_profile_can_be_had_without_one_of_its_knobs(write: Write) -> None:
    mine: Profile = load_profile(write("why: w\nknobs: {memory.ksm: 0, memory.swappiness: 1}\n"))
    assert mine.without("memory.ksm").settings == {"memory.swappiness": 1}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "why: w\nknobs: {memory.swapiness: 1}\n",
            "2: knobs.memory.swapiness: no such knob, did you mean 'memory.swappiness'?",
        ),
        (
            "why: w\nknobs: {memory.swappiness: lots}\n",
            "2: knobs.memory.swappiness: not a number: 'lots'",
        ),
        (
            "why: w\nknobs: {memory.swappiness: 900}\n",
            "2: knobs.memory.swappiness: not 0 to 200: 900",
        ),
        (
            "why: w\nknobs: {irq.affinity: '${cold}'}\n",
            "2: knobs.irq.affinity: ${cold}: no such role; there are: hot, irq, housekeeping",
        ),
        (
            "why: w\nknobs: {irq.affinity: '0; rm -rf /'}\n",
            "2: knobs.irq.affinity: not a list of CPUs like 0-2,5: '0; rm -rf /'",
        ),
        (
            "why: w\nknobs: {nic.rings: {rx: 512}}\n",
            "2: knobs.nic.rings: is about a card: it stands below nics, under the role of an"
            " interface",
        ),
        (
            'why: w\nrequire: {cmdline: {"isolcpus": "1\\n2"}}\n',
            "2: require.cmdline.isolcpus: not the value of a kernel argument: '1\\n2'",
        ),
        (
            'why: w\nrequire: {cmdline: {"--init": "/bin/sh"}}\n',
            "2: require.cmdline.--init: no such knob",
        ),
        ("why: w\ninclude: [no-such]\n", "2: include.0: no such profile: 'no-such'"),
        ("why: w\nknobs: {}\nspeed: 11\n", "3: speed: unknown key; allowed: "),
        (
            "why: w\non_unsupported: {default: shrug}\n",
            "2: on_unsupported.default: not one of 'ignore', 'warn' or 'fail': 'shrug'",
        ),
    ],
)
def test_a_fault_is_one_line_with_its_place(write: Write, text: str, fault: str) -> None:
    (said,) = faults_of(write(text))
    assert said.startswith(fault)
    assert said.isprintable()


def test_all_faults_are_told_at_once(write: Write) -> None:
    assert len(faults_of(write("why: w\nknobs: {no.such: 1, memory.ksm: x}\n"))) == 2


def test_a_name_that_is_no_profile_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no profile 'low-latencey', did you mean 'low-latency'"):
        profile_path("low-latencey")


def test_a_fault_of_a_profile_that_is_included_twice_is_told_once(write: Write) -> None:
    write("why: bad\nknobs: {no.such: 1}\n", "bad")
    write("why: a\ninclude: [bad]\n", "a")
    assert len(faults_of(write("why: mine\ninclude: [a, bad]\n"))) == 1
