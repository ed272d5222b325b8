"""Signatures of people on bytes, by SSH keys (`ssh-keygen -Y`, OpenSSH 8.2 or later).

A person is a principal of an allowed_signers file, not a key: two keys of one principal are one
person, and a key that speaks for two principals makes the file useless and is refused. A signature
is good for one namespace: what was signed for git, or as a statement, is no signature of a pack.
"""

from __future__ import annotations

import base64
import binascii
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.config.loader import ConfigError, read_text
from harness.errors import ExitCode, HostError, RedlineError, printable

VERIFY_TIMEOUT_S: Final = 10
SIGN_TIMEOUT_S: Final = 300  # somebody looks for a passphrase or touches a token


class NotSigned(RedlineError):
    """A signature that cannot be made, or is not what it should be, in one line."""

    exit_code = ExitCode.FAIL


@dataclass(frozen=True, slots=True)
class Allowed:
    """Who owns each key, and the text of the file that says so."""

    owners: Mapping[bytes, str]
    text: str


def sign(data: bytes, key: Path, namespace: str) -> bytes:
    """An armoured signature by the private key, or by the agent when `key` is a public key."""
    regular_file(key, "key")
    environment = {
        name: os.environ[name]
        for name in ("HOME", "SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY", "TERM")
        if name in os.environ
    }
    done = _ssh_keygen(
        ["-Y", "sign", "-q", "-n", namespace, "-f", str(key.resolve())],
        data,
        environment,
        SIGN_TIMEOUT_S,
    )
    if done.returncode:
        raise NotSigned(f"{key}: cannot sign: {_last_line(done.stderr)}")
    return done.stdout


def signer_of(
    data: bytes,
    signature: bytes,
    allowed: Allowed,
    namespace: str,
    now: int,
    name: str = "the signature",
) -> str:
    """The principal whose key made it; NotSigned, one line, when it is nobody's, or of other bytes.

    `now` is seconds since 1970: a key may be good for a time only.
    """
    who = allowed.owners.get(_public_key(signature, name))
    if who is None:
        raise NotSigned(f"{name} is by a key that is nobody's here")
    with tempfile.TemporaryDirectory(prefix="redline-") as directory:  # 0700
        # Copies: what was read and judged above is what ssh-keygen reads.
        names, signed = Path(directory) / "allowed_signers", Path(directory) / "signature"
        names.write_text(allowed.text)
        signed.write_bytes(signature)
        at = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        files = ["-I", who, "-f", str(names), "-s", str(signed)]
        done = _ssh_keygen(
            ["-Y", "verify", "-n", namespace, *files, "-O", f"verify-time={at}"],
            data,
            {"TZ": "UTC"},
            VERIFY_TIMEOUT_S,
        )
    if done.returncode:
        raise NotSigned(
            f"{name}, by a key of {who}, is not good for this: "
            f"{_last_line(done.stderr) or _last_line(done.stdout)}"
        )
    return who


def _public_key(signature: bytes, name: str) -> bytes:
    """The key inside an armoured signature (PROTOCOL.sshsig): magic, version, key, ..."""
    lines = signature.strip().splitlines()
    try:
        if lines[0] != b"-----BEGIN SSH SIGNATURE-----":
            raise ValueError
        if lines[-1] != b"-----END SSH SIGNATURE-----":
            raise ValueError
        blob = base64.b64decode(b"".join(lines[1:-1]), validate=True)
        n_bytes = int.from_bytes(blob[10:14], "big")
        if blob[:6] != b"SSHSIG" or n_bytes == 0 or len(blob) < 14 + n_bytes:
            raise ValueError
    except (ValueError, IndexError, binascii.Error):
        raise NotSigned(f"{name}: is not an SSH signature") from None
    return blob[14 : 14 + n_bytes]


def _ssh_keygen(
    arguments: list[str], message: bytes, environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """No shell, no operands: what is signed goes through stdin, paths are values of options."""
    program = shutil.which("ssh-keygen")
    if program is None:
        raise HostError("ssh-keygen: not installed (Debian: apt install openssh-client)")
    try:
        return subprocess.run(
            [program, *arguments],
            input=message,
            capture_output=True,
            env={"LC_ALL": "C", "PATH": os.defpath, **environment},
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotSigned(f"ssh-keygen: no answer within {timeout_s:g} s") from None


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1]) if lines else ""


# ---- The file of who may sign -------------------------------------------------------------------


def read_allowed(path: Path) -> Allowed:
    """An allowed_signers file: one principal and one key a line."""
    regular_file(path, "allowed_signers")
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotSigned(f"{path}: others than its owner may write it (chmod go-w)")
    return parse_allowed(read_text(path), name=str(path))


def parse_allowed(text: str, *, name: str) -> Allowed:
    """The same of a text that is already here; `name` stands in the messages."""
    signers: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        who, key = _signer(line, f"{name}:{number}")
        if signers.setdefault(key, who) != who:
            raise ConfigError(f"{name}:{number}: the key of {who} is also that of {signers[key]}")
    if not signers:
        raise ConfigError(f"{name}: names nobody")
    return Allowed(signers, text)


def _signer(line: str, where: str) -> tuple[str, bytes]:
    words = line.split()
    who = words[0]
    if not set(who).isdisjoint('*?!,"') or not who.isprintable() or who.startswith("-"):
        raise ConfigError(f"{where}: not the name of one person: {who!r}")
    # Options stand between name and key and may hold spaces in quotes; a key type never does.
    at = next((i for i in range(1, len(words) - 1) if words[i].startswith(_KEY_TYPES)), None)
    if at is None:
        raise ConfigError(f"{where}: has no key (write it like: alice ssh-ed25519 AAAA...)")
    if any(word.lower().startswith("cert-authority") for word in words[1:at]):
        raise ConfigError(f"{where}: cert-authority would let one key name many people")
    try:
        return who, base64.b64decode(words[at + 1], validate=True)
    except (ValueError, binascii.Error):
        raise ConfigError(f"{where}: the key is not base64") from None


_KEY_TYPES = ("ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-")


def regular_file(path: Path, what: str) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"{path}: {what}: {(error.strerror or str(error)).lower()}") from None
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path}: {what}: is not a regular file")
