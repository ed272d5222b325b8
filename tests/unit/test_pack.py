"""A pack holds all of a run, is the same bytes each time, and every change in it has a name."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from run_dirs import build

from harness.pack import pack as packing
from harness.pack.pack import PackError, check, pack
from harness.run import chain
from harness.run.artifacts import RunDirError
from harness.signatures import NotSigned

Members = dict[str, bytes]
needs_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="needs ssh-keygen")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs")
    done = build(out, "good", blocks=5)
    with chain.sealing(out) as link:
        link.add(done)
    return done


@pytest.fixture(scope="module")
def packed(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pack(run, tmp_path_factory.mktemp("packs") / "run.tar.zst")


def members_of(path: Path) -> Members:
    data = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {e.name: (tar.extractfile(e) or io.BytesIO()).read() for e in tar.getmembers()}


def write(path: Path, members: Members, *more: tarfile.TarInfo) -> Path:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        for entry in more:
            tar.addfile(entry)
    path.write_bytes(zstandard.ZstdCompressor().compress(data.getvalue()))
    return path


def with_manifest(members: Members, change: Callable[[dict[str, object]], object]) -> Members:
    manifest = json.loads(members["MANIFEST.json"])
    change(manifest)
    return members | {"MANIFEST.json": json.dumps(manifest).encode()}


def test_a_pack_verifies_without_the_directory_it_came_from(packed: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere.tar.zst"
    shutil.copy(packed, alone)
    found = check(alone)
    assert found.problems == ()
    assert "verified" in packing.summary(alone, found)


def test_a_pack_holds_every_file_of_the_run(run: Path, packed: Path) -> None:
    inside = {name.partition("/")[2] for name in members_of(packed) if "/" in name}
    assert inside == {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}


def test_the_same_run_gives_the_same_bytes(run: Path, packed: Path, tmp_path: Path) -> None:
    assert pack(run, tmp_path / "again.tar.zst").read_bytes() == packed.read_bytes()


def test_every_changed_file_is_named(packed: Path, tmp_path: Path) -> None:
    whole = members_of(packed)
    for name in whole:
        if name == "MANIFEST.json":
            continue
        data = bytearray(whole[name])
        data[len(data) // 2] ^= 1
        found = check(write(tmp_path / "x.tar.zst", whole | {name: bytes(data)}))
        assert [one.partition(":")[0] for one in found.problems] == [name]


def test_a_file_changed_with_its_sum_in_the_manifest_is_still_caught(
    run: Path, packed: Path, tmp_path: Path
) -> None:
    whole = members_of(packed)
    name = f"{run.name}/noise.json"
    changed = whole[name] + b" "
    digest = packing.artifacts.sha256_of_bytes(changed)

    def fit(manifest: dict[str, object]) -> None:
        files = manifest["files"]
        assert isinstance(files, list)
        for one in files:
            if one["path"] == name:
                one |= {"sha256": digest, "bytes": len(changed)}

    found = check(write(tmp_path / "x.tar.zst", with_manifest(whole | {name: changed}, fit)))
    assert any(one.startswith("noise.json: changed") for one in found.problems)


@pytest.mark.parametrize("key", ["verdict", "previous"])
def test_a_manifest_that_says_another_thing_than_the_run_is_caught(
    packed: Path, tmp_path: Path, key: str
) -> None:
    seal = {"id": "20260101T000000Z-000000", "sums_sha256": "0" * 64}
    other = {"verdict": "READY and more", "previous": seal}[key]
    lying = with_manifest(members_of(packed), lambda manifest: manifest.update({key: other}))
    found = check(write(tmp_path / "x.tar.zst", lying))
    assert any(one.startswith(f"MANIFEST.json: {key}") for one in found.problems)


def test_a_run_that_does_not_verify_is_not_packed(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / run.name))
    (copy / "noise.json").write_text("{}")
    with pytest.raises(PackError, match=r"not packed, it does not verify: noise\.json: changed"):
        pack(copy, tmp_path / "x.tar.zst")
    assert not (tmp_path / "x.tar.zst").exists()


def test_a_partial_run_is_not_packed(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / f"{run.name}.partial"))
    with pytest.raises(RunDirError, match="cut off"):
        pack(copy, tmp_path / "x.tar.zst")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "{run}/../../evil", "{run}//evil", "other/evil", "evil"]
)
def test_names_that_leave_the_run_are_refused(
    run: Path, packed: Path, tmp_path: Path, name: str
) -> None:
    name = name.format(run=run.name)
    entry = {"path": name, "bytes": 1, "sha256": "0" * 64}

    def add(manifest: dict[str, object]) -> None:
        files = manifest["files"]
        assert isinstance(files, list)
        files.append(entry)

    whole = with_manifest(members_of(packed), add) | {name: b"x"}
    with pytest.raises(PackError, match="not a file of a run"):
        check(write(tmp_path / "x.tar.zst", whole))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE]
)
def test_anything_but_a_plain_file_is_refused(packed: Path, tmp_path: Path, kind: bytes) -> None:
    entry = tarfile.TarInfo("link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    with pytest.raises(PackError, match="link: not a plain file"):
        check(write(tmp_path / "x.tar.zst", members_of(packed), entry))


def test_a_file_that_the_manifest_does_not_list_is_refused(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(PackError, match="extra: not as MANIFEST"):
        check(write(tmp_path / "x.tar.zst", members_of(packed) | {"extra": b"x"}))


def test_a_file_that_is_not_in_the_pack_is_named(run: Path, packed: Path, tmp_path: Path) -> None:
    whole = members_of(packed)
    del whole[f"{run.name}/env.json"]
    with pytest.raises(PackError, match=r"env\.json: missing in the pack"):
        check(write(tmp_path / "x.tar.zst", whole))


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_pack_that_was_cut_off_is_one_line(packed: Path, tmp_path: Path, keep: int) -> None:
    cut = tmp_path / "cut.tar.zst"
    cut.write_bytes(packed.read_bytes()[:keep])
    with pytest.raises(PackError, match=r"cut\.tar\.zst: "):
        check(cut)


@pytest.mark.parametrize("data", [b"", b"no archive at all" * 100])
def test_what_is_no_pack_is_one_line(tmp_path: Path, data: bytes) -> None:
    other = tmp_path / "x.tar.zst"
    other.write_bytes(data)
    with pytest.raises(PackError):
        check(other)


@pytest.fixture
def alice(tmp_path: Path) -> tuple[Path, Path]:
    """(key, allowed_signers) of somebody."""
    key = tmp_path / "alice"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)]
    subprocess.run(words, check=True, capture_output=True)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f"alice {key.with_suffix('.pub').read_text()}")
    return key, allowed


@needs_keygen
def test_a_signed_pack_says_by_whom(run: Path, tmp_path: Path, alice: tuple[Path, Path]) -> None:
    key, allowed = alice
    signed = pack(run, tmp_path / "x.tar.zst", key=key)
    found = check(signed, allowed_signers=allowed)
    assert (found.problems, found.signed_by) == ((), "alice")


@needs_keygen
def test_a_signature_of_another_manifest_is_no_signature(
    run: Path, packed: Path, tmp_path: Path, alice: tuple[Path, Path]
) -> None:
    key, allowed = alice
    whole = members_of(pack(run, tmp_path / "x.tar.zst", key=key))
    names = list(whole)
    assert names[:2] == ["MANIFEST.json", "MANIFEST.json.sig"]
    whole["MANIFEST.json"] += b" "
    found = check(write(tmp_path / "y.tar.zst", whole), allowed_signers=allowed)
    assert found.problems[0].startswith("MANIFEST.json.sig: ")


@needs_keygen
def test_an_unsigned_pack_is_a_problem_for_who_asks_for_a_signature(
    packed: Path, alice: tuple[Path, Path]
) -> None:
    found = check(packed, allowed_signers=alice[1])
    assert found.problems[0] == "MANIFEST.json.sig: nobody signed this pack"


@needs_keygen
def test_a_signature_by_a_stranger_is_a_problem(
    run: Path, tmp_path: Path, alice: tuple[Path, Path]
) -> None:
    _, allowed = alice
    other = tmp_path / "mallory"
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)]
    subprocess.run(words, check=True, capture_output=True)
    signed = pack(run, tmp_path / "x.tar.zst", key=other)
    assert "nobody's here" in check(signed, allowed_signers=allowed).problems[0]


@needs_keygen
def test_a_key_that_is_none_leaves_no_pack(run: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key\n")
    with pytest.raises(NotSigned, match="cannot sign"):
        pack(run, tmp_path / "x.tar.zst", key=tmp_path / "key")
    assert not (tmp_path / "x.tar.zst").exists()
