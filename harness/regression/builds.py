"""Engines to compare: a revision, a source tree, a site directory or an extension, ready to load.

A build is kept under a hash of all that went into it, so that asking for it again costs nothing.
Neither the user's work tree nor his repository is written to: a revision is taken as an archive.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import RedlineError, printable

EXTENSION = "_core.abi3.so"
PARTS = ("CMakeLists.txt", "csrc", "engine")  # what an engine is made of
EMPTY_DIRS = ("scenarios", "reports", "hosts")  # installed by the same CMakeLists.txt
OPTIONS = ("-DSKBUILD=2", "-DSKBUILD_SCRIPTS_DIR=bin", "-DCMAKE_BUILD_TYPE=Release")


class BuildError(RedlineError):
    """An engine that cannot be had: no such revision, or it does not compile."""


@dataclass(frozen=True, slots=True)
class Build:
    """An engine that can be loaded: `site` is the directory in which its package `engine` lies.

    `label` is what the user called it; `revision` the commit that this was, "" for none.
    """

    label: str
    site: Path
    core_sha256: str
    revision: str = ""

    @property
    def name(self) -> str:
        """For people: the user's word, with the commit where it is another."""
        short = self.revision[:12]
        return printable(
            self.label if not short or self.label == short else f"{self.label} ({short})"
        )


def default_cache() -> Path:
    """Where builds are kept: $XDG_CACHE_HOME/redline/builds."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "redline" / "builds"


def resolve(what: str, *, repo: Path, cache: Path) -> Build:
    """The build that a user means; compiled when it is not in the cache.

    A path that exists counts before a revision of the same name. BuildError says what is missing.
    """
    path = Path(what)
    if path.is_file():
        return _of_extension(what, path, cache)
    if path.is_dir() and (path / "engine" / EXTENSION).is_file():
        return Build(what, path.resolve(), sha256_of(path / "engine" / EXTENSION))
    if path.is_dir():
        return compiled(what, source_files(path), cache)
    revision = commit_of(what, repo)
    return compiled(what, revision_files(revision, repo), cache, revision)


# --- sources ---


def source_files(tree: Path) -> dict[str, bytes]:
    """The files of a source tree that make its engine. BuildError when it is none."""
    if not (tree / "CMakeLists.txt").is_file() or not (tree / "csrc").is_dir():
        raise BuildError(
            f"{tree}: neither a source tree (CMakeLists.txt, csrc) nor a site directory "
            f"(engine/{EXTENSION})"
        )
    found = {}
    for part in PARTS:
        top = tree / part
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            if path.is_file() and path.suffix != ".so" and "__pycache__" not in path.parts:
                found[path.relative_to(tree).as_posix()] = path.read_bytes()
    return found


def commit_of(name: str, repo: Path) -> str:
    """The commit that a name stands for. BuildError when there is none."""
    try:
        said = _git(
            repo, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
        )
    except BuildError:
        raise BuildError(f"{printable(name)}: no file, directory or revision of {repo}") from None
    return said.decode().strip()


def revision_files(revision: str, repo: Path) -> dict[str, bytes]:
    """The same files as of a commit, from an archive of it."""
    top = Path(os.fsdecode(_git(repo, "rev-parse", "--show-toplevel")).rstrip("\n"))
    known = _git(top, "ls-tree", "--name-only", revision).decode().splitlines()
    wanted = [part for part in PARTS if part in known]
    if "CMakeLists.txt" not in wanted or "csrc" not in wanted:
        raise BuildError(f"{revision[:12]}: has no engine (CMakeLists.txt, csrc)")
    archive = _git(top, "archive", "--format=tar", revision, "--", *wanted)
    found = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar:
            read = tar.extractfile(member) if member.isreg() else None
            if read is not None:
                found[member.name] = read.read()
    return found


def _git(repo: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(
            ["git", "-C", str(repo), *words], stdin=subprocess.DEVNULL, capture_output=True
        )
    except FileNotFoundError:
        raise BuildError("git is not installed: name directories instead of revisions") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise BuildError(printable(said[-1] if said else f"git {words[0]} failed"))
    return done.stdout


# --- compiling ---


def key_of(files: Mapping[str, bytes], compiler: str) -> str:
    """SHA-256 over sources, compiler and options: equal keys, equal engines."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    digest.update("\0".join((compiler, *OPTIONS, sys.version)).encode())
    return digest.hexdigest()


def compiled(label: str, files: Mapping[str, bytes], cache: Path, revision: str = "") -> Build:
    """The engine of these sources, from the cache or compiled into it.

    Two who ask at once compile it once. What does not compile leaves its log in the cache.
    """
    key = key_of(files, _compiler())
    site = cache / key[:32]
    with _locked(cache, key[:32]):
        if not (site / "engine" / EXTENSION).is_file():
            _compile(label, files, cache, site)
    return Build(label, site, sha256_of(site / "engine" / EXTENSION), revision)


def _compile(label: str, files: Mapping[str, bytes], cache: Path, site: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix="build-") as scratch:
        source, objects, made = (Path(scratch) / name for name in ("source", "objects", "site"))
        write_files(files, source)
        log = site.with_suffix(".log")
        make_extension(label, source, objects, log)
        take_site(source, objects, made)
        shutil.rmtree(site, ignore_errors=True)  # half a site: its extension was missing
        made.rename(site)
        log.unlink()


def write_files(files: Mapping[str, bytes], source: Path) -> None:
    """A source tree of these files; one that has not changed keeps its time."""
    for name in EMPTY_DIRS:
        (source / name).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


def make_extension(label: str, source: Path, objects: Path, log: Path) -> None:
    """Compile `_core` of a source tree below `objects`; BuildError names the log."""
    configure = ["cmake", "-G", "Ninja", "-S", str(source), "-B", str(objects), *OPTIONS]
    configure += [f"-DPython_EXECUTABLE={sys.executable}"]
    build = ["cmake", "--build", str(objects), "--target", "_core"]
    with log.open("wb") as out:
        for command in (configure, build):
            try:
                done = subprocess.run(
                    command,
                    env=_env(),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                )
            except FileNotFoundError:
                raise BuildError("cmake is not installed: pip install cmake ninja") from None
            if done.returncode != 0:
                raise BuildError(f"{printable(label)}: does not build: {_complaint(log)}")


def take_site(source: Path, objects: Path, site: Path) -> None:
    """A site directory: the Python of `engine` and the extension."""
    shutil.copytree(
        source / "engine", site / "engine", ignore=shutil.ignore_patterns("__pycache__", "*.so")
    )
    shutil.copy2(objects / EXTENSION, site / "engine" / EXTENSION)


def _complaint(log: Path) -> str:
    """The first line of a log that says error, and where the rest is."""
    lines = log.read_text(errors="replace").splitlines()
    said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    return f"{printable(said.strip())} (all of it: {log})"


def _env() -> dict[str, str]:
    """cmake and ninja may be installed beside this Python only."""
    beside = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _compiler() -> str:
    name = os.environ.get("CC", "cc")
    try:
        done = subprocess.run([*name.split(), "--version"], capture_output=True, text=True)
    except FileNotFoundError:
        raise BuildError(
            f"{name}: no C compiler: on Debian, apt-get install gcc libc6-dev"
        ) from None
    flags = os.environ.get("CFLAGS", "")
    return "\0".join((*done.stdout.splitlines()[:1], flags))


def _of_extension(label: str, extension: Path, cache: Path) -> Build:
    """A bare extension, with the Python of the installed engine around it."""
    import engine

    if extension.suffix != ".so":
        raise BuildError(f"{extension}: neither a directory nor an extension (.so)")
    digest = sha256_of(extension)
    package = Path(str(engine.__file__)).parent
    sources = sorted(p for p in package.rglob("*.py*") if p.suffix in (".py", ".pyi"))
    python = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()
    site = cache / f"so-{digest[:16]}-{python[:16]}"
    with _locked(cache, site.name):
        if not (site / "engine" / EXTENSION).is_file():
            with tempfile.TemporaryDirectory(dir=cache, prefix="site-") as scratch:
                made = Path(scratch) / "site"
                for path in sources:
                    to = made / "engine" / path.relative_to(package)
                    to.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(path, to)
                shutil.copy2(extension, made / "engine" / EXTENSION)
                shutil.rmtree(site, ignore_errors=True)
                made.rename(site)
    return Build(label, site, digest)


def sha256_of(path: Path) -> str:
    """Of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _locked(cache: Path, name: str) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def revisions_between(good: str, bad: str, repo: Path) -> tuple[str, ...]:
    """Commits after `good` up to `bad`, oldest first, along the first parents.

    BuildError when `bad` does not descend from `good` that way.
    """
    listed = _git(repo, "rev-list", "--first-parent", "--reverse", f"{good}..{bad}")
    found: Iterable[str] = listed.decode().split()
    chain = tuple(found)
    if not chain or commit_of(f"{chain[0]}^", repo) != good:
        raise BuildError(f"{bad[:12]} does not descend from {good[:12]} by first parents")
    return chain
