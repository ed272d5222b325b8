"""Whether a service runs, by systemd."""

from __future__ import annotations

import errno
import re
import subprocess
from dataclasses import dataclass
from typing import ClassVar

from harness.tuning.host import Host
from harness.tuning.settings.base import Setting
from harness.tuning.tree import Absent

SYSTEMCTL = ("/usr/bin/systemctl", "/bin/systemctl")
BOOTED = "/run/systemd/system"  # there when systemd runs this host: sd_booted(3)
LIMIT_S = 30.0  # what systemd itself waits for a service to stop is longer; it goes on meanwhile
ACTIVE, INACTIVE = "active", "inactive"
_RUNNING = ("active", "activating", "reloading")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "SYSTEMD_COLORS": "0"}


@dataclass(frozen=True, slots=True)
class ServiceSetting(Setting):
    """The service `target`, without `.service`: active or inactive. ValueError for another name.

    Without systemd, one that does not run is inactive, and one that runs cannot be told to stop.
    """

    kind: ClassVar[str] = "service"

    def __post_init__(self) -> None:
        if not _UNIT.fullmatch(self.target):
            raise ValueError(f"not a service: {self.target[:40]!r}")

    @property
    def rounds(self) -> bool:
        return True  # on its way from one to the other it is still what it was

    def read(self, host: Host) -> str:
        if host.is_this_machine and host.exists(BOOTED):
            told = _systemctl(host, "show", "-p", "LoadState,ActiveState", self.target)
            fields = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
            if fields.get("LoadState") == "loaded":
                return ACTIVE if fields.get("ActiveState") in _RUNNING else INACTIVE
        if _runs(host, self.target):
            raise OSError(
                errno.EOPNOTSUPP, "runs, and not as a service of systemd: stop it by hand"
            )
        return INACTIVE

    def write(self, host: Host, value: str) -> None:
        if value not in (ACTIVE, INACTIVE):
            raise OSError(errno.EINVAL, f"neither active nor inactive: {value[:40]!r}")
        _systemctl(host, "start" if value == ACTIVE else "stop", self.target)

    def command(self, value: str) -> str:
        return f"systemctl {'start' if value == ACTIVE else 'stop'} {self.target}"


def _systemctl(host: Host, *words: str) -> str:
    program = next((path for path in SYSTEMCTL if host.exists(path)), None)
    if program is None or not host.is_this_machine:
        raise OSError(errno.EOPNOTSUPP, "no systemd here")
    *options, unit = words
    command = [program, "--no-ask-password", *options, "--", f"{unit}.service"]
    try:
        done = subprocess.run(
            command,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(errno.ETIMEDOUT, f"systemctl takes longer than {LIMIT_S:g} s") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1][:200] if said else f"systemctl ends with {done.returncode}"
        is_refusal = any(word in why for word in ("denied", "authentication"))
        raise OSError(errno.EPERM if is_refusal else errno.EIO, why)
    return done.stdout.decode(errors="replace")


def _runs(host: Host, name: str) -> bool:
    """Whether there is a process of that name."""
    try:
        pids = [pid for pid in host.tree.names("proc") if pid.isdigit()]
    except Absent:
        return False
    for pid in pids:
        try:
            if host.tree.text(f"proc/{pid}/comm") == name[:15]:
                return True
        except Absent:
            continue
    return False
