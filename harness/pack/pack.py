"""The evidence of one run as one file that can be checked without the machine it came from.

    <id>.tar.zst
        MANIFEST.json       schema, run, size and sha256 of every other file, the run before
        MANIFEST.json.sig   an SSH signature of it, when somebody signed (namespace redline-pack)
        CHAIN               the chain of the directory up to this run, when it has one
        <id>/...            the run directory, whole, its SHA256SUMS among it

The same run gives the same bytes: files in the order of their names, without owners and times.
Every byte is held against its hash before a verdict is recomputed, and nothing is unpacked that is
not a plain file with a name from the manifest.

Errors: PackError, one line that starts with the pack; exit code 2. What does not agree is a
problem, returned and not raised, as in harness/run/verify.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

import zstandard

from harness import signatures
from harness.errors import RedlineError, printable
from harness.run import artifacts, chain, verify
from harness.signatures import NotSigned

SCHEMA = "redline.pack/1"
SUFFIX = ".tar.zst"
MANIFEST, SIGNATURE = "MANIFEST.json", "MANIFEST.json.sig"
NAMESPACE = "redline-pack"
LEVEL = 10
MAX_FILES, MAX_BYTES = 20_000, 16 << 30  # of a sign-off run: a few hundred files, some hundred MiB
MAX_MANIFEST_BYTES = 16 << 20
_PIECE = 1 << 20


class PackError(RedlineError):
    """A pack that cannot be written, or is none; the text names it."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a pack turned out to be. `signed_by`: None where no signature was asked for."""

    run_id: str
    is_signed: bool
    signed_by: str | None
    problems: tuple[str, ...]


def pack(run: Path, out: Path, *, key: Path | None = None) -> Path:
    """Write the pack of a finished run that verifies, signed by `key` if one is named.

    RunDirError for what is no finished run, PackError for one that does not verify or a file that
    cannot be written, NotSigned for a key that does not sign. Whole or not at all.
    """
    artifacts.open_run(run)
    problems = verify.verify(run)
    if problems:
        raise PackError(f"{run}: not packed, it does not verify: {problems[0]}")
    run_id = run.resolve().name
    members = dict(_members(run, run_id))
    manifest = artifacts.dumps(_manifest(run, run_id, members)).encode()
    head = {MANIFEST: manifest}
    if key is not None:
        head[SIGNATURE] = signatures.sign(manifest, key, NAMESPACE)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with beside.open("xb") as file:
            _write(file, head, members)
            os.fsync(file.fileno())
        beside.replace(out)
    except OSError as error:
        raise PackError(f"{out}: cannot write: {error.strerror or error}") from None
    finally:
        beside.unlink(missing_ok=True)
    return out


def check(path: Path, *, allowed_signers: Path | None = None, now: float | None = None) -> Checked:
    """Unpack into a scratch directory and verify: every hash, the signature, every verdict.

    With `allowed_signers` an unsigned pack is a problem, and so is a signature of nobody in it.
    """
    with tempfile.TemporaryDirectory(prefix="redline-pack-") as scratch:
        root = Path(scratch)
        manifest, signature = _unpack(path, root)
        run_id = str(manifest["run"])
        signed_by, doubts = None, []
        if allowed_signers is not None:
            try:
                signed_by = _signer(root, signature, allowed_signers, now)
            except NotSigned as error:
                doubts.append(f"{SIGNATURE}: {error}")
        problems = [*doubts, *_sums(root, manifest)]
        if not problems:
            problems += verify.own_problems(root / run_id)
            problems += _place(root, run_id, manifest)
    return Checked(run_id, signature is not None, signed_by, tuple(problems))


def summary(path: Path, found: Checked) -> str:
    """One line for the end of `redline verify`."""
    if found.problems:
        n = len(found.problems)
        return f"{path}: NOT verified, {n} problem{'s' if n > 1 else ''}"
    signed = "signed, --signers FILE would say by whom" if found.is_signed else "not signed"
    by = f"signed by {printable(found.signed_by)}" if found.signed_by else signed
    return f"{path}: verified, run {found.run_id} as packed; {by}"


def is_pack(path: Path) -> bool:
    return path.is_file() and path.name.endswith(SUFFIX)


def _members(run: Path, run_id: str) -> Iterator[tuple[str, Path | bytes]]:
    """Names in the archive, sorted, with where their bytes are."""
    links = chain.read(run.resolve().parent)
    upto = next((i for i, link in enumerate(links, 1) if link.seal.id == run_id), 0)
    if upto:
        lines = (run.resolve().parent / chain.CHAIN).read_bytes().splitlines(keepends=True)
        yield chain.CHAIN, b"".join(lines[:upto])
    for path in sorted([*artifacts.files_of(run), run / artifacts.SUMS]):
        yield f"{run_id}/{path.relative_to(run).as_posix()}", path


def _manifest(run: Path, run_id: str, members: Mapping[str, Path | bytes]) -> dict[str, Any]:
    record = artifacts.read_json(run / artifacts.RUN)
    return {
        "schema": SCHEMA,
        "run": run_id,
        "verdict": record["verdict"]["state"],
        chain.PREVIOUS: record.get(chain.PREVIOUS),
        "files": [
            {"path": name, "bytes": _size(at), "sha256": _sha256(at)}
            for name, at in members.items()
        ],
    }


def _size(at: Path | bytes) -> int:
    return len(at) if isinstance(at, bytes) else at.stat().st_size


def _sha256(at: Path | bytes) -> str:
    return artifacts.sha256_of_bytes(at) if isinstance(at, bytes) else artifacts.sha256_of(at)


def _write(file: IO[bytes], head: Mapping[str, bytes], members: Mapping[str, Path | bytes]) -> None:
    squeezed = zstandard.ZstdCompressor(level=LEVEL).stream_writer(file, closefd=False)
    with squeezed, tarfile.open(fileobj=squeezed, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        for name, at in [*head.items(), *members.items()]:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = _size(at), 0o644
            with io.BytesIO(at) if isinstance(at, bytes) else at.open("rb") as data:
                tar.addfile(entry, data)


def _unpack(path: Path, root: Path) -> tuple[dict[str, Any], bytes | None]:
    """Every file of the manifest below `root`; the manifest, and the signature if there is one."""
    try:
        with path.open("rb") as file:
            reader = zstandard.ZstdDecompressor().stream_reader(file)
            with contextlib.closing(reader), tarfile.open(fileobj=reader, mode="r|") as tar:
                return _unpack_tar(path, tar, root)
    except OSError as error:
        if error.filename is None:
            raise PackError(f"{path}: cut off or damaged: {printable(str(error))}") from None
        raise PackError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError) as error:
        raise PackError(f"{path}: cut off or damaged: {printable(str(error))[:200]}") from None


def _unpack_tar(
    path: Path, tar: tarfile.TarFile, root: Path
) -> tuple[dict[str, Any], bytes | None]:
    manifest: dict[str, Any] | None = None
    signature: bytes | None = None
    wanted: dict[str, int] = {}
    for entry in tar:
        name, data = entry.name, tar.extractfile(entry) if entry.isreg() else None
        if data is None:
            raise PackError(f"{path}: {printable(name)[:100]}: not a plain file")
        if manifest is None:
            if name != MANIFEST or entry.size > MAX_MANIFEST_BYTES:
                raise PackError(f"{path}: not a pack of a run: it does not begin with {MANIFEST}")
            raw = data.read()
            (root / MANIFEST).write_bytes(raw)
            manifest, wanted = _read_manifest(path, raw)
        elif name == SIGNATURE and signature is None and entry.size <= MAX_MANIFEST_BYTES:
            signature = data.read()
        elif wanted.pop(name, None) == entry.size:
            _copy(data, root / name, entry.size)
        else:
            raise PackError(f"{path}: {printable(name)[:100]}: not as {MANIFEST} lists it")
    if manifest is None:
        raise PackError(f"{path}: not a pack of a run: it is empty")
    if wanted:
        raise PackError(f"{path}: {printable(next(iter(wanted)))[:100]}: missing in the pack")
    return manifest, signature


def _copy(data: IO[bytes], to: Path, n_bytes: int) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with to.open("xb") as file:
        while piece := data.read(_PIECE):
            file.write(piece)
            n_bytes -= len(piece)
    if n_bytes:
        raise EOFError(f"{to.name} ends early")


def _read_manifest(path: Path, raw: bytes) -> tuple[dict[str, Any], dict[str, int]]:
    """The manifest, and the size of every file that must follow."""
    try:
        said = json.loads(raw)
        run_id, files = said["run"], said["files"]
        sizes = {str(one["path"]): int(one["bytes"]) for one in files}
        sums = [str(one["sha256"]) for one in files]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise PackError(f"{path}: {MANIFEST}: {type(error).__name__}: {error}") from None
    if said.get("schema") != SCHEMA or not artifacts.is_id(run_id):
        raise PackError(f"{path}: {MANIFEST}: not a manifest of {SCHEMA}")
    if len(sizes) != len(files) or len(files) > MAX_FILES or sum(sizes.values()) > MAX_BYTES:
        raise PackError(f"{path}: {MANIFEST}: more than a run can hold, or a file twice")
    for name, size in sizes.items():
        parts = PurePosixPath(name).parts
        inside = name == chain.CHAIN or (len(parts) > 1 and parts[0] == run_id)
        if not inside or ".." in parts or "\0" in name or name != "/".join(parts) or size < 0:
            raise PackError(f"{path}: {MANIFEST}: not a file of a run: {printable(name)[:100]!r}")
    if not all(map(artifacts.is_sha256, sums)):
        raise PackError(f"{path}: {MANIFEST}: a sum that is none")
    return said, sizes


def _signer(root: Path, signature: bytes | None, allowed: Path, now: float | None) -> str:
    if signature is None:
        raise NotSigned("nobody signed this pack")
    at = int(time.time() if now is None else now)
    names = signatures.read_allowed(allowed)
    manifest = (root / MANIFEST).read_bytes()
    return signatures.signer_of(manifest, signature, names, NAMESPACE, at)


def _sums(root: Path, manifest: Mapping[str, Any]) -> Iterator[str]:
    for one in manifest["files"]:
        if artifacts.sha256_of(root / one["path"]) != one["sha256"]:
            yield f"{one['path']}: changed: not the sha256 that {MANIFEST} lists"


def _place(root: Path, run_id: str, manifest: Mapping[str, Any]) -> Iterator[str]:
    """The run is the last link of the chain it came with; the others stayed where they are."""
    record = artifacts.read_json(root / run_id / artifacts.RUN)
    for key, stated in ((chain.PREVIOUS, record.get(chain.PREVIOUS)), ("run", record["id"])):
        if manifest.get(key) != stated:
            yield f"{MANIFEST}: {key} is not the one of {artifacts.RUN}"
    if manifest.get("verdict") != record["verdict"]["state"]:
        yield f"{MANIFEST}: verdict is not the one of {artifacts.RUN}"
    links = chain.read(root)
    if links and links[-1].seal != chain.seal_of(root / run_id):
        yield f"{chain.CHAIN}: does not end with this run"
    yield from chain.loose_links(links)
