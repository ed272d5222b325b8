"""What Python makes of what the instruments report: never better than it was."""

from __future__ import annotations

import numpy as np
import pytest

engine = pytest.importorskip("engine", reason="needs the compiled engine")

from engine import _core, clock, probe  # noqa: E402 - after the skip


def reported(n_dropped: int) -> dict[str, object]:
    gaps = np.array([[100, 40], [200, 60]], dtype=np.uint64)
    lost = 100 if n_dropped == 0 else 1100
    return {
        "cpu": 1,
        "threshold_ticks": 30,
        "n_gaps": 2 + n_dropped,
        "n_dropped": n_dropped,
        "lost_ticks": lost,
        "max_ticks": 60,
        "elapsed_ticks": 10_000,
        "tsc_start": 0,
        "nvcsw": 0,
        "nivcsw": 0,
        "minflt": 0,
        "gaps": gaps.tobytes(),
    }


def noise_of(monkeypatch: pytest.MonkeyPatch, n_dropped: int) -> probe.Noise:
    monkeypatch.setattr(_core, "probe_noise", lambda *args: [reported(n_dropped)])
    (seen,) = probe.noise([1], 0.1, clock.Clock(1_000_000_000, 0, 10))
    return seen


def test_gaps_become_nanoseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert noise_of(monkeypatch, 0).gaps_ns.tolist() == [40, 60]


def test_gaps_without_room_make_the_floor_worse_and_not_better(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert noise_of(monkeypatch, 500).gaps_ns.tolist() == [40, 60, 1000]


def test_a_counter_that_cannot_be_trusted_is_not_calibrated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_core, "clock_caps", lambda: {"trusted": False})
    with pytest.raises(engine.EngineError, match="no invariant time stamp counter"):
        clock.calibrate(1_000_000)
