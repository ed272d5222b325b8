"""A run directory, read once: the only thing a report may know.

Shapes: JSON files as plain dicts and lists, histogram logs on demand, every file with its size
        and sha256.
Errors: ReportError for a directory that is no run, or a file in it that cannot be read; the text
        names the file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.config.matrix import Matrix, load_matrix
from harness.errors import RedlineError
from harness.measure.histogram import Histogram
from harness.measure.hlog import Hlog, HlogError, Interval, read_hlog
from harness.report.charts import Curve

Json = dict[str, Any]

_WRITTEN_AFTERWARDS = {"report.html", "SHA256SUMS"}


class ReportError(RedlineError):
    """The run directory cannot be turned into a report."""


@dataclass(frozen=True, slots=True)
class File:
    """One piece of evidence."""

    name: str
    n_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run left behind. `run`, `env` and `noise` are their JSON files ({} when absent)."""

    folder: Path
    run: Json
    run_bytes: bytes
    env: Json
    noise: Json
    series: list[Json]
    outliers: list[Json]
    files: list[File]
    attribution: Json
    changes: Json
    quality: Json
    why: dict[str, str]
    """Row id -> why the matrix asks for it."""
    wire_target: Json
    """What the matrix asks of p99 from wire to wire: each interval of a long run is held to it."""
    _hlogs: dict[str, Hlog] = field(default_factory=dict)

    @property
    def run_sha256(self) -> str:
        return hashlib.sha256(self.run_bytes).hexdigest()

    def measured(self, metric: Json) -> Json | None:
        """The measurement behind a metric: the same name in full, as ids may repeat by regime."""
        keys = ("id", "regime", "points", "load")
        for measurement in self.run.get("measurements", []):
            if all(measurement.get(key) == metric.get(key) for key in keys):
                return dict(measurement)
        return None

    def timed(self, measurement: Json) -> list[Interval]:
        """Every interval that belongs to a measurement, with its time, in file order."""
        name = measurement.get("hlog")
        if not name:
            return []
        log = self._hlog(str(name))
        tags = measurement.get("tags") or log.tags()
        return [i for i in log.intervals if i.tag in tags]

    def intervals(self, measurement: Json) -> list[tuple[str, Histogram]]:
        """(tag, samples) of every interval that belongs to a measurement, in file order."""
        return [(i.tag, i.histogram) for i in self.timed(measurement)]

    def curve(self, measurement: Json | None, label: str, role: str) -> Curve | None:
        """The merged distribution of a measurement, or None when it has none."""
        if measurement is None or not measurement.get("hlog"):
            return None
        total = self._hlog(str(measurement["hlog"])).total(measurement.get("tags") or None)
        return Curve(label, total, role, scale_of(measurement)) if total.n else None

    def _hlog(self, name: str) -> Hlog:
        if name not in self._hlogs:
            path = self.folder / Path(name).name  # a name from run.json never leaves the directory
            try:
                self._hlogs[name] = read_hlog(path, cut=True)
            except FileNotFoundError:
                raise ReportError(f"{path}: named in run.json but missing") from None
            except HlogError as error:
                raise ReportError(f"{self.folder}: {error}") from None
        return self._hlogs[name]


def scale_of(measurement: Json) -> float:
    """ns per recorded unit: 1 for ns, the length of a tick for operations timed in ticks."""
    return float(measurement.get("facts", {}).get("tick_ns") or 1.0)


def read_evidence(run_dir: Path) -> Evidence:
    """Everything but the histograms, which are read when a chart asks for them."""
    path = run_dir / "run.json"
    try:
        run_bytes = path.read_bytes()
    except FileNotFoundError:
        raise ReportError(f"{run_dir}: no run.json in it, so it is not a run directory") from None
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from None
    run = _json(run_bytes, path)
    schema = str(run.get("schema", ""))
    if not schema.startswith("redline.run/"):
        raise ReportError(f"{path}: schema {schema!r}, expected 'redline.run/1'")
    matrix = _matrix(run_dir / "matrix.yaml")
    return Evidence(
        folder=run_dir,
        run=run,
        run_bytes=run_bytes,
        env=_json_file(run_dir / "env.json"),
        noise=_json_file(run_dir / "noise.json"),
        series=_json_lines(run_dir / "series.jsonl"),
        outliers=_json_lines(run_dir / "outliers.jsonl"),
        files=_files(run_dir),
        attribution=_json_file(run_dir / "attribution.json"),
        changes=_json_file(run_dir / "changes.json"),
        quality=_json_file(run_dir / "quality.json"),
        why={gate.id: gate.why for gate in matrix.everything()} if matrix else {},
        wire_target=_wire_target(matrix),
    )


def _json(raw: bytes, path: Path) -> Json:
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ReportError(f"{path}: not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ReportError(f"{path}: a {type(value).__name__}, expected an object")
    return value


def _json_file(path: Path) -> Json:
    return _json(path.read_bytes(), path) if path.is_file() else {}


def _json_lines(path: Path) -> list[Json]:
    """One object a line; a last line that a killed run left unfinished is left out."""
    if not path.is_file():
        return []
    lines = path.read_bytes().split(b"\n")
    if lines[-1]:
        lines.pop()
    return [_json(line, path) for line in lines if line.strip()]


def _matrix(path: Path) -> Matrix | None:
    """A matrix that is gone or damaged costs the report its explanations, not its figures."""
    try:
        return load_matrix(path)
    except (OSError, RedlineError):
        return None


def _wire_target(matrix: Matrix | None) -> Json:
    for gate in matrix.everything() if matrix else ():
        if gate.points == "wire" and gate.target.unit == "ns" and gate.statistic == "p99":
            return {"op": gate.target.op, "value": gate.target.value, "unit": gate.target.unit}
    return {}


def _files(run_dir: Path) -> list[File]:
    found = []
    for path in sorted(run_dir.iterdir()):
        if path.is_file() and path.name not in _WRITTEN_AFTERWARDS:
            digest = hashlib.sha256()
            with path.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
            found.append(File(path.name, path.stat().st_size, digest.hexdigest()))
    return found
