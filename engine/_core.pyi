from collections.abc import Sequence
from typing import Any, Literal, TypedDict, final, type_check_only

import numpy as np
import numpy.typing as npt

from engine.market import Stream
from engine.market.books import State
from engine.market.fix import Buffer, Level, Path, Records
from engine.market.ouch import Direction
from engine.market.replay import Protocol

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
def replay_read(
    source: str, data: bytes, payload: str, only: tuple[tuple[bytes, int], ...]
) -> tuple[bytes | None, dict[str, Any], str]: ...
def replay_guess(data: bytes, /) -> str: ...
def fix_parse(
    data: Buffer,
    messages: Records,
    fields: Records,
    sentences: list[str],
    at: int,
    first_field: int,
    level: Level,
    dictionary: object,
) -> tuple[int, int, int, bool]: ...
def fix_frame(data: Buffer, at: int = 0) -> tuple[Literal["ok", "partial", "garbled"], int]: ...
def fix_checksum(data: Buffer) -> int: ...
def fix_paths() -> list[Path]: ...
def fix_path() -> Path: ...
def fix_use(path: Path, /) -> None: ...
def fix_find(
    messages: Records, fields: Records, tag: int, found: npt.NDArray[np.int64]
) -> None: ...
def fix_read(
    kind: Literal["int", "price", "time"],
    data: Buffer,
    fields: Records,
    which: npt.NDArray[np.int64],
    values: npt.NDArray[np.int64],
    valid: npt.NDArray[np.bool_],
) -> None: ...
def fix_encode(
    data: Buffer, messages: Records, fields: Records, out: npt.NDArray[np.uint8]
) -> int: ...
def fix_data_tag(length_tag: int, /) -> int: ...
def itch_types() -> dict[str, tuple[str, int]]: ...
def itch_decode(
    data: Buffer, recs: Records, updates: Records, valid: npt.NDArray[np.bool_]
) -> None: ...
def itch_encode(
    updates: Records,
    types: npt.NDArray[np.bytes_],
    symbols: npt.NDArray[np.bytes_],
    out: npt.NDArray[np.uint8],
    recs: Records,
) -> int: ...
def itch_layout(type: bytes, /) -> tuple[int, list[tuple[str, str, int]]]: ...
def itch_read(
    data: Buffer, recs: Records, values: Records, valid: npt.NDArray[np.bool_]
) -> None: ...
def itch_write(values: Records, out: npt.NDArray[np.uint8], recs: Records) -> int: ...
def ouch_types(direction: Direction, /) -> dict[str, tuple[str, int]]: ...
def ouch_layout(direction: Direction, /) -> tuple[int, list[tuple[str, str, int]]]: ...
def ouch_read(
    direction: Direction,
    data: Buffer,
    recs: Records,
    rows: Records,
    valid: npt.NDArray[np.bool_],
) -> None: ...
def ouch_write(
    direction: Direction,
    rows: Records,
    data: Buffer,
    out: npt.NDArray[np.uint8],
    recs: Records,
) -> int: ...
def ouch_options(options: Buffer) -> list[tuple[int, str, bytes]]: ...
def book_ops() -> dict[str, int]: ...
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
    n_instruments: int,
    n_orders: int,
    stream: Stream | None,
    dictionary: object | None,
) -> dict[str, Any]: ...

@final
class Dictionary:
    """Tables of a FIX version, built from arrays (csrc/market/fix/dict.h).

    Any number of threads validate with it. ValueError: a sentence on what is wrong with the arrays.
    """

    def __new__(
        cls,
        *,
        begin_string: str,
        appl_ver_id: str,
        flags: int,
        values: Sequence[str],
        message_types: Sequence[str],
        fields: npt.NDArray[np.uint32],
        members: npt.NDArray[np.uint32],
        groups: npt.NDArray[np.uint32],
        messages: npt.NDArray[np.uint32],
        header: tuple[int, int],
        trailer: tuple[int, int],
        also: Sequence[Dictionary],
    ) -> Dictionary: ...
    def validate(
        self, message: Buffer, level: int = 3, carefully: bool = False
    ) -> tuple[int, int, int, int, str]: ...
    def expecting(self, sender: str, target: str) -> Dictionary: ...
    @property
    def sizes(self) -> dict[str, int]: ...

def fix_reason_text(reason: int, /) -> str: ...

@final
class Books:
    """The order books of all instruments of a feed (csrc/market/book/book.h).

    One thread at a time uses it; the others get a RuntimeError.
    """

    def __new__(
        cls, *, n_instruments: int, n_orders: int, n_levels_per_side: int, n_levels: int
    ) -> Books: ...
    def apply(self, updates: Records, changed: npt.NDArray[np.bool_]) -> None: ...
    def bbo(self, out: Records) -> None: ...
    def depth(self, instrument: int, side: int, out: Records) -> int: ...
    def find(self, instrument: int, id: int) -> tuple[int, int, int] | None: ...
    def queue_rank(self, instrument: int, id: int) -> int | None: ...
    def n(self, instrument: int) -> tuple[int, int, int, int]: ...
    def qty_at(self, instrument: int, side: int, px_nano: int, /) -> int: ...
    def take(self, instrument: int, side: int, qty: int, /) -> tuple[int, int, int, int]: ...
    def queue(self, instrument: int, side: int, px_nano: int, out: Records) -> int: ...
    def state(self, instrument: int, /) -> State: ...
    def view(self) -> BookViews: ...
    def hash(self) -> int: ...
    def check(self) -> str | None: ...
    def counters(self) -> dict[str, int]: ...

@final
class Feed:
    """Packets of a market data stream to updates (csrc/market/feed/feed.h).

    n_lines 0: one line without arbitration. One thread at a time uses it.
    """

    def __new__(
        cls,
        *,
        protocol: Protocol,
        in_mold: bool,
        n_instruments: int,
        n_qty_decimals: int,
        first_seq: int,
        n_lines: int,
        settings: dict[str, int],
    ) -> Feed: ...
    def push(self, data: Buffer, recs: Records, ends: npt.NDArray[np.uint64]) -> bytearray: ...
    def poll(self, now_ns: int, /) -> bytearray: ...
    def request(self, now_ns: int, /) -> tuple[bool, int, int, int] | None: ...
    def forget(self) -> None: ...
    def symbols(self) -> list[str]: ...
    def name(self, key: int, symbol: str, /) -> None: ...
    def is_synced(self, instrument: int, /) -> bool: ...
    def counters(self) -> dict[str, dict[str, int]]: ...
    def losses(self) -> bytes: ...
    def lag(self, line: int, /) -> Hist: ...
    def skew_ns(self, a: int, b: int, pct: float, /) -> int: ...
    def silent_ns(self, line: int, now_ns: int, /) -> int | None: ...
    def due_ns(self) -> int | None: ...
    def next_seq(self) -> int: ...

@final
class BookViews:
    """What the writer of Books published (csrc/market/book/view.h).

    Any thread may read it while another applies updates.
    """

    def read(self, first: int, out: Records, valid: npt.NDArray[np.bool_]) -> None: ...
    @property
    def published(self) -> int: ...

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

@final
class Player:
    """A recording played through arbitration, feed and books.

    start(), wait() until it returns True, then result(). One thread uses it.
    """

    def __new__(
        cls,
        *,
        data: bytes,
        recs: npt.NDArray[np.void],
        protocol: str,
        is_packets: bool,
        n_lines: int,
        pace: str,
        speed_num: int,
        speed_den: int,
        rate_per_s: int,
        n_loops: int,
        into_port: bool,
        n_instruments: int,
        n_orders: int,
        n_levels_per_side: int,
        n_qty_decimals: int,
        n_cable_bytes: int,
        cpu_reader: int,
        cpu_sender: int,
    ) -> Player: ...
    def start(self) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...
    def close(self) -> None: ...
    def progress(self) -> dict[str, dict[str, int]]: ...
    def result(self) -> dict[str, Any]: ...
