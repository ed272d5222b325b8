"""Kill -9 at every step of apply and of restore, on a host with every kind of answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_kernel import FakeKernel, Killed, Plain, dies_at, install_kinds, raises_killed, survives
from tunable_host import (
    SWAP,
    applied,
    by_target,
    found,
    new_journal,
    tunable_host,
    wishes,
)

from harness.tuning.apply import apply
from harness.tuning.journal import Journal
from harness.tuning.restore import restore

STRIDE = 11  # of the second kill, from another step after each first one


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    install_kinds(monkeypatch)


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return tunable_host(tmp_path / "host")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def killed_in_apply(state: Path, kernel: FakeKernel, k: int) -> bool:
    """False once there is no k-th step: apply came to its end."""
    return not survives(
        lambda: bool(apply(wishes(), kernel, new_journal(state, kernel), step=dies_at(k))) or None
    )


def killed_in_restore(state: Path, kernel: FakeKernel, k: int) -> bool:
    return not survives(lambda: bool(restore(kernel, found(state), step=dies_at(k))) or None)


def stopped_in_apply(state: Path, kernel: FakeKernel, k: int) -> bool:
    """As killed_in_apply, at the cost of an exception instead of a process."""
    journal = new_journal(state, kernel)
    try:
        apply(wishes(), kernel, journal, step=dies_at(k, raises_killed))
    except Killed:
        return True
    finally:
        journal.close()
    return False


def emptied(state: Path) -> None:
    for path in state.iterdir():
        path.unlink()


def test_killed_at_every_step_of_apply_all_comes_back(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    k = 0
    while killed_in_apply(state, kernel, k):
        journal = Journal.open(state)
        assert journal is not None, k
        assert restore(kernel, journal).is_clean, k
        assert kernel.bytes() == before, k
        k += 1
    assert k > 4 * len(wishes())
    assert restore(kernel, found(state)).is_clean
    assert kernel.bytes() == before


def test_killed_at_every_step_of_restore_all_comes_back(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    applied(state, kernel).close()
    k = 0
    while killed_in_restore(state, kernel, k):
        journal = Journal.open(state)
        if journal is not None:
            assert restore(kernel, journal).is_clean, k
        assert kernel.bytes() == before, k
        applied(state, kernel).close()
        k += 1
    assert k > 2 * len(wishes())
    assert kernel.bytes() == before


def test_killed_at_every_step_a_foreign_change_survives(state: Path, kernel: FakeKernel) -> None:
    k = 0
    while stopped_in_apply(state, kernel, k):
        kernel.change(SWAP, "33")
        entry = found(state).find(Plain(SWAP))
        states = by_target(restore(kernel, found(state)))
        assert kernel.read(SWAP) == "33", k
        if entry is not None and entry.was_written:
            assert states[SWAP] == "foreign", k
        kernel.change(SWAP, "60")
        emptied(state)
        k += 1
    assert k > 4 * len(wishes())


def test_killed_and_applied_again_all_comes_back(state: Path, kernel: FakeKernel) -> None:
    before = kernel.bytes()
    k = 0
    while stopped_in_apply(state, kernel, k):
        journal = found(state)
        apply(wishes(), kernel, journal)
        assert restore(kernel, journal).is_clean, k
        assert kernel.bytes() == before, k
        k += 1
    assert k > 4 * len(wishes())


def stopped_in_restore(state: Path, kernel: FakeKernel, k: int) -> bool:
    journal = found(state)
    try:
        restore(kernel, journal, step=dies_at(k, raises_killed))
    except Killed:
        return True
    finally:
        journal.close()
    return False


def test_killed_in_apply_and_again_in_restore_all_comes_back(
    state: Path, kernel: FakeKernel
) -> None:
    before = kernel.bytes()
    k = j = 0
    while stopped_in_apply(state, kernel, k):
        if not stopped_in_restore(state, kernel, j):
            assert kernel.bytes() == before, (k, j)
            k, j = k + 1, k % STRIDE
            continue
        journal = Journal.open(state)
        if journal is not None:
            assert restore(kernel, journal).is_clean, (k, j)
        assert kernel.bytes() == before, (k, j)
        j += STRIDE
    assert k > 4 * len(wishes())
