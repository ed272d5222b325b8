"""Engines with a fault put in on purpose: what claims to catch such a fault must catch it.

Each is the present source with one textual change, compiled as a release is, and kept under
build/seeded by what went into it. All share one tree of objects: a fault costs the compilation of
one file, and only the first costs that of all.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.regression import builds
from harness.regression.builds import Build

TREE = Path(__file__).parent.parent
KEPT = TREE / "build" / "seeded"


@dataclass(frozen=True)
class Fault:
    """`old` becomes `new`, once, in the file `path`."""

    name: str
    path: str
    old: str
    new: str


NONE = Fault("none", "", "", "")

_PARSE = "    return chosen_parse(m, bytes, n_bytes);\n"


def slow_parser(n_multiplications: int) -> Fault:
    """The parser waits for a chain of multiplications before it sees the message.

    Its last link is zero, and the message's address depends on it: the core cannot run ahead.
    """
    return Fault(
        f"slow-parser-{n_multiplications}",
        "csrc/market/fix/parse.c",
        _PARSE,
        f"""    uint64_t x = (uintptr_t)bytes;

    for (int i = 0; i < {n_multiplications}; i++)
        __asm__ volatile("imulq %0, %0" : "+r"(x) : : "cc");
    __asm__ volatile("andq $0, %0" : "+r"(x) : : "cc");
    return chosen_parse(m, bytes + x, n_bytes);
""",
    )


TEN_PERCENT = slow_parser(9)  # three cycles each, where a parse takes about 250
CRAWLING = slow_parser(2000)  # beyond its target on any machine: 6000 cycles

WRONG_ANSWER = Fault(
    "wrong-answer",
    "csrc/market/fix/parse.c",
    _PARSE,
    """    enum rl_fix_result result = chosen_parse(m, bytes, n_bytes);

    if (m->n_fields > 4)
        m->fields[m->n_fields - 2].tag++;
    return result;
""",
)

ALLOCATION = Fault(
    "allocation",
    "csrc/market/fix/parse.c",
    _PARSE,
    """    void *volatile taken = malloc(16);

    free(taken);
    return chosen_parse(m, bytes, n_bytes);
""",
)

LEAK_BYTES, LEAK_EVERY = 24, 1_000_000  # messages
LEAK = Fault(  # a frame of the trial's feed is a message
    "leak",
    "csrc/rig/pipeline/pipeline.c",
    "    rl_count(&p->n.frames, 1);\n",
    f"""    rl_count(&p->n.frames, 1);
    if (rl_counted(&p->n.frames) % {LEAK_EVERY} == 0) {{
        void *volatile taken = malloc({LEAK_BYTES});

        (void)taken;
    }}
""",
)

BROKEN = Fault("broken", "csrc/market/fix/parse.c", _PARSE, "    this does not compile\n")


def sources(fault: Fault = NONE) -> dict[str, bytes]:
    """The files of the engine with the fault in them. ValueError when the code has moved on."""
    files = builds.source_files(TREE)
    if fault.path:
        text = files[fault.path].decode()
        if text.count(fault.old) != 1:
            raise ValueError(f"{fault.path}: is not what the fault {fault.name} was made for")
        text = text.replace(fault.old, fault.new)
        if "malloc(" in fault.new:
            text = "#include <stdlib.h>\n" + text
        files[fault.path] = text.encode()
    return files


def build(fault: Fault = NONE) -> Build:
    """An engine with this fault. BuildError when it does not compile."""
    files = sources(fault)
    site = KEPT / builds.key_of(files, "seeded")[:32]
    with _alone():
        if not (site / "engine" / builds.EXTENSION).is_file():
            source, objects, made = KEPT / "source", KEPT / "objects", KEPT / "made"
            _forget(source, files)
            builds.write_files(files, source)
            builds.make_extension(fault.name, source, objects, KEPT / "build.log")
            shutil.rmtree(made, ignore_errors=True)
            builds.take_site(source, objects, made)
            shutil.rmtree(site, ignore_errors=True)
            made.rename(site)
    core = site / "engine" / builds.EXTENSION
    return Build(fault.name, site, hashlib.sha256(core.read_bytes()).hexdigest())


def _forget(source: Path, files: dict[str, bytes]) -> None:
    """Files that the source no longer has would be compiled along."""
    for path in source.rglob("*"):
        if path.is_file() and path.relative_to(source).as_posix() not in files:
            path.unlink()


@contextmanager
def _alone() -> Iterator[None]:
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
