"""The same build, configuration and limits on every host, by hash."""

from __future__ import annotations

from typing import Any

import pytest
from fake_hosts import entry

from harness.config.inventory import HostEntry
from harness.errors import HostError
from harness.fleet.same import require_same

ONE, OTHER = "a" * 64, "b" * 64


def hosts(*names: str, kinds: tuple[str, ...] = ("build",)) -> list[HostEntry]:
    return [entry(name, artifacts={kind: f"/opt/{kind}" for kind in kinds}) for name in names]


def reply(**hashes: Any) -> dict[str, Any]:
    return {"ok": True, "sha256": hashes}


def fault(asked: list[HostEntry], replies: dict[str, Any]) -> str:
    with pytest.raises(HostError) as raised:
        require_same(asked, replies)
    return str(raised.value)


def test_hosts_with_the_same_files_agree_on_their_hashes() -> None:
    replies = {"a": reply(build=ONE, limits=OTHER), "b": reply(build=ONE, limits=OTHER)}
    agreed = require_same(hosts("a", "b", kinds=("build", "limits")), replies)
    assert agreed == {"build": ONE, "limits": OTHER}


def test_hosts_without_files_agree_on_nothing() -> None:
    assert require_same([entry("a"), entry("b")], {}) == {}


def test_another_file_is_refused_with_hosts_and_hashes() -> None:
    replies = {"a": reply(build=ONE), "b": reply(build=OTHER), "c": reply(build=ONE)}
    assert fault(hosts("a", "b", "c"), replies) == (
        "build is not the same everywhere: aaaaaaaaaaaa on a, c; bbbbbbbbbbbb on b"
    )


def test_a_file_that_is_missing_is_named_with_its_host() -> None:
    replies = {"a": reply(build=ONE), "b": reply(build=None)}
    assert fault(hosts("a", "b"), replies) == "b: build: no such file: /opt/build"


def test_a_host_that_others_have_more_of_is_refused() -> None:
    asked = [*hosts("a"), entry("b")]
    assert fault(asked, {"a": reply(build=ONE)}) == (
        "b: build: its inventory names none, others have one"
    )


@pytest.mark.parametrize("found", ["", "xyz", ONE.upper(), ONE + "0", 7, ["a"], "\x1b[31m"])
def test_what_is_no_hash_is_one_line(found: object) -> None:
    said = fault(hosts("a"), {"a": reply(build=found)})
    assert said.startswith("a: build: not a SHA-256: ")
    assert said.isprintable()


@pytest.mark.parametrize("answer", [None, {}, {"sha256": []}, {"sha256": {}}])
def test_a_host_that_leaves_a_hash_out_does_not_pass(answer: object) -> None:
    assert "not a SHA-256" in fault(hosts("a"), {"a": answer})
