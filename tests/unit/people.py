"""People with SSH keys, for the tests of what two of them must agree to."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class People:
    """Keys in a directory: `key("alice")`; alice has two, bob and carol one, eve is nobody here."""

    directory: Path

    @property
    def allowed(self) -> Path:
        return self.directory / "allowed_signers"

    def key(self, name: str) -> Path:
        return self.directory / name

    def public(self, name: str) -> str:
        """Key type and key, as they stand in a file of signers."""
        return " ".join(self.key(name).with_suffix(".pub").read_text().split()[:2])

    def allow(self, *lines: str) -> Path:
        """A file of signers of these lines."""
        path = self.directory / "signers"
        path.write_text("".join(f"{line}\n" for line in lines))
        path.chmod(0o644)
        return path


def make_people(directory: Path) -> People:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("needs ssh-keygen (openssh-client)")
    people = People(directory)
    for name in ("alice", "alice2", "bob", "carol", "eve"):
        subprocess.run(
            [
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                name,
                "-f",
                str(people.key(name)),
            ],
            check=True,
            stdin=subprocess.DEVNULL,
        )
    owners = {"alice": "alice", "alice2": "alice", "bob": "bob", "carol": "carol"}
    people.allowed.write_text(
        "# who may sign\n\n"
        + "".join(f"{who} {people.public(key)} a comment\n" for key, who in owners.items())
    )
    people.allowed.chmod(0o644)
    return people
