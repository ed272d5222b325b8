from collections.abc import Sequence
from typing import Any, TypedDict, final, type_check_only

import numpy as np
import numpy.typing as npt

from engine.market import Stream

VERSION: str
BUILD_TYPE: str
MARCH: str
COMPILER: str

class EngineError(OSError): ...

@final
class Hist:
    """Counts of values 1 .. 3.6e12 in HdrHistogram's geometry of three digits.

    np.asarray(hist) views the 33,792 counts; one thread records.
    """

    def record(self, value: int, count: int = 1) -> None: ...
    def add(self, other: Hist) -> None: ...
    def percentile(self, pct: float) -> int: ...
    @property
    def n(self) -> int: ...
    @property
    def min(self) -> int: ...
    @property
    def max(self) -> int: ...
    @property
    def saturated(self) -> int: ...
    def __array__(
        self, dtype: np.dtype[Any] | None = None, copy: bool | None = None
    ) -> npt.NDArray[np.uint64]: ...

@type_check_only
class NoiseProbe(TypedDict):
    cpu: int
    threshold_ticks: int
    n_gaps: int
    n_dropped: int
    lost_ticks: int
    max_ticks: int
    elapsed_ticks: int
    tsc_start: int
    nvcsw: int
    nivcsw: int
    minflt: int
    gaps: bytes

@type_check_only
class NeighbourProbe(TypedDict):
    cpu: int
    n_quiet: int
    n: int
    best_ticks: int
    ticks: bytes

def clock_caps() -> dict[str, Any]: ...
def clock_calibrate(window_ns: int = 1000000000) -> tuple[int, int]: ...
def clock_quantum() -> dict[str, int]: ...
def clock_costs(n: int = 100000) -> dict[str, Hist]: ...
def clock_offset(cpu_a: int, cpu_b: int, n_rounds: int = 100000) -> dict[str, int]: ...
def replay_index(source: str, data: bytes) -> bytes: ...
def synth(
    *,
    seed: int,
    n_body: int,
    mean_gap_ns: int,
    n_instruments: int,
    n_live_orders: int,
    is_fix: bool,
    weights: dict[str, int],
    px_change_permille: int,
    reprice_keeps_qty_permille: int,
    last_fill_part_permille: int,
    attributed_permille: int,
    priced_permille: int,
    tables: dict[str, npt.NDArray[np.int32]],
) -> tuple[bytes, bytes, int, dict[str, int]]: ...
def audit_verify(log: bytes) -> tuple[int, int]: ...
def probe_noise(cpus: Sequence[int], duration_ns: int, tsc_hz: int) -> list[NoiseProbe]: ...
def probe_neighbour(cpu: int, n: int, tsc_hz: int) -> NeighbourProbe: ...
def probe_placement(cpu_a: int, cpu_b: int, n_batches: int = 100) -> dict[str, int]: ...
def component(
    *,
    name: str,
    regime: str,
    cpu: int,
    seed: int,
    tsc_hz: int,
    duration_ns: int,
    warmup_min_ns: int,
    warmup_max_ns: int,
    stream: Stream | None,
) -> dict[str, Any]: ...

@final
class Trial:
    """An engine, or the reflector, and a rig on a CPU each.

    start(), wait() until it returns True, then look. One thread uses it.
    """

    def __new__(
        cls,
        *,
        stream: Stream,
        due_ns: npt.NDArray[np.uint64],
        span_ns: int,
        n_frames: int,
        n_warmup: int,
        drain_ns: int,
        cpu_engine: int,
        cpu_rig: int,
        tsc_hz: int,
        is_reflect: bool,
        reflect_every: int,
        stage_timing: bool,
        n_instruments: int,
        n_orders: int,
        n_qty_decimals: int,
        ring_bytes: int,
        n_audit_slots: int,
        limits: tuple[int, ...],
        strategy: tuple[int, ...],
    ) -> Trial: ...
    def start(self) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...
    def kill(self) -> bool: ...
    def close(self) -> None: ...
    def swap(self, timeout_s: float = 1.0) -> Hist: ...
    def hists(self) -> dict[str, Hist]: ...
    def counters(self) -> dict[str, dict[str, int]]: ...
    def usage(self) -> dict[str, dict[str, int]] | None: ...
    def identities(self) -> list[tuple[str, int, int]]: ...
    def answer(self) -> dict[str, Any]: ...
    def book(self, instrument: int) -> dict[str, Any]: ...
    def drain_audit(self, fd: int) -> int: ...
