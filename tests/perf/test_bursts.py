"""The protocol that logs are compared by (peers/bursts.h), with logs that keep, lose, refuse and
mix up what they are given. Nothing here is judged by a clock.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests/perf/peers"
N_BURSTS = 200 + 2 * 20  # to warm up; of each kind
CALLS = N_BURSTS * 20

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")

# A log whose `append` is under test: it counts what it keeps.
FAKE = """
#include "bursts.h"

static struct burst_found found;
static uint64_t n, last;

static bool fake_open(const char *prefix, int cpu, uint64_t tsc_hz)
{
    (void)prefix, (void)cpu, (void)tsc_hz;
    return true;
}

static struct burst_found fake_close(void)
{
    return found;
}

static void keep(uint64_t id)
{
    found.n_records++;
    found.sum += id;
    found.n_bad += id <= last;
    last = id;
}

BURST_INLINE bool append(const struct burst_order *o)
{
    n++;
    BODY
}

int main(int argc, char **argv)
{
    static const struct burst_log log = {"fake", fake_open, fake_close};

    return argc == 6 ? bursts_main(argv + 2, &log, append) : 2;
}
"""
SUM = CALLS * (CALLS + 1) // 2


def built(tmp_path: Path, *sources: Path | str) -> Path:
    program = tmp_path / "program"
    flags = ("-std=gnu11", "-D_GNU_SOURCE", "-O1", "-march=x86-64-v3", "-Wall", "-Wextra")
    paths = (f"-I{PEERS}", f"-I{ROOT / 'csrc'}", *map(str, sources))
    subprocess.run(["cc", *flags, *paths, "-lpthread", "-o", str(program)], check=True)
    return program


def run(program: Path, mode: str, prefix: Path) -> dict[str, Any]:
    """20 bursts of each kind, after those that warm up."""
    cpu = max(os.sched_getaffinity(0))
    words = [str(program), mode, str(prefix), str(cpu), "2000000000", "0.001"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("keep(o->id); return true;", (0, 0, 0)),
        ("if (n % 10 != 0) keep(o->id); return true;", (CALLS // 10, 0, 0)),
        ("if (n % 10 == 0) return false; keep(o->id); return true;", (0, CALLS // 10, 0)),
        ("keep(n == 7 ? 1 : o->id); return true;", (0, 0, 1)),
        ("keep(o->id); if (n == 9) keep(o->id + 1); return true;", (0, 0, 2)),
    ],
    ids=["keeps", "loses", "refuses", "mixes up", "invents"],
)
def test_what_becomes_of_the_records_is_told_apart(
    body: str, wanted: tuple[int, int, int], tmp_path: Path
) -> None:
    source = tmp_path / "fake.c"
    source.write_text(FAKE.replace("BODY", body))
    found = run(built(tmp_path, source), "any", tmp_path / "x")
    assert (found["n_lost"], found["n_refused"], found["n_wrong"]) == wanted
    assert found["n_records"] == CALLS - found["n_refused"]
    if wanted == (0, 0, 0):
        assert int(found["answer"], 16) == SUM


def test_our_log_and_the_floors_keep_every_record_of_all_bursts(tmp_path: Path) -> None:
    audit = sorted((ROOT / "csrc/trade/audit").glob("*.c"))
    base = [ROOT / f"csrc/base/{name}.c" for name in ("clock", "cpu", "ring")]
    program = built(tmp_path, PEERS / "log_bursts.c", *audit, *base)
    for mode in ("audit", "ring", "write", "empty"):
        found = run(program, mode, tmp_path / mode)
        assert (found["n_lost"], found["n_refused"], found["n_wrong"]) == (0, 0, 0), mode
        assert int(found["answer"], 16) == SUM, mode
        n_calls, n_wholes, n_pairs = (
            sum(found[name].values()) for name in ("per_op", "per_burst", "pair")
        )
        assert (n_calls, n_wholes, n_pairs) == (400, 20, 40), mode
    assert sorted(p.name for p in tmp_path.iterdir()) == ["program"]


def test_a_mode_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    source = tmp_path / "fake.c"
    source.write_text(FAKE.replace("BODY", "keep(o->id); return true;"))
    done = subprocess.run([str(built(tmp_path, source))], check=False)
    assert done.returncode == 2
