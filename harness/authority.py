"""Two people for what one must not do alone: resetting a kill, loosening a limit, overriding it.

A statement says exactly what is asked, at which epoch, why and until when. Each person signs its
canonical bytes with an SSH key of their own (`ssh-keygen -Y sign`, OpenSSH 8.2 or later), which may
lie on a hardware token; `verify` holds the signatures against an allowed_signers file. A person is
a principal of that file, not a key: two keys of one principal are one person, and a key that speaks
for two principals makes the file useless and is refused.

A signature is good for one statement only. The epoch (or version) in it makes it stale as soon as
what it was for has happened; the expiry bounds how far apart the two may sign; `spend` remembers
statements for which there is no such number. What is refused raises NotAuthorised with one line.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import json
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.config.loader import ConfigError, read_text
from harness.errors import ExitCode, HostError, RedlineError

NAMESPACE: Final = "redline"  # a signature made for git or a file is not one of ours
FORMAT: Final = "redline-statement-1"

KILL_RESET: Final = "kill.reset"
LIMITS_LOOSEN: Final = "limits.loosen"
RISK_OVERRIDE: Final = "risk.override"
# The longest time a statement may have to live when it is used; also how far apart two may sign.
HORIZON_S: Final[Mapping[str, int]] = {
    KILL_RESET: 5 * 60,
    LIMITS_LOOSEN: 24 * 3600,
    RISK_OVERRIDE: 3600,
}

MAX_TEXT: Final = 500
MAX_SIGNATURES: Final = 8
VERIFY_TIMEOUT_S: Final = 10
SIGN_TIMEOUT_S: Final = 300  # somebody looks for a passphrase or touches a token


class NotAuthorised(RedlineError):
    """What was asked for is not allowed, in one line."""

    exit_code = ExitCode.FAIL


@dataclass(frozen=True, slots=True)
class Statement:
    """What two people sign. Texts are one line each; `expires_utc_s` is seconds since 1970."""

    kind: str  # one of HORIZON_S
    subject: str  # what exactly: hashes, scopes, numbers
    epoch: int  # of the kill word, or the version that the change leads to
    reason: str
    expires_utc_s: int

    def __post_init__(self) -> None:
        if self.kind not in HORIZON_S:
            raise NotAuthorised(
                f"statement: kind: not one of {', '.join(HORIZON_S)}: {self.kind!r}"
            )
        for name in ("subject", "reason"):
            text = getattr(self, name)
            if not isinstance(text, str) or not text.strip():
                raise NotAuthorised(f"statement: {name}: is empty")
            if len(text) > MAX_TEXT or not text.isprintable():
                raise NotAuthorised(
                    f"statement: {name}: must be one printable line of at most {MAX_TEXT} letters"
                )
        for name in ("epoch", "expires_utc_s"):
            value = getattr(self, name)
            if type(value) is not int or not 0 <= value < 1 << 63:
                raise NotAuthorised(f"statement: {name}: not a whole number from 0: {value!r}")

    def to_bytes(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys, no spaces, ASCII."""
        content = {"format": FORMAT, **asdict(self)}
        return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()


def sign(statement: Statement, key: Path) -> bytes:
    """An armoured signature by the private key, or by the agent when `key` is a public key."""
    _regular_file(key, "key")
    environment = {
        name: os.environ[name]
        for name in ("HOME", "SSH_AUTH_SOCK", "SSH_ASKPASS", "DISPLAY", "TERM")
        if name in os.environ
    }
    done = _ssh_keygen(
        ["-Y", "sign", "-q", "-n", NAMESPACE, "-f", str(key.resolve())],
        statement.to_bytes(),
        environment,
        SIGN_TIMEOUT_S,
    )
    if done.returncode:
        raise NotAuthorised(f"{key}: cannot sign: {_last_line(done.stderr)}")
    return done.stdout


def verify(
    statement: Statement, signatures: Sequence[bytes], allowed_signers: Path, now: int
) -> tuple[str, str]:
    """The two different people who signed this statement; NotAuthorised says why there are not two.

    `now` is seconds since 1970 by a clock that is known to be right. Every signature given must be
    good: one that is not is a sign of something wrong, not of nothing.
    """
    if now >= statement.expires_utc_s:
        raise NotAuthorised(f"{statement.kind}: expired {now - statement.expires_utc_s} s ago")
    left, horizon = statement.expires_utc_s - now, HORIZON_S[statement.kind]
    if left > horizon:
        raise NotAuthorised(
            f"{statement.kind}: expires in {left} s; at most {horizon} s are allowed"
        )
    if not 2 <= len(signatures) <= MAX_SIGNATURES:
        raise NotAuthorised(
            f"{statement.kind}: needs the signatures of two people, has {len(signatures)}"
        )
    signers, text = _allowed(allowed_signers)
    people: list[str] = []
    for i, signature in enumerate(signatures, 1):
        who = _verify_one(statement, signature, signers, text, now, f"signature {i}")
        if who not in people:
            people.append(who)
    if len(people) < 2:
        raise NotAuthorised(
            f"{statement.kind}: {people[0]} signed twice; a second person must sign"
        )
    return people[0], people[1]


def spend(statement: Statement, register: Path) -> None:
    """Writes down that this statement was used; NotAuthorised when it had been.

    Durable before it returns. The register only grows; it is locked against a second process.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(register, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        with open(fd, "rb", closefd=False) as file:
            used = file.read().split(b"\n")
        if used[-1]:  # a line that was cut off says that something was used, not what
            raise NotAuthorised(f"{register}: its last line is cut off; two people must look at it")
        line = statement.digest.encode()
        if line in used:
            raise NotAuthorised(f"{statement.kind}: this approval was used before")
        os.write(fd, line + b"\n")
        os.fsync(fd)
        _fsync_directory(register.parent)
    finally:
        os.close(fd)


# ---- One signature ------------------------------------------------------------------------------


def _verify_one(
    statement: Statement,
    signature: bytes,
    signers: Mapping[bytes, str],
    allowed_text: str,
    now: int,
    name: str,
) -> str:
    """The principal whose key made it."""
    who = signers.get(_public_key(signature, name))
    if who is None:
        raise NotAuthorised(f"{statement.kind}: {name} is by a key that is nobody's here")
    with tempfile.TemporaryDirectory(prefix="redline-") as directory:  # 0700
        # Copies: what was read and judged above is what ssh-keygen reads.
        allowed, signed = Path(directory) / "allowed_signers", Path(directory) / "signature"
        allowed.write_text(allowed_text)
        signed.write_bytes(signature)
        at = time.strftime("%Y%m%d%H%M%S", time.gmtime(now))
        files = ["-I", who, "-f", str(allowed), "-s", str(signed)]
        done = _ssh_keygen(
            ["-Y", "verify", "-n", NAMESPACE, *files, "-O", f"verify-time={at}"],
            statement.to_bytes(),
            {"TZ": "UTC"},
            VERIFY_TIMEOUT_S,
        )
    if done.returncode:
        raise NotAuthorised(
            f"{statement.kind}: {name}, by a key of {who}, is not good for this statement: "
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
        raise NotAuthorised(f"{name}: is not an SSH signature") from None
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
        raise NotAuthorised(f"ssh-keygen: no answer within {timeout_s:g} s") from None


def _last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    line = lines[-1] if lines else ""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


# ---- The file of who may sign -------------------------------------------------------------------


def _allowed(path: Path) -> tuple[dict[bytes, str], str]:
    """Who owns each key, and the text of the file. One principal and one key a line."""
    _regular_file(path, "allowed_signers")
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotAuthorised(f"{path}: others than its owner may write it (chmod go-w)")
    text = read_text(path)
    signers: dict[bytes, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        who, key = _signer(line, f"{path}:{number}")
        if signers.setdefault(key, who) != who:
            raise ConfigError(f"{path}:{number}: the key of {who} is also that of {signers[key]}")
    if not signers:
        raise ConfigError(f"{path}: names nobody")
    return signers, text


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


def _regular_file(path: Path, what: str) -> None:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ConfigError(f"{path}: {what}: {(error.strerror or str(error)).lower()}") from None
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path}: {what}: is not a regular file")


def _fsync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
