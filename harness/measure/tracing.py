"""A trace of the kernel of our own: an instance of tracefs that is gone when we are.

An instance is a directory `rl-<8 hex>`. Who made it holds a lock (flock) on it, which the kernel
drops when its process dies, however it dies: an instance that can be locked has no owner, and
whoever finds it removes it. No file anywhere has to tell whose it is.

Events are switched on for one look and off after it, for while they are on they cost time on every
CPU. Time stamps are the CPU's counter (`x86-tsc`), the same that the probes read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HostError

TRACEFS = Path("/sys/kernel/tracing")
CLOCK = "x86-tsc"
NAME = re.compile(r"rl-[0-9a-f]{8}")
BUFFER_KB = 8192  # a CPU that is looked at; the others get none
MAX_LINE = 1000
_VECTORS = (
    "local_timer",
    "reschedule",
    "call_function",
    "call_function_single",
    "irq_work",
    "x86_platform_ipi",
    "thermal_apic",
    "threshold_apic",
    "deferred_error_apic",
    "error_apic",
    "spurious_apic",
)
NEEDED = (
    "sched/sched_switch",
    "irq/irq_handler_entry",
    "irq/irq_handler_exit",
    "irq/softirq_entry",
    "irq/softirq_exit",
    "irq_vectors/local_timer_entry",
    "irq_vectors/local_timer_exit",
)
OPTIONAL = (
    *(f"irq_vectors/{name}_{end}" for name in _VECTORS[1:] for end in ("entry", "exit")),
    "exceptions/page_fault_user",
    "exceptions/page_fault_kernel",
)


@dataclass(frozen=True, slots=True)
class Swept:
    """Instances of dead owners that were removed, and a line for each that could not be."""

    removed: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance with these events, switched off; `look` records what happens meanwhile."""

    folder: Path
    cpus: tuple[int, ...]
    events: tuple[str, ...]

    @contextlib.contextmanager
    def look(self) -> Iterator[None]:
        """Record on all its CPUs, from nothing. HostError with the kernel's reason."""
        try:
            with _refusals():
                for cpu in self.cpus:
                    (self.folder / f"per_cpu/cpu{cpu}/trace").open("w").close()  # empties it
                for event in self.events:
                    _write(self.folder / "events" / event / "enable", "1")
                _write(self.folder / "tracing_on", "1")
            yield
        finally:
            with _refusals():
                _write(self.folder / "tracing_on", "0")
                _write(self.folder / "events/enable", "0")

    def lines(self, cpu: int) -> Iterator[str]:
        """What the last look recorded on a CPU; longer lines come in pieces."""
        path = self.folder / f"per_cpu/cpu{cpu}/trace"
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            while line := file.readline(MAX_LINE):
                yield line.removesuffix("\n")

    def lost(self, cpu: int) -> int:
        """Events of the last look that had no room."""
        counts = (self.folder / f"per_cpu/cpu{cpu}/stats").read_text(errors="replace")
        found = re.findall(r"^(?:overrun|commit overrun|dropped events): (\d+)$", counts, re.M)
        return sum(map(int, found))


def unavailable(root: Path = TRACEFS) -> str | None:
    """Why this process cannot trace here; None when it can."""
    try:
        clocks = (root / "trace_clock").read_text()
        if not os.access(root / "instances", os.W_OK):
            return "tracefs may not be written to"
    except FileNotFoundError:
        return f"no tracefs at {root}: nobody has mounted it"
    except OSError as error:
        return f"tracefs: {(error.strerror or str(error)).lower()}"
    if CLOCK not in clocks.replace("[", " ").replace("]", " ").split():
        return f"this kernel's traces have no clock {CLOCK}"
    missing = [event for event in NEEDED if not (root / "events" / event).is_dir()]
    return f"this kernel has no event {missing[0].replace('/', ':')}" if missing else None


@contextlib.contextmanager
def instance(cpus: Sequence[int], *, root: Path = TRACEFS) -> Iterator[Instance]:
    """An instance for these CPUs, removed afterwards. HostError with what the kernel refused."""
    sweep(root)
    with _locked_folder(root / "instances") as folder:
        with _refusals():
            prepared = _prepared(folder, tuple(cpus))
        yield prepared


def leftovers(root: Path = TRACEFS) -> tuple[str, ...]:
    """Names of instances whose owners are dead; changes nothing."""
    return tuple(path.name for path in _ours(root) if (fd := _lock(path)) is not None and _shut(fd))


def sweep(root: Path = TRACEFS) -> Swept:
    """Remove the instances of dead owners; those of the living stay."""
    removed, faults = [], []
    for path in _ours(root):
        fd = _lock(path)
        if fd is None:
            continue
        try:
            _remove(path)
            removed.append(path.name)
        except FileNotFoundError:
            pass  # somebody else swept it
        except OSError as error:
            faults.append(f"trace {path.name} stays: {(error.strerror or str(error)).lower()}")
        finally:
            os.close(fd)
    return Swept(tuple(removed), tuple(faults))


def _prepared(folder: Path, cpus: tuple[int, ...]) -> Instance:
    _write(folder / "tracing_on", "0")
    _write(folder / "trace_clock", CLOCK)
    _write(folder / "buffer_size_kb", "4")  # a large machine has many CPUs that are not looked at
    for cpu in cpus:
        _write(folder / f"per_cpu/cpu{cpu}/buffer_size_kb", str(BUFFER_KB))
    there = (event for event in (*NEEDED, *OPTIONAL) if (folder / "events" / event).is_dir())
    _write(folder / "tracing_cpumask", _mask(cpus))
    return Instance(folder, cpus, tuple(there))


@contextlib.contextmanager
def _locked_folder(parent: Path) -> Iterator[Path]:
    while True:
        path = parent / f"rl-{secrets.token_hex(4)}"
        with _refusals():
            path.mkdir()
        fd = _lock(path)
        if fd is not None:
            break  # else a sweeper came between the two calls, and has it
    try:
        yield path
    finally:
        try:
            with _refusals():
                _remove(path)
        finally:
            os.close(fd)


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """What the kernel refuses, as a sentence for a person."""
    try:
        yield
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise HostError(f"tracing: {where}{error.strerror or error}") from None


def _ours(root: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(p for p in (root / "instances").iterdir() if NAME.fullmatch(p.name))
    return []


def _lock(path: Path) -> int | None:
    """A descriptor that holds the lock on a directory which is still there; None: not to be had."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino == path.stat().st_ino:
            return fd
    except OSError:
        pass
    os.close(fd)
    return None


def _shut(fd: int) -> bool:
    os.close(fd)
    return True


def _remove(path: Path) -> None:
    """EBUSY passes when whoever reads a file of it has done so."""
    for left in range(10, -1, -1):
        try:
            path.rmdir()
            return
        except OSError:
            if not left or not path.exists():
                raise
            time.sleep(0.02)


def _write(path: Path, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        os.close(fd)


def _mask(cpus: Sequence[int]) -> str:
    """As the kernel takes it: words of 32 CPUs, the highest first."""
    digits = f"{sum(1 << cpu for cpu in set(cpus)):x}"
    digits = digits.zfill(-(-len(digits) // 8) * 8)
    return ",".join(digits[at : at + 8] for at in range(0, len(digits), 8))
