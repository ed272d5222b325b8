"""Inventories: what they say, and every way in which they must not say it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.inventory import (
    THIS_MACHINE,
    HostEntry,
    Transport,
    find_hosts,
    load_inventory,
)
from harness.config.loader import ConfigError

EXAMPLE = Path(__file__).parents[2] / "hosts" / "example.yaml"
FAR = "hosts: {far: {transport: {ssh: {host: far.example, %s}}}}"
HERE = "hosts: {one: {transport: local, %s}}"


def written(tmp_path: Path, text: str, name: str = "x.yaml") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def fault_of(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as raised:
        load_inventory(written(tmp_path, text))
    (fault,) = raised.value.faults
    start = f"{tmp_path}/x.yaml:"
    assert fault.startswith(start)
    assert fault.isprintable()
    return fault.removeprefix(start).partition(": ")[2]


def test_the_shipped_example_is_an_inventory() -> None:
    hosts = load_inventory(EXAMPLE)
    assert [host.transport.kind for host in hosts] == ["local", "netns", "ssh", "ssh"]
    assert hosts[0].cores == {"housekeeping": "0", "hot": "1"}
    assert hosts[2].nics == {"feed": "eth2", "orders": "eth3"}


def test_cores_that_are_found_are_an_empty_statement(tmp_path: Path) -> None:
    (host,) = load_inventory(written(tmp_path, HERE % "cores: auto"))
    assert host.cores == {}


def test_a_key_is_looked_for_beside_the_inventory(tmp_path: Path) -> None:
    (host,) = load_inventory(written(tmp_path, FAR % "identity: keys/id"))
    assert host.transport.ssh is not None
    assert host.transport.ssh.identity == str(tmp_path.resolve() / "keys/id")


def test_a_key_is_looked_for_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    (host,) = load_inventory(written(tmp_path, FAR % "identity: ~/.ssh/id"))
    assert host.transport.ssh is not None
    assert host.transport.ssh.identity == "/home/somebody/.ssh/id"


def test_a_folder_that_ssh_cannot_be_told_of_is_a_fault(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    with pytest.raises(ConfigError, match=r"transport\.ssh\.config: ssh cannot be told '.*a blank"):
        load_inventory(written(folder, FAR % "config: there"))


@pytest.mark.parametrize("key", ["password", "Passphrase", "secret", "token"])
@pytest.mark.parametrize("text", [FAR, HERE])
def test_secrets_are_refused_with_what_to_do_instead(tmp_path: Path, text: str, key: str) -> None:
    assert fault_of(tmp_path, text % f"{key}: x").endswith(
        f"{key}: secrets are not kept in files: name a key (identity: PATH), or have an ssh agent "
        "hold it"
    )


@pytest.mark.parametrize(
    "name",
    ["-oProxyCommand=x", "a b", "../a", "a..b", "a/b", "", ".a", "a;b", "a$b", "x" * 64, "a\\nb"],
)
def test_a_name_of_a_host_is_of_few_characters(tmp_path: Path, name: str) -> None:
    fault = fault_of(tmp_path, f'hosts: {{"{name}": {{transport: local}}}}')
    assert "not a name of a host" in fault


@pytest.mark.parametrize(
    "given",
    [
        "host: -oProxyCommand=x",
        "host: 'a b'",
        "host: a/../b",
        'host: "a\\tb"',
        "host: root@a",
        "host: 'a;reboot'",
        "host: '$(reboot)'",
        "host: ''",
        "host: [a]",
        "",
        "host: a, user: -l",
        "host: a, user: 'a b'",
        "host: a, user: a@b",
        "host: a, user: '`x`'",
        "host: a, port: 0",
        "host: a, port: 65536",
        "host: a, port: '22 -v'",
        "host: a, identity: -v",
        "host: a, identity: 'a b'",
        "host: a, identity: ../key",
        'host: a, identity: "a\\u001b[31m"',
        "host: a, config: 'x;y'",
        "host: a, config: '${HOME}'",
        "host: a, options: -v",
    ],
)
def test_what_ssh_must_not_be_told_is_one_fault(tmp_path: Path, given: str) -> None:
    text = f"hosts: {{far: {{transport: {{ssh: {{{given}}}}}}}}}"
    assert fault_of(tmp_path, text).startswith("hosts.far.transport.ssh.")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("cores: {hot: 1-x}", "cores.hot"),
        ("cores: {hot: -1}", "cores.hot"),
        ("cores: {hot: ''}", "cores.hot"),
        ("cores: {hot: true}", "cores.hot"),
        ("cores: some", "cores"),
        ("cores: {cold: 1}", "cores.cold"),
        ("nics: {feed: -i}", "nics.feed"),
        ("nics: {feed: ../eth0}", "nics.feed"),
        ("nics: {feed: a/b}", "nics.feed"),
        ("nics: {feed: name-of-16-chars}", "nics.feed"),
        ('nics: {feed: "\\e[2J"}', "nics.feed"),
        ("nics: {Feed: eth0}", "nics.Feed"),
        ("profile: ../../etc/shadow", "profile"),
        ("profile: 'a b'", "profile"),
        ("artifacts: {build: relative}", "artifacts.build"),
        ("artifacts: {build: /a/../b}", "artifacts.build"),
        ('artifacts: {build: "/a\\nb"}', "artifacts.build"),
        ("artifacts: {other: /a}", "artifacts.other"),
        ("python: -c", "python"),
        ("python: 'python3 -c'", "python"),
        ("python: 'python3;reboot'", "python"),
        ("pythn: python3", "pythn"),
    ],
)
def test_a_host_says_only_what_can_be_meant(tmp_path: Path, given: str, path: str) -> None:
    assert fault_of(tmp_path, HERE % given).startswith(f"hosts.one.{path}: ")


@pytest.mark.parametrize(
    "way",
    [
        "{}",
        "nowhere",
        "null",
        "[local]",
        "{netns: a, ssh: {host: b}}",
        "{netns: ../a}",
        "{telnet: a}",
    ],
)
def test_there_is_one_way_to_a_host(tmp_path: Path, way: str) -> None:
    text = f"hosts: {{one: {{transport: {way}}}}}"
    assert fault_of(tmp_path, text).startswith("hosts.one.transport")


def test_local_is_always_this_machine(tmp_path: Path) -> None:
    fault = fault_of(tmp_path, "hosts: {local: {transport: {netns: lab}}}")
    assert fault == "hosts.local.transport: local is always this machine"


@pytest.mark.parametrize("text", ["hosts: {}", "hosts: [a]", "{}", "hosts: {a: b}"])
def test_an_inventory_has_hosts(tmp_path: Path, text: str) -> None:
    assert fault_of(tmp_path, text).startswith("hosts")


def test_no_name_is_this_machine() -> None:
    assert find_hosts() == [THIS_MACHINE]


def test_local_is_found_without_an_inventory() -> None:
    assert find_hosts(["local"]) == [THIS_MACHINE]


def test_hosts_come_in_the_order_they_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "hosts: {a: {transport: local}, b: {transport: {netns: b}}}"
    path = written(tmp_path, text)
    assert [host.name for host in find_hosts(["b", "a"], path)] == ["b", "a"]
    assert [host.name for host in find_hosts([], path)] == ["a", "b"]


def test_the_local_of_an_inventory_has_what_stands_there(tmp_path: Path) -> None:
    path = written(tmp_path, "hosts: {local: {transport: local, nics: {feed: eth2}}}")
    assert find_hosts(["local"], path) == [HostEntry("local", nics={"feed": "eth2"})]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "hosts"
    folder.mkdir()
    return folder


def test_a_name_is_looked_up_in_every_inventory(checkout: Path) -> None:
    written(checkout, "hosts: {a: {transport: {netns: a}}}", "one.yaml")
    written(checkout, "hosts: {b: {transport: {netns: b}}}", "two.yaml")
    assert find_hosts(["b", "local"]) == [HostEntry("b", Transport(netns="b")), THIS_MACHINE]


def test_a_name_in_two_inventories_is_ambiguous(checkout: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        written(checkout, "hosts: {a: {transport: {netns: a}}}", name)
    with pytest.raises(ConfigError, match="host 'a' is in 2 files"):
        find_hosts(["a"])


def test_a_broken_inventory_is_no_obstacle_to_others(checkout: Path) -> None:
    written(checkout, "hosts: {a: {transport: {netns: a}}}", "one.yaml")
    written(checkout, "hosts: [", "two.yaml")
    assert [host.name for host in find_hosts(["a"])] == ["a"]


def test_a_name_that_may_be_in_a_broken_inventory_shows_its_fault(checkout: Path) -> None:
    written(checkout, "hosts: {a: {transport: nowhere}}", "one.yaml")
    with pytest.raises(ConfigError) as raised:
        find_hosts(["a"])
    assert "one.yaml:1: hosts.a.transport" in raised.value.faults[0]
    assert raised.value.faults[1] == "no host 'a' in hosts/*.yaml"


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["engne"], "no host 'engne' in x.yaml, did you mean 'engine'?"),
        (["engine", "engine"], "host 'engine' is given twice"),
        (["\x1b[31m"], "no host '\\x1b[31m' in x.yaml"),
    ],
)
def test_a_name_that_is_nowhere_or_twice_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "hosts: {engine: {transport: {netns: a}}}")
    with pytest.raises(ConfigError) as raised:
        find_hosts(names, Path("x.yaml"))
    assert str(raised.value) == fault
