"""Proofs: read back, derived, measured; and which of them count against a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HostError
from harness.tuning import verify as module
from harness.tuning.host import Host
from harness.tuning.knobs.base import Level, Proof, Roles, Scope, Wish
from harness.tuning.plan import wish_of
from harness.tuning.verify import fails, reached, verify

IRQ = "/proc/irq"
FILES = {
    "/proc/sys/vm/swappiness": "60",
    "/proc/sys/vm/stat_interval": "10",
    f"{IRQ}/7/smp_affinity_list": "0-1",
    f"{IRQ}/7/effective_affinity_list": "1",
    f"{IRQ}/8/smp_affinity_list": "0",
    f"{IRQ}/8/effective_affinity_list": "0",
}


@pytest.fixture
def scope(tmp_path: Path) -> Scope:
    for name, text in FILES.items():
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return Scope(Host(tmp_path), Roles(hot=(1,), irq=(0,), housekeeping=(0,)))


@pytest.fixture
def managed(scope: Scope) -> Scope:
    """Interrupt 7 is one that the kernel lets nobody move."""
    path = scope.host.path(f"{IRQ}/7/smp_affinity_list")
    path.chmod(0o444)
    return scope


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Effects are not measured but noted: by knob."""
    asked: list[str] = []

    class Effects:
        def __getitem__(self, name: str) -> Any:
            def measure(scope: Scope, wish: Wish) -> Proof:
                asked.append(wish.knob)
                return Proof(wish.knob, "effect", name, True, "1", "1")

            return measure

    monkeypatch.setattr(module, "EFFECTS", Effects())
    return asked


def wish(knob: str, value: object, **more: Any) -> Wish:
    return wish_of({"knob": knob, "value": value, **more})


def by_target(proofs: Sequence[Proof], level: Level) -> dict[str, Proof]:
    return {proof.target: proof for proof in proofs if proof.level == level}


def here(scope: Scope) -> Scope:
    """As if the tree were this machine."""
    scope.host.__class__ = type("Here", (Host,), {"is_this_machine": True})
    return scope


def test_reading_back_tells_what_holds_what_does_not_and_what_is_not_there(scope: Scope) -> None:
    wishes = [
        wish("memory.stat-interval", 10),
        wish("memory.swappiness", 1),
        wish("net.busy-read", 50),
    ]
    proofs = verify(scope, wishes, "readback")
    assert [proof.holds for proof in proofs] == [True, False, None]
    assert (proofs[1].seen, proofs[1].wanted) == ("60", "1")
    assert {proof.level for proof in proofs} == {"readback"}


def test_what_the_kernel_made_of_it_is_a_level_of_its_own(scope: Scope) -> None:
    wishes = [wish("irq.affinity", "0")]
    effective = by_target(verify(scope, wishes, "derived"), "derived")
    assert effective[f"{IRQ}/8/effective_affinity_list"].holds is True
    assert effective[f"{IRQ}/7/effective_affinity_list"].holds is False
    assert by_target(verify(scope, wishes, "readback"), "derived") == {}


def test_what_a_host_lets_nobody_change_is_refused_and_no_drift(managed: Scope) -> None:
    proofs = verify(managed, [wish("irq.affinity", "0")], "derived")
    mine = [proof for proof in proofs if "/7/" in proof.target]
    assert [proof.level for proof in mine] == ["readback", "derived"]
    for proof in mine:
        assert proof.holds is False
        assert proof.refused
        assert proof.why.startswith("managed by the kernel")
    assert not fails(proofs)
    assert reached(proofs) == {"irq.affinity": None}


def test_what_could_be_changed_and_is_not_so_is_drift(scope: Scope) -> None:
    proofs = verify(scope, [wish("irq.affinity", "0")], "derived")
    assert fails(proofs)
    assert not any(proof.refused for proof in proofs)


def test_a_refusal_that_a_profile_does_not_put_up_with_counts(managed: Scope) -> None:
    proofs = verify(managed, [wish("irq.affinity", "0", on_unsupported="fail")], "derived")
    assert fails(proofs)


def test_what_a_host_does_not_have_is_no_drift(scope: Scope) -> None:
    assert not fails(verify(scope, [wish("net.busy-read", 50)]))


def test_an_effect_is_measured_once_however_many_wish_for_it(
    scope: Scope, measures: list[str]
) -> None:
    wishes = [wish("irq.affinity", "0"), wish("irq.affinity", "0")]
    proofs = verify(here(scope), wishes, "effect")
    assert measures == ["irq.affinity"]
    assert sum(proof.level == "effect" for proof in proofs) == 1


@pytest.mark.parametrize("level", ["readback", "derived"])
def test_nothing_is_measured_below_that_level(
    scope: Scope, measures: list[str], level: Level
) -> None:
    verify(here(scope), [wish("irq.affinity", "0")], level)
    assert measures == []


def test_what_is_not_there_or_refused_is_not_measured(scope: Scope, measures: list[str]) -> None:
    for irq in (7, 8):
        scope.host.path(f"{IRQ}/{irq}/smp_affinity_list").chmod(0o444)
        scope.host.path(f"{IRQ}/{irq}/smp_affinity_list").write_text("0-1\n")
    verify(here(scope), [wish("irq.affinity", "0"), wish("cpu.governor", "performance")], "effect")
    assert measures == []


def test_a_recorded_host_is_not_measured(scope: Scope, measures: list[str]) -> None:
    with pytest.raises(HostError, match="a recorded host has no effects"):
        verify(scope, [wish("irq.affinity", "0")], "effect")
    assert measures == []


def test_a_measurement_that_the_host_refuses_says_why(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(scope: Scope, wish: Wish) -> Proof:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(module, "EFFECTS", {"irq-count": refuse})
    proof = verify(here(scope), [wish("irq.affinity", "0")], "effect")[-1]
    assert (proof.level, proof.holds, proof.why) == ("effect", None, "operation not permitted")


def proof(level: Level, holds: bool | None) -> Proof:
    return Proof("k", level, "t", holds, "", "")


@pytest.mark.parametrize(
    ("proofs", "level"),
    [
        ([proof("readback", True)], "readback"),
        ([proof("readback", True), proof("derived", True)], "derived"),
        ([proof("readback", True), proof("derived", None)], "readback"),
        ([proof("readback", True), proof("effect", True)], "effect"),
        ([proof("readback", True), proof("effect", False)], None),
        ([proof("readback", None)], None),
    ],
)
def test_the_level_that_was_reached_is_the_highest_that_was_shown(
    proofs: list[Proof], level: Level | None
) -> None:
    assert reached(proofs) == {"k": level}


def test_one_proof_against_it_is_enough(scope: Scope) -> None:
    good = proof("effect", True)
    assert not fails([good])
    assert fails([good, proof("readback", False)])
    assert not fails([good, replace(proof("readback", False), refused=True)])
