"""Coordinated omission by arithmetic: a server that stalls for 20 ms each second, seen two ways.

A message takes the server a microsecond; none is answered during a stall. A closed loop sends the
next message when it is due or when the one before was answered, whichever is later: it sends
nothing while it waits. Timed from when it was sent such a message waited for nothing.

Source: G. Tene, "How NOT to Measure Latency" (2013); wrk2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

Times = npt.NDArray[np.float64]

RATE_PER_S, SECONDS = 20_000, 10
SERVICE_S, STALL_S, EVERY_S = 1e-6, 0.020, 1.0


def answered(start_s: float) -> float:
    """When a message that is taken up now is answered: after a stall that it falls into."""
    into = start_s % EVERY_S
    return start_s + SERVICE_S + (STALL_S - into if into < STALL_S else 0.0)


def open_loop() -> Times:
    """Times from when each message was due, sent then whatever is still unanswered."""
    due = np.arange(RATE_PER_S * SECONDS) / RATE_PER_S
    took = np.empty_like(due)
    free_s = 0.0
    for i, at in enumerate(due.tolist()):
        free_s = answered(max(at, free_s))
        took[i] = free_s - at
    return took


def closed_loop() -> tuple[Times, Times]:
    """The same by a sender that waits: times from when it sent, and from when it was due to."""
    due = np.arange(RATE_PER_S * SECONDS) / RATE_PER_S
    sent = np.empty_like(due)
    done = np.empty_like(due)
    free_s = 0.0
    for i, at in enumerate(due.tolist()):
        sent[i] = max(at, free_s)
        free_s = done[i] = answered(float(sent[i]))
    return done - sent, done - due


@pytest.fixture(scope="module")
def service_and_response() -> tuple[Times, Times]:
    return closed_loop()


def test_two_of_a_hundred_messages_wait_for_milliseconds_when_timed_from_when_they_were_due(
    service_and_response: tuple[Times, Times],
) -> None:
    _, response = service_and_response
    assert np.quantile(response, 0.99) > 0.009


def test_a_sender_that_waits_hides_the_stall_down_to_the_fourth_nine(
    service_and_response: tuple[Times, Times],
) -> None:
    service, _ = service_and_response
    assert np.quantile(service, 0.9999, method="lower") < 0.000_01


def test_the_times_from_when_messages_were_due_are_those_of_a_sender_that_never_waits(
    service_and_response: tuple[Times, Times],
) -> None:
    _, response = service_and_response
    assert np.allclose(response, open_loop())


def test_the_hidden_stall_is_still_there_as_the_maximum(
    service_and_response: tuple[Times, Times],
) -> None:
    service, response = service_and_response
    assert service.max() == pytest.approx(response.max())
