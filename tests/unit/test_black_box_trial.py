"""A trial of a program before it begins: when each frame is due, and what its command is told."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("engine", reason="needs the compiled engine")

from harness.bench.foreign import LOOPBACK, QUIET_NS, Load, _Ends
from harness.config.black_box import PLACES


@given(
    st.lists(st.integers(0, 999), min_size=1, max_size=5).map(sorted),
    st.integers(1000, 2000),
    st.integers(1, 30),
    st.integers(1, 10),
)
def test_the_frames_after_the_stop_keep_the_schedule_behind_a_silence(
    due: list[int], span_ns: int, n_frames: int, more: int
) -> None:
    load = Load.of(np.array(due, dtype=np.uint64), span_ns, n_frames, 0, more)
    assert load.stop_frame == n_frames
    assert load.due_ns.tolist() == [
        i // len(due) * span_ns + due[i % len(due)] + (QUIET_NS if i >= n_frames else 0)
        for i in range(n_frames + more)
    ]


def test_every_place_of_a_command_is_filled_and_somebody_listens_there() -> None:
    rule = SimpleNamespace(threshold_permille=300, every=2, order_qty=100, max_spread_nano=10**9)
    plan: Any = SimpleNamespace(net=None, engine=rule)
    with ExitStack() as stack:
        ends = _Ends(plan, stack)
        places = ends.places(plan)
        assert places == {
            "market_data": f"{LOOPBACK}:{ends.market_number}",
            "orders": f"{LOOPBACK}:{ends.orders_number}",
            "imbalance_permille": "300",
            "every": "2",
            "lot": "100",
            "max_spread_nano": "1000000000",
        }
        assert tuple(places) == PLACES
        assert 0 < ends.orders_number != ends.market_number > 0
