"""A newcomer's first scenario: the burst of the guide, typed in and run."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import ROOT, needs_two_cpus, redline


def test_the_burst_of_the_guide_proves_what_it_says(tmp_path: Path) -> None:
    needs_two_cpus()
    page = (ROOT / "docs/guides/scenarios.md").read_text()
    (text,) = re.findall(r"^```yaml\n(# [^\n]*\n# Why: .*?)^```$", page, re.M | re.S)
    file = tmp_path / "my_burst.yaml"
    file.write_text(text)
    valid = redline("scenarios", "validate", file)
    assert (valid.returncode, valid.stdout) == (0, f"{file}: sound\n")
    assert "burst.figure" in redline("scenarios", "explain", file).stdout
    done = redline("run", file, "--out", tmp_path / "with")
    assert done.returncode in (0, 75), done.stdout + done.stderr  # 75: the host is too noisy
    without = redline("run", file, "--without-faults", "--out", tmp_path / "without")
    assert without.returncode == 1, without.stdout + without.stderr
    assert "burst.figure: the fault had an effect" in without.stdout
