"""What touching new memory takes: faults, counted, and pages of the size that was asked for."""

from __future__ import annotations

import errno
import mmap
import os
import re
import resource

from harness.tuning.effects.proofs import proof, unknown
from harness.tuning.knobs.base import Proof, Scope, Wish, value_text

HUGE = 2 << 20  # of x86-64
N_BYTES = 5 * HUGE  # in it lie four huge pages, wherever it begins
LARGEST = 1 << 30
N_PAGES = N_BYTES // mmap.PAGESIZE
MAP_HUGETLB, MAP_HUGE_SHIFT = 0x40000, 26  # Python names neither
SMAPS = "/proc/self/smaps"


def page_faults(*, advised: bool = False) -> int:
    """Faults of this thread for touching each of N_PAGES pages of new memory.

    `advised`: after having asked for huge pages there (MADV_HUGEPAGE). OSError when out of memory.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with mmap.mmap(-1, N_BYTES, flags=flags) as memory:
        if advised:
            memory.madvise(mmap.MADV_HUGEPAGE)
        first = _faults()
        for at in range(0, len(memory), mmap.PAGESIZE):
            memory[at] = 1
        return _faults() - first


def huge_page_bytes(size: int = HUGE) -> int:
    """Bytes of reserved huge pages that a new mapping of one such page is made of; 0: none left.

    OSError(EINVAL) for a size that the kernel does not have.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_HUGETLB | mmap.MAP_POPULATE
    if not 0 < size <= LARGEST or size & (size - 1):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    flags |= (size.bit_length() - 1) << MAP_HUGE_SHIFT
    before = _huge_bytes()
    try:
        memory = mmap.mmap(-1, size, flags=flags)
    except OSError as error:
        if error.errno == errno.ENOMEM:  # none reserved, or all in use
            return 0
        raise
    with memory:
        return _huge_bytes() - before


def prove_page_faults(scope: Scope, wish: Wish) -> Proof:
    """Holds when memory comes in the pages that the wish (never, madvise, always) says."""
    name = "page-faults"
    asked = value_text(wish.value).strip()
    if not scope.host.is_this_machine:
        return unknown(wish, name, "a recorded host cannot be measured")
    if asked not in ("never", "madvise", "always"):
        return unknown(wish, name, f"says nothing of page sizes: {asked}")
    plain, advised = page_faults(), page_faults(advised=True)
    seen = f"{plain} faults for {N_PAGES} pages, {advised} after asking for huge ones"
    if asked == "never":
        return proof(wish, name, min(plain, advised) >= N_PAGES, seen, "one a page")
    if asked == "madvise" and plain < N_PAGES:
        return proof(wish, name, False, seen, "one a page unless asked for huge ones")
    if (advised if asked == "madvise" else plain) >= N_PAGES:
        return unknown(wish, name, "no huge page came: switched off, or memory is in pieces", seen)
    return proof(wish, name, True, seen, "less than one a page")


def prove_huge_pages(scope: Scope, wish: Wish) -> Proof:
    """Holds when a process gets a reserved huge page of each size that is asked for."""
    name = "huge-pages"
    sizes = _sizes(value_text(wish.value))
    if not scope.host.is_this_machine:
        return unknown(wish, name, "a recorded host cannot be measured")
    if not sizes:
        return unknown(wish, name, "no pages are asked for")
    got = {size: huge_page_bytes(size) for size in sizes}
    seen = ", ".join(f"{found >> 10} kB of a {size >> 10} kB page" for size, found in got.items())
    return proof(wish, name, all(got[size] >= size for size in sizes), seen, "one of each size")


def _sizes(text: str) -> list[int]:
    """Sizes in bytes of `2048=16 1048576=1` (kB=pages) or of a number of pages of 2 MiB."""
    pairs = re.findall(r"(\d{4,8})(?:kB)?[=:](\d{1,7})", text)
    found = [int(kb) << 10 for kb, n in pairs if int(n) > 0]
    alone = re.fullmatch(r"\s*(\d{1,7})\s*", text)
    if alone and int(alone[1]) > 0:
        found = [HUGE]
    return [size for size in found if size & (size - 1) == 0]


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt


def _huge_bytes() -> int:
    """Of reserved huge pages, in all mappings of this process."""
    with open(SMAPS, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        found = [re.match(r"(?:Private|Shared)_Hugetlb:\s+(\d+) kB", line) for line in lines]
    return sum(int(one[1]) << 10 for one in found if one)
