"""What people and tools say of a run, beside what was measured: waivers, delivery, quality.

Files:    waivers.yaml, delivery.yaml, quality.json, each with its signature (`.sig`, made by
    `ssh-keygen -Y sign`) where there is one, and `allowed_signers`. They are copied into the run
    directory as they are and read again from there for every judgement.
Trust:    a row of the delivery counts only while its file is signed by somebody of allowed_signers;
    waivers may be signed, and then must be signed well. Keys are taken as they were when the run
    started, so a run verifies the same a year later.
Figures:  each row becomes a measurement of kind scalar in run.json, made by `measurements` when the
    run is written and again when it is verified.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.config import delivery as delivery_file
from harness.config import quality as quality_file
from harness.config.delivery import Delivery, Said, parse_delivery
from harness.config.loader import ConfigError, read_text
from harness.config.matrix import Matrix
from harness.config.quality import Quality, Tool, parse_quality
from harness.config.waivers import Waiver, Waivers, parse_waivers
from harness.run.artifacts import RunDir, RunDirError
from harness.signatures import NotSigned, parse_allowed, read_allowed, signer_of

WAIVERS, DELIVERY, QUALITY = "waivers.yaml", "delivery.yaml", "quality.json"
SIGNERS, SIGNATURE = "allowed_signers", ".sig"
NAMESPACES = {WAIVERS: "redline-waivers", DELIVERY: delivery_file.NAMESPACE}
FILES = (WAIVERS, DELIVERY, QUALITY)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a file; or why nobody did, as far as can be told."""

    by: str = ""
    why_not: str = ""
    forged: bool = False  # there is a signature, and it is not good


@dataclass(frozen=True, slots=True)
class Papers:
    """The files as bytes, by their names in a run directory, and what they say."""

    matrix_name: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()
    delivery: tuple[tuple[str, Said], ...] = ()  # with the metric of the row
    quality: tuple[tuple[str, Tool], ...] = ()

    @classmethod
    def read(
        cls,
        matrix: Matrix,
        *,
        waivers: Path | None = None,
        delivery: Path | None = None,
        quality: Path | None = None,
        signers: Path | None = None,
    ) -> Papers:
        """The named files, checked against the matrix; ConfigError names file and line.

        `X.sig` beside a file is its signature. `signers` is by default `allowed_signers` beside the
        delivery, else beside the waivers.
        """
        files = {}
        names = {}
        for name, path in ((WAIVERS, waivers), (DELIVERY, delivery), (QUALITY, quality)):
            if path is None:
                continue
            files[name], names[name] = read_text(path).encode(), str(path)
            signature = path.with_name(path.name + SIGNATURE)
            if name in NAMESPACES and signature.exists():
                files[name + SIGNATURE] = read_text(signature).encode()
        beside = [p.with_name(SIGNERS) for p in (delivery, waivers) if p is not None]
        chosen = signers or next((p for p in beside if p.exists()), None)
        if chosen is not None:
            files[SIGNERS] = read_allowed(chosen).text.encode()
        papers = cls.of(files, matrix, names)
        for name in NAMESPACES.keys() & files.keys():
            papers.signed(
                name, int(time.time())
            )  # a lacking ssh-keygen is told now, not at the end
        return papers

    @classmethod
    def of(
        cls, files: Mapping[str, bytes], matrix: Matrix, names: Mapping[str, str] | None = None
    ) -> Papers:
        """The same of files already here; `names` are what messages call them."""
        metric_of = {gate.id: gate.metric or "" for gate in matrix.everything()}
        called = {name: name for name in FILES} | dict(names or {})
        text = {name: _text(files[name], called[name]) for name in FILES if name in files}
        waivers: Waivers | None = None
        delivery: Delivery | None = None
        quality: Quality | None = None
        if WAIVERS in text:
            waivers = parse_waivers(text[WAIVERS], matrix, name=called[WAIVERS])
        if DELIVERY in text:
            delivery = parse_delivery(text[DELIVERY], matrix, name=called[DELIVERY])
        if QUALITY in text:
            quality = parse_quality(text[QUALITY], matrix, name=called[QUALITY])
        return cls(
            matrix.name,
            dict(files),
            waivers.waivers if waivers else (),
            tuple((metric_of[s.row], s) for s in delivery.rows) if delivery else (),
            tuple((metric_of[t.row], t) for t in quality.tools) if quality else (),
        )

    def write(self, directory: RunDir) -> None:
        """Copy them, byte for byte."""
        for name, data in self.files.items():
            directory.write_bytes(name, data).chmod(0o644)

    def signed(self, name: str, at: int) -> Signed:
        """Who signed the file of this name, with a key that was good at `at` (s since 1970)."""
        signature, allowed = self.files.get(name + SIGNATURE), self.files.get(SIGNERS)
        if signature is None:
            return Signed(why_not=f"{name} is not signed")
        if allowed is None:
            return Signed(why_not=f"{name}: nobody is named who may sign ({SIGNERS})", forged=True)
        try:
            who = signer_of(
                self.files[name],
                signature,
                parse_allowed(_text(allowed, SIGNERS), name=SIGNERS),
                NAMESPACES[name],
                at,
                name + SIGNATURE,
            )
        except NotSigned as error:
            return Signed(why_not=str(error), forged=True)
        return Signed(by=who)

    def measurements(self, at: int) -> list[Json]:
        """What run.json holds of them. `at`: the start of the run, seconds since 1970."""
        found = [_of_tool(metric, tool) for metric, tool in self.quality]
        if self.delivery:
            signed = self.signed(DELIVERY, at)
            found += [_of_people(metric, said, signed, at) for metric, said in self.delivery]
        return found


NONE = Papers()


def recorded(path: Path, run: Mapping[str, Any], matrix: Matrix) -> Papers:
    """The papers of a run directory. RunDirError when run.json says other than they do."""
    names = (*FILES, *(name + SIGNATURE for name in NAMESPACES), SIGNERS)
    papers = Papers.of({n: (path / n).read_bytes() for n in names if (path / n).is_file()}, matrix)
    wanted = {m["id"]: m for m in papers.measurements(started_s(run))}
    prefixes = (delivery_file.METRICS, quality_file.METRICS)
    for measurement in run["measurements"]:
        name = str(measurement["id"])
        if name.startswith(prefixes) and wanted.pop(name, None) != measurement:
            raise RunDirError(f"run.json: {name}: not what its file says")
    if wanted:
        raise RunDirError(f"run.json: {next(iter(wanted))}: not there, its file says it")
    return papers


def started_s(run: Mapping[str, Any]) -> int:
    """When a run started, in whole seconds since 1970."""
    return int(datetime.fromisoformat(run["started_utc"]).astimezone(UTC).timestamp())


def file_of(metric: str) -> str | None:
    """The file that a metric is read from, if it is one of these."""
    if metric.startswith(delivery_file.METRICS):
        return DELIVERY
    return QUALITY if metric.startswith(quality_file.METRICS) else None


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: is not UTF-8 text (byte {error.start})") from None


def _of_people(metric: str, said: Said, signed: Signed, at: int) -> Json:
    value: float | None = said.value
    missing = signed.why_not
    if not missing and said.when > datetime.fromtimestamp(at, UTC).date():
        missing = f"{DELIVERY}: {said.row} is dated {said.when}, after the run"
    if missing:
        value = None
    facts = {
        "value": value,
        "who": said.who,
        "when": said.when.isoformat(),
        "evidence": said.evidence,
        "signed_by": signed.by,
        "missing": missing,
    }
    return _scalar(metric, "%", "people", facts)


def _of_tool(metric: str, tool: Tool) -> Json:
    facts = {
        "value": tool.value,
        "complete": tool.complete,
        "control_found": tool.control_found,
        "control": tool.control,
        "tool": tool.tool,
        "version": tool.version,
        "n_skipped": len(tool.skipped),
    }
    if tool.all is not None:
        facts |= {"good": tool.good, "all": tool.all}
    return _scalar(metric, tool.unit, "tool", facts)


def _scalar(metric: str, unit: str, points: str, facts: Json) -> Json:
    return {
        "id": metric,
        "unit": unit,
        "regime": "as declared",
        "points": points,
        "load": "none",
        "kind": "scalar",
        "hlog": None,
        "tags": [],
        "facts": facts,
    }
