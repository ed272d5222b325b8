"""The order side beside its slow references, at ten million operations a driver (`make soak`)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "build" / "dev" / "tests" / "c"
N_OPS = int(os.environ.get("RL_SOAK_OPS", 10_000_000))
FEW, MORE = 1_000, 20_000
# A driver takes the number of its operations from the environment and prints what it did.
DRIVERS = sorted(
    source.stem
    for source in (ROOT / "tests" / "c").glob("test_*.c")
    if "RL_SOAK_OPS" in source.read_text()
)


def run(program: Path, n: int) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"RL_SOAK_OPS": str(n)}
    return subprocess.run([program], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.stability
@pytest.mark.timeout(0)
@pytest.mark.parametrize("driver", DRIVERS)
def test_the_order_side_and_its_slow_reference_stay_the_same(driver: str) -> None:
    program = BUILT / driver
    if not program.exists():
        pytest.skip(f"{program.relative_to(ROOT)} is not built: make soak builds it")
    done = run(program, N_OPS)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_does_as_much_as_it_is_told(driver: str) -> None:
    program = BUILT / driver
    if not program.exists():
        pytest.skip(f"{program.relative_to(ROOT)} is not built: make test-c builds it")
    assert run(program, FEW).stdout != run(program, MORE).stdout  # so few may not meet everything


def test_every_part_of_the_order_side_has_a_driver() -> None:
    parts = {name.removeprefix("test_").partition("_")[0] for name in DRIVERS}
    assert {"orders", "ledger", "risk", "oms"} <= parts
