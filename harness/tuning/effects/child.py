"""What runs on a CPU of its own while an effect is measured: a program, not a module to import.

It is started as `python -I -S -c SOURCE SECONDS KIND ARGS`, so it needs nothing but the standard
library and works where this package is a file in memory. It says `ready`, and then its numbers on
one line; what the kernel refuses it says as `errno N`.

It ends whatever happens: with who started it (PR_SET_PDEATHSIG), by its own clock, by SIGALRM, and
by limits of the kernel on its time on a CPU, with or without a turn of the interpreter.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import math
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
RCVTIMEO = struct.pack("ll", 1, 0)  # a lost datagram ends a measurement, it does not hang it
GRACE_S = 1.0
MAX_GAPS = 100_000
PRIORITY = 1  # above every ordinary task, below every other real-time one


def guarded(seconds: float) -> None:
    """See to it that this process, and what it forks, is gone soon after `seconds`."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_S)
    whole = math.ceil(seconds + GRACE_S)
    resource.setrlimit(resource.RLIMIT_CPU, (whole, whole))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()


def say(*numbers: object) -> None:
    os.write(1, (" ".join(map(str, numbers)) + "\n").encode())


def fifo_gap(cpu: int, seconds: float) -> None:
    """Spin as a real-time task; the longest time between two looks at the clock, in ns."""
    us = int((seconds + GRACE_S / 2) * 1e6)
    resource.setrlimit(resource.RLIMIT_RTTIME, (us, us))
    os.sched_setaffinity(0, {cpu})
    ordinary = os.sched_getscheduler(0), os.sched_getparam(0)
    param = os.sched_param(PRIORITY)
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, param)
    say("ready")
    now = time.monotonic_ns
    longest, last = 0, now()
    end = last + int(seconds * 1e9)
    while last < end:
        moment = now()
        if moment - last > longest:
            longest = moment - last
        last = moment
    os.sched_setscheduler(0, *ordinary)
    say(longest)


def spin(cpu: int, seconds: float) -> None:
    """Keep a CPU busy with one ordinary task."""
    os.sched_setaffinity(0, {cpu})
    say("ready")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def nap(cpu: int, seconds: float) -> None:
    """Let a CPU fall asleep again and again."""
    os.sched_setaffinity(0, {cpu})
    say("ready")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.001)


def spin_up(cpu: int) -> None:
    """A piece of work after a rest, and the same when warm, in ns, again and again."""
    os.sched_setaffinity(0, {cpu})
    say("ready")
    now = time.monotonic_ns
    found = []
    for _ in range(6):
        time.sleep(0.03)
        found.append(work(now))
        warm_until = now() + 20_000_000  # governors look every 10 ms or so
        while now() < warm_until:
            pass
        found.append(min(work(now) for _ in range(5)))
    say(*found)


def work(now: Callable[[], int]) -> int:
    begun = now()
    for _ in range(20_000):
        pass
    return now() - begun


def gaps(cpu: int, seconds: float) -> None:
    """How long it took, the threshold, what had no room, and every gap beyond it; in ns."""
    os.sched_setaffinity(0, {cpu})
    say("ready")
    now = time.perf_counter_ns
    looks = [now() for _ in range(2001)]
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(looks))
    threshold = max(1000, 5 * steps[len(steps) // 2])  # well beyond what the interpreter varies by
    found: list[int] = []
    no_room = 0
    begun = last = now()
    end = last + int(seconds * 1e9)
    while last < end:
        moment = now()
        if moment - last > threshold:
            if len(found) < MAX_GAPS:
                found.append(moment - last)
            else:
                no_room += moment - last
        last = moment
    say(last - begun, threshold, no_room, *found)


def round_trips(here: int, there: int, n: int, gap_us: int, spins: int) -> None:
    """n round trips of a datagram between two CPUs, in ns; both ends block, or both spin."""
    ours, theirs = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for end in (ours, theirs):
        end.bind(("127.0.0.1", 0))
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, RCVTIMEO)
    ours.connect(theirs.getsockname())
    theirs.connect(ours.getsockname())
    receive = spinning if spins else blocking
    started = os.getpid()
    if os.fork() == 0:
        answer(theirs, there, receive(theirs), started)
    theirs.close()  # else a far end that died would look like one that is slow
    os.sched_setaffinity(0, {here})
    get, send, now = receive(ours), ours.send, time.monotonic_ns
    took = []
    say("ready")
    for number in range(n + n // 10 + 1):
        if gap_us:
            time.sleep(gap_us / 1e6)
        data = number.to_bytes(8, "little")
        before = now()
        send(data)
        while get() != data:
            pass  # late answer to one that was given up
        took.append(now() - before)
    say(*took[-n:])  # the first tenth finds cold caches


def blocking(end: socket.socket) -> Callable[[], bytes]:
    receive = end.recv
    return lambda: receive(64)


def spinning(end: socket.socket) -> Callable[[], bytes]:
    receive, flag = end.recv, socket.MSG_DONTWAIT
    give_up = time.monotonic() + 5

    def get() -> bytes:
        while True:
            try:
                return receive(64, flag)
            except BlockingIOError:
                if time.monotonic() > give_up:
                    raise

    return get


def answer(end: socket.socket, cpu: int, get: Callable[[], bytes], parent: int) -> None:
    """The far end: sends back what comes, until nothing comes any more or its parent is gone."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.setitimer(signal.ITIMER_REAL, 10)  # timers are not inherited
    if os.getppid() != parent:
        os._exit(1)
    try:
        os.sched_setaffinity(0, {cpu})
        while True:
            end.send(get())
    finally:
        os._exit(0)


KINDS: dict[str, Callable[..., None]] = {
    "fifo-gap": fifo_gap,
    "spin": spin,
    "nap": nap,
    "round-trips": round_trips,
    "spin-up": spin_up,
    "gaps": gaps,
}


def main(arguments: list[str]) -> int:
    seconds, kind, *rest = arguments
    guarded(float(seconds))
    try:
        KINDS[kind](*(float(one) if "." in one else int(one) for one in rest))
    except OSError as error:
        say("errno", error.errno or 0)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
