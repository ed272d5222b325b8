"""The raw files of a run directory, read once and named: all that a judgement may rest on.

Raw: run.json without its judged keys, env.json, noise.json, series.jsonl, the histogram logs,
    matrix.yaml, and what people and tools said beside (papers.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.config.matrix import Gate, Matrix, load_matrix
from harness.measure.hlog import Hlog, HlogError, read_hlog
from harness.run import artifacts, papers
from harness.run.papers import Papers

JUDGED_KEYS = ("metrics", "score", "verdict")
ENV, NOISE, SERIES, MATRIX = "env.json", "noise.json", "series.jsonl", "matrix.yaml"

Measurement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Raw:
    """Everything a judgement rests on, read and named."""

    run: Mapping[str, Any]
    env: Mapping[str, Any]
    noise: Mapping[str, Any]
    series: Sequence[Mapping[str, Any]]
    matrix: Matrix
    hlogs: Mapping[str, Hlog]
    sha256: Mapping[str, str]
    papers: Papers = papers.NONE

    def measurements(self) -> Sequence[Measurement]:
        measurements: Sequence[Measurement] = self.run["measurements"]
        return measurements

    def gates(self) -> Iterator[Gate]:
        """Everything that the matrix judges: weighted rows first."""
        yield from (row for _, row in self.matrix.rows())
        yield from self.matrix.gates


def read_raw(path: Path) -> Raw:
    """The raw files of a run directory, finished or still partial.

    RunDirError or ConfigError names the file that is missing or no longer what it was.
    """
    run = artifacts.read_json(path / artifacts.RUN)
    hlogs, sums = {}, {}
    for measurement in run["measurements"]:
        name = measurement.get("hlog")
        if name is not None and name not in hlogs:
            try:
                hlogs[name] = read_hlog(path / name, cut=run["status"] == "incomplete")
            except FileNotFoundError:
                raise artifacts.RunDirError(f"{name}: missing") from None
            except HlogError as error:
                raise artifacts.RunDirError(str(error)) from None
            sums[name] = artifacts.sha256_of(path / name)
    if (path / SERIES).exists():
        sums[SERIES] = artifacts.sha256_of(path / SERIES)
    matrix = load_matrix(path / MATRIX)
    said = papers.recorded(path, run, matrix)
    sums |= {name: artifacts.sha256_of_bytes(data) for name, data in said.files.items()}
    return Raw(
        {key: value for key, value in run.items() if key not in JUDGED_KEYS},
        artifacts.read_json(path / ENV),
        artifacts.read_json(path / NOISE),
        artifacts.read_jsonl(path / SERIES),
        matrix,
        hlogs,
        sums,
        said,
    )
