"""Another machine, by the ssh of this one: its configuration, its keys, its agent."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import execnet

from harness.config.inventory import Ssh
from harness.fleet.remote import ISOLATED, RemoteGateway
from harness.fleet.wire import Start, start_child

SSH_FAILED = 255  # how ssh ends when the fault is its own; else with the status of what it ran

# What a user's own configuration of ssh must not change. Nobody can answer a question, a key is
# never taken on trust, and in a quiet window ssh too sends nothing by itself. A connection of its
# own ends when ours ends.
SSH_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ConnectionAttempts=1",
    "ServerAliveInterval=0",
    "ControlMaster=no",
    "ControlPath=none",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "LogLevel=ERROR",
)


class SshGateway(RemoteGateway):
    """Another machine, by the ssh of this one."""

    def _spec(self) -> execnet.XSpec:
        ssh = self._ssh
        spec = execnet.XSpec(f"ssh={ssh.host}//id={self.name}//execmodel=thread")
        spec.ssh = " ".join((*ssh_options(ssh, self._connect_s), "--", ssh.host))
        spec.ssh_config = ssh.config
        spec.python = f"{self._python()} {ISOLATED}"
        return spec

    def _start(self) -> Start:
        for what, path in (("key", self._ssh.identity), ("configuration", self._ssh.config)):
            if path is not None and not Path(path).is_file():
                raise self._error(f"{self._cannot()}: no such {what}: {path}")
        return start_child

    @property
    def _ssh(self) -> Ssh:
        assert self.host.transport.ssh is not None
        return self.host.transport.ssh

    def _cannot(self) -> str:
        return f"cannot be reached by ssh ({self._ssh.host})"

    def _explain(self, said: Sequence[str], status: int | None) -> str:
        if any("host key verification failed" in line.lower() for line in said):
            return (
                "its host key is not the one that is known, or none is known: "
                "check it, then ssh there once by hand"
            )
        if status == SSH_FAILED:
            return re.sub(r"^ssh: ", "", said[-1])
        return super()._explain(said, status)

    def _python(self) -> str:
        return self.host.python or "python3"


def ssh_options(ssh: Ssh, connect_s: float) -> list[str]:
    """For the command line of ssh: each one word, as execnet takes it apart at blanks."""
    options = [f"-o{option}" for option in SSH_OPTIONS]
    options.append(f"-oConnectTimeout={math.ceil(connect_s)}")
    if ssh.user is not None:
        options.append(f"-oUser={ssh.user}")
    if ssh.port is not None:
        options.append(f"-oPort={ssh.port}")
    if ssh.identity is not None:
        options += [f"-oIdentityFile={ssh.identity}", "-oIdentitiesOnly=yes"]
    return options
