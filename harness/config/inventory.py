"""An inventory: the hosts that can be asked, how each is reached, and what its parts are for.

    hosts:
      bench-a:
        transport: {ssh: {host: bench-a.example.net, user: root, identity: ~/.ssh/bench}}
        cores: {housekeeping: "0-1", irq: "1", hot: "2-7"}      # or: auto
        nics: {feed: eth2, orders: eth3}
        profile: low-latency
        artifacts: {build: /opt/engine/bin/engine, limits: /opt/engine/limits.yaml}

What stands here ends on command lines of ssh and in shells of other machines, so names are of few
characters and nothing can be taken for an option.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from harness.config import strict_yaml
from harness.config.bench import Interface
from harness.config.fields import Strict
from harness.config.loader import (
    ConfigError,
    FieldFault,
    fault_line,
    parse,
    project_data,
    read_text,
)
from harness.config.strict_yaml import Fault
from harness.errors import printable
from harness.tuning.tree import Absent, cpu_list

LOCAL = "local"
MAX_HOSTS = 64  # asked at once, a connection each
SECRETS = ("password", "passphrase", "passwd", "secret", "token")

_HOST_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_ADDRESS = re.compile(r"[A-Za-z0-9:][A-Za-z0-9_.:%-]{0,252}")
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
_PATH = re.compile(r"[A-Za-z0-9_./~][A-Za-z0-9_./~+@,=-]{0,1023}")
_PYTHON = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_./+-]{0,255}")


def _name(pattern: re.Pattern[str], what: str) -> AfterValidator:
    """Text of these characters only, and nothing that leads upwards."""

    def check(text: str) -> str:
        if not pattern.fullmatch(text) or ".." in text:
            raise ValueError(f"not {what}: {printable(repr(text[:60]))}")
        return text

    return AfterValidator(check)


def _there(path: str) -> str:
    """A path on the host, which need not be this one: read there, never by a shell."""
    parts = path.split("/")
    if not path.startswith("/") or ".." in parts or not path.isprintable():
        raise ValueError(f"not an absolute path without '..': {printable(repr(path[:60]))}")
    return path


def _cpus(value: object) -> object:
    """`irq: 1` is a number to YAML and a list of one CPU to us."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str):
        try:
            if cpu_list(text):
                return text
        except Absent as why:
            raise ValueError(str(why)) from None
    raise ValueError(f"not a list of CPUs like 2-7 or 0,4: {printable(repr(value)[:60])}")


HostName = Annotated[str, _name(_HOST_NAME, "a name of a host")]
PathHere = Annotated[str, _name(_PATH, "a path without blanks and '..'")]
PathThere = Annotated[str, AfterValidator(_there)]
CpuList = Annotated[str, BeforeValidator(_cpus)]
RoleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=20)]
Artifact = Literal["build", "config", "limits"]


class _Open(Strict):
    """Refuses secrets with a sentence of their own, before they are an unknown key among others."""

    @model_validator(mode="before")
    @classmethod
    def _keeps_no_secret(cls, values: object) -> object:
        if isinstance(values, dict):
            for key in values:
                if str(key).lower() in SECRETS:
                    raise FieldFault(
                        (key,),
                        "secrets are not kept in files: name a key (identity: PATH), "
                        "or have an ssh agent hold it",
                    )
        return values


class Ssh(_Open):
    """What ssh is told; all else is up to its own configuration. Paths are of this machine."""

    host: Annotated[str, _name(_ADDRESS, "a name or an address of a host")]
    user: Annotated[str, _name(_USER, "a name of a user")] | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    identity: PathHere | None = None
    config: PathHere | None = None


class Transport(_Open):
    """How a host is reached; neither way given: it is this machine."""

    netns: Annotated[str, _name(_NAMESPACE, "a name of a network namespace")] | None = None
    ssh: Ssh | None = None

    @property
    def kind(self) -> Literal["local", "netns", "ssh"]:
        return "ssh" if self.ssh is not None else "netns" if self.netns is not None else "local"


def _one_way(value: object) -> object:
    """The word `local`, or one way to elsewhere."""
    if value == LOCAL:
        return Transport()
    if isinstance(value, dict) and len(set(value) & {"netns", "ssh"}) < 2 and value:
        return value
    shown = printable(repr(value)[:60])
    raise ValueError(f"not one of local, {{netns: NAME}}, {{ssh: {{host: NAME}}}}: {shown}")


class Cores(Strict):
    housekeeping: CpuList | None = None
    irq: CpuList | None = None
    hot: CpuList | None = None


def _auto(value: object) -> object:
    """`auto` leaves every role to be found on the host."""
    return {} if value == "auto" else value


class HostFile(_Open):
    """A host as it is written."""

    transport: Annotated[Transport, BeforeValidator(_one_way)]
    cores: Annotated[Cores, BeforeValidator(_auto)] = Cores()
    nics: dict[RoleName, Interface] = Field(default_factory=dict)
    profile: PathHere | None = None
    artifacts: dict[Artifact, PathThere] = Field(default_factory=dict)
    python: Annotated[str, _name(_PYTHON, "a program without options")] | None = None


class InventoryFile(Strict):
    hosts: Annotated[dict[HostName, HostFile], Field(min_length=1, max_length=MAX_HOSTS)]

    @model_validator(mode="after")
    def _local_is_this_machine(self) -> InventoryFile:
        here = self.hosts.get(LOCAL)
        if here is not None and here.transport.kind != LOCAL:
            raise FieldFault(("hosts", LOCAL, "transport"), f"{LOCAL} is always this machine")
        return self


@dataclass(frozen=True, slots=True)
class HostEntry:
    """A host to be asked. Roles that `cores` leaves out are found there; `nics` by what they do."""

    name: str
    transport: Transport = field(default_factory=Transport)
    cores: Mapping[str, str] = field(default_factory=dict)
    nics: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    python: str | None = None  # None: python3, or for a namespace the one that runs this


THIS_MACHINE = HostEntry(LOCAL)


def load_inventory(path: Path) -> list[HostEntry]:
    """The hosts of a file in its order; ConfigError lists everything that is wrong with it."""
    text = read_text(path)
    file = parse(text, InventoryFile, name=str(path))
    lines = strict_yaml.parse(text)
    faults: list[str] = []
    hosts: list[HostEntry] = []
    for name, host in file.hosts.items():
        transport = host.transport
        if transport.ssh is not None:
            found: dict[str, str] = {}
            for key in ("identity", "config"):
                given = getattr(transport.ssh, key)
                if given is None:
                    continue
                found[key] = str(path.resolve().parent / Path(given).expanduser())
                if not _PATH.fullmatch(found[key]):  # the folder of the file, or of the user
                    place = ("hosts", name, "transport", "ssh", key)
                    fault = Fault(lines.line_of(place), place, f"ssh cannot be told {found[key]!r}")
                    faults.append(fault_line(str(path), fault))
            transport = Transport(ssh=transport.ssh.model_copy(update=found))
        hosts.append(
            HostEntry(
                name,
                transport,
                host.cores.model_dump(exclude_none=True),
                host.nics,
                host.profile,
                {str(kind): there for kind, there in host.artifacts.items()},
                host.python,
            )
        )
    if faults:
        raise ConfigError(*faults)
    return hosts


def find_hosts(names: Sequence[str] = (), inventory: Path | None = None) -> list[HostEntry]:
    """The hosts of these names, in this order. ConfigError for one that is nowhere, or twice.

    Without an inventory names are looked up in hosts/*.yaml, and no name means this machine, as
    `local` does. With one, no name means all its hosts.
    """
    if inventory is not None:
        hosts = load_inventory(project_data(inventory))
        return _chosen(names, hosts, (), str(inventory)) if names else hosts
    if not set(names) - {LOCAL}:
        return _chosen(names or (LOCAL,), [THIS_MACHINE], (), LOCAL)
    hosts = [THIS_MACHINE]
    faults: list[str] = []
    for path in sorted(project_data("hosts").glob("*.yaml")):
        try:
            hosts += [host for host in load_inventory(path) if host.name != LOCAL]
        except ConfigError as error:
            faults += error.faults
    return _chosen(names, hosts, faults, "hosts/*.yaml")


def _chosen(
    names: Sequence[str], hosts: Sequence[HostEntry], unread: Sequence[str], where: str
) -> list[HostEntry]:
    """`unread`: why more hosts may be meant than could be read; said when one is not found."""
    faults: list[str] = []
    chosen: list[HostEntry] = []
    for i, name in enumerate(names):
        shown = printable(repr(name))
        found = [host for host in hosts if host.name == name]
        if name in names[:i]:
            faults.append(f"host {shown} is given twice")
        elif len(found) > 1:
            faults.append(f"host {shown} is in {len(found)} files: name one by --inventory")
        elif found:
            chosen += found
        else:
            near = difflib.get_close_matches(name, [host.name for host in hosts], n=1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            faults += [*unread, f"no host {shown} in {printable(where)}{hint}"]
    if faults:
        raise ConfigError(*dict.fromkeys(faults))
    return chosen
