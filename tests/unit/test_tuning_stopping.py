"""Signals that come at a bad moment wait; those that would kill unwind."""

from __future__ import annotations

import signal
import threading

import pytest

from harness.tuning.stopping import ENDING, ended_as_interrupted, held_signals


@pytest.mark.parametrize("signum", ENDING)
def test_a_signal_waits_until_the_block_is_done(signum: int) -> None:
    done: list[bool] = []

    def work() -> None:
        with ended_as_interrupted(), held_signals():
            signal.raise_signal(signum)
            signal.raise_signal(signum)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == [True]


def test_handlers_are_afterwards_what_they_were() -> None:
    were = [signal.getsignal(number) for number in ENDING]
    with ended_as_interrupted(), held_signals():
        assert signal.getsignal(signal.SIGTERM) not in were
    assert [signal.getsignal(number) for number in ENDING] == were


def test_a_handler_that_somebody_has_installed_is_the_one_that_is_called() -> None:
    came: list[int] = []
    was = signal.signal(signal.SIGTERM, lambda signum, frame: came.append(signum))
    try:
        with ended_as_interrupted(), held_signals():
            signal.raise_signal(signal.SIGTERM)
            assert came == []
        assert came == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, was)


def test_a_signal_that_is_ignored_stays_so() -> None:
    was = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with ended_as_interrupted(), held_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, was)


def test_the_failure_of_the_block_is_not_lost_to_a_signal() -> None:
    def work() -> None:
        with ended_as_interrupted(), held_signals():
            signal.raise_signal(signal.SIGTERM)
            raise ZeroDivisionError

    with pytest.raises(KeyboardInterrupt) as interrupted:
        work()
    assert isinstance(interrupted.value.__context__, ZeroDivisionError)


def test_a_thread_holds_nothing_and_runs_all_the_same() -> None:
    ran: list[bool] = []

    def work() -> None:
        with ended_as_interrupted(), held_signals():
            ran.append(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ran == [True]
