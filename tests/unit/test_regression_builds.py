"""Which engine a user means, taken without touching his work tree."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from harness.bench import elsewhere
from harness.errors import RedlineError
from harness.regression import builds
from harness.regression.builds import BuildError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three commits: an engine, a change to it, a change of the README alone."""
    where = tmp_path / "repo"
    (where / "csrc").mkdir(parents=True)
    (where / "engine").mkdir()
    git(where, "init", "-q", "-b", "main")
    for i, (name, text) in enumerate(
        [("csrc/a.c", "int a;"), ("csrc/a.c", "int b;"), ("README", "words")]
    ):
        (where / "CMakeLists.txt").write_text("project(x)")
        (where / "engine" / "__init__.py").write_text("")
        (where / name).write_text(text)
        git(where, "add", "-A")
        git(where, "commit", "-q", "-m", str(i))
        git(where, "tag", f"v{i}")
    return where


def git(where: Path, *words: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(where), *who, *words], check=True, capture_output=True)


def files_of(name: str, repo: Path) -> dict[str, bytes]:
    return builds.revision_files(builds.commit_of(name, repo), repo)


def test_a_revision_is_taken_as_it_was(repo):
    assert files_of("v0", repo)["csrc/a.c"] == b"int a;"


def test_an_edit_that_was_not_committed_is_left_alone(repo):
    (repo / "csrc" / "a.c").write_text("edited")
    assert files_of("v1", repo)["csrc/a.c"] == b"int b;"
    assert (repo / "csrc" / "a.c").read_text() == "edited"


def test_a_work_tree_is_taken_with_its_edits(repo):
    (repo / "csrc" / "a.c").write_text("edited")
    assert builds.source_files(repo)["csrc/a.c"] == b"edited"


def test_revisions_with_the_same_engine_are_the_same_build(repo):
    keys = [builds.key_of(files_of(name, repo), "cc") for name in ("v0", "v1", "v2")]
    assert keys[0] != keys[1] == keys[2]


def test_another_compiler_makes_another_build(repo):
    files = files_of("v0", repo)
    assert builds.key_of(files, "cc 12") != builds.key_of(files, "cc 13")


def test_revisions_between_two_come_oldest_first(repo):
    ends = builds.commit_of("v0", repo), builds.commit_of("v2", repo)
    wanted = tuple(builds.commit_of(name, repo) for name in ("v1", "v2"))
    assert builds.revisions_between(*ends, repo) == wanted


def test_a_bad_revision_must_come_after_the_good_one(repo):
    with pytest.raises(BuildError, match="does not descend"):
        builds.revisions_between(builds.commit_of("v2", repo), builds.commit_of("v0", repo), repo)


@pytest.mark.parametrize("name", ["nowhere", "--output=x", "v0\x1b[31m"])
def test_what_is_no_build_is_told_in_a_line(repo, name):
    with pytest.raises(BuildError) as told:
        builds.resolve(name, repo=repo, cache=repo.parent / "cache")
    assert str(told.value).isprintable()


def test_a_directory_without_an_engine_is_refused(tmp_path):
    with pytest.raises(RedlineError, match="neither a source tree"):
        builds.resolve(str(tmp_path), repo=tmp_path, cache=tmp_path / "cache")


def test_a_site_directory_is_used_where_it_lies(tmp_path):
    core = tmp_path / "engine" / builds.EXTENSION
    core.parent.mkdir()
    core.write_bytes(b"core")
    found = builds.resolve(str(tmp_path), repo=tmp_path, cache=tmp_path / "cache")
    assert (found.site, found.core_sha256) == (tmp_path, builds.sha256_of(core))


def test_the_other_engine_is_found_before_the_installed_one(tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("")
    spec = elsewhere.EngineFinder(tmp_path).find_spec("engine", None)
    assert spec is not None
    assert spec.origin == str(tmp_path / "engine" / "__init__.py")


@pytest.mark.parametrize("name", ["harness", "numpy", "engineer"])
def test_nothing_but_the_engine_comes_from_elsewhere(tmp_path, name):
    assert elsewhere.EngineFinder(tmp_path).find_spec(name, None) is None


def test_an_older_engine_is_asked_what_it_knows():
    def measure(name: str, *, cpu: int) -> object:
        return (name, cpu)

    found = elsewhere.fitted(measure)("fix.parse", cpu=1, is_replayed=False)
    assert found.warmup_mticks == ()
