"""Ports, round trips and commands with few rights or none: what suffices, and what is named."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine import EngineError
from engine.clock import calibrate
from engine.net import Port, cable, flood, open_port, rtt
from engine.net.port import Backend
from harness.bench import namespaces
from harness.bench.links import netlink
from harness.tuning.rights import held

from .conftest import ROOT, needs_two_cpus, the_run
from .sandbox import NOBODY, in_child, in_sandbox, keep_only, names_of_namespaces
from .test_leftovers import benches
from .test_network_run import HEAD

FIVE = {"CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF", "CAP_SYS_NICE", "CAP_IPC_LOCK"}
BENCH = {"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_DAC_OVERRIDE"}
BACKENDS: tuple[Backend, ...] = ("udp", "tcp", "afpacket", "afxdp")
NEAR, FAR = ("10.82.7.1", "02:52:4c:07:00:01"), ("10.82.7.2", "02:52:4c:07:00:02")
ROUNDS = 200
TOO_LITTLE = 64 << 10  # bytes of locked memory
CPUS = sorted(os.sched_getaffinity(0))

TRIAL = """\
phases:
  - phase: tick_to_trade
    trials:
      - {id: x.afxdp, feed: itch, port: afxdp, rate: 5k/s, warmup: 20ms, duration: 50ms}
"""


@pytest.fixture(autouse=True)
def able() -> None:
    needs_two_cpus()


# ---- Ports in a namespace that somebody else made -----------------------------------------------


def somebody_makes_a_namespace() -> Path:
    """A cable with both ends in it."""
    path = namespaces.make("theirs")

    def furnish() -> None:
        with netlink("a cable") as ip:
            ip.link("add", kind="veth", ifname="near", peer={"ifname": "far"})
            for name, (address, mac) in {"near": NEAR, "far": FAR}.items():
                (index,) = ip.link_lookup(ifname=name)
                ip.link("set", index=index, address=mac, state="up")
                ip.addr("add", index=index, address=address, prefixlen=24)
            ip.link("set", index=1, state="up")
            for name, (address, mac) in {"near": FAR, "far": NEAR}.items():
                (index,) = ip.link_lookup(ifname=name)
                ip.neigh("add", dst=address, lladdr=mac, ifindex=index, state="permanent")

    namespaces.inside(path, furnish)
    return path


@contextmanager
def both_ends(backend: Backend) -> Iterator[tuple[Port, Port]]:
    """Who asks and who answers, by names of interfaces here and no namespace at all."""

    def end(name: str, own: tuple[str, str], number: int, other: tuple[str, str]) -> Port:
        is_raw = backend in ("afpacket", "afxdp")
        listens = backend == "tcp" and name == "far"
        return open_port(
            backend,
            interface=name if is_raw else "",
            mac=own[1],
            peer_mac=other[1],
            local=(own[0], number),
            peer=None if listens else (other[0], 60_001 - number),
            listen=listens,
            n_slots=256,
        )

    with end("far", FAR, 30_001, NEAR) as answers, end("near", NEAR, 30_000, FAR) as asks:
        yield asks, answers


def use(backend: Backend) -> None:
    """Round trips and a flood."""
    clock = calibrate(10_000_000)
    with both_ends(backend) as (asks, answers):
        found = rtt(asks, clock=clock, cpu=CPUS[0], echo_port=answers, echo_cpu=CPUS[1],
                    count=ROUNDS, warmup=10)  # fmt: skip
        assert found.rtt.n == ROUNDS
        assert found.counters["lost"] == 0
    with both_ends(backend) as (sender, receiver):
        told = flood(sender, receiver, clock=clock, cpu_sender=CPUS[0], cpu_receiver=CPUS[1],
                     count=ROUNDS)  # fmt: skip
        assert told.received["frames_in"] == ROUNDS


def there_with(path: Path, have: Collection[str], work: Callable[[], None]) -> tuple[int, str]:
    """`work` by nobody with these capabilities, who was put into the namespace before."""

    def go() -> None:
        with namespaces.opened(path) as fd:
            namespaces._call("setns", fd, namespaces.CLONE_NEWNET)
        keep_only(have, uid=NOBODY)
        assert held() == set(have)
        work()

    return in_child(go)


@pytest.mark.parametrize("backend", BACKENDS)
def test_five_capabilities_suffice_for_every_port_in_a_namespace_one_was_put_into(
    backend: Backend,
) -> None:
    @in_sandbox
    def scenario() -> None:
        code, said = there_with(somebody_makes_a_namespace(), FIVE, lambda: use(backend))
        assert code == 0, said

    scenario()


NEEDED: dict[Backend, set[str]] = {
    "udp": set(),
    "tcp": set(),
    "afpacket": {"CAP_NET_RAW"},
    "afxdp": {"CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF"},
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_one_of_them_a_port_works_or_names_it(backend: Backend) -> None:
    @in_sandbox
    def scenario() -> None:
        path = somebody_makes_a_namespace()
        for name in sorted(FIVE):

            def refused(name: str = name) -> None:
                with pytest.raises(EngineError, match=name) as caught:
                    use(backend)
                assert "\n" not in str(caught.value)

            is_needed = name in NEEDED[backend]
            work = refused if is_needed else lambda: use(backend)
            code, said = there_with(path, FIVE - {name}, work)
            assert code == 0, f"without {name}: {said}"

    scenario()


@in_sandbox
def test_too_little_locked_memory_is_named_with_its_cure() -> None:
    path = somebody_makes_a_namespace()

    def poor() -> None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (TOO_LITTLE, TOO_LITTLE))
        with pytest.raises(EngineError, match="CAP_IPC_LOCK, or a larger ulimit -l"):
            use("afxdp")

    code, said = there_with(path, FIVE - {"CAP_IPC_LOCK"}, poor)
    assert code == 0, said


@in_sandbox
def test_to_go_into_a_namespace_takes_one_more_that_is_named() -> None:
    path = somebody_makes_a_namespace()

    def refused() -> None:
        with pytest.raises(EngineError, match="needs CAP_SYS_ADMIN"):
            open_port("udp", netns=path, local=(NEAR[0], 30_000), peer=(FAR[0], 30_001))

    code, said = there_with(path, FIVE, refused)
    assert code == 0, said


@in_sandbox
def test_shared_memory_takes_nothing() -> None:
    def work() -> None:
        clock = calibrate(10_000_000)
        with cable() as (asks, answers):
            found = rtt(asks, clock=clock, cpu=CPUS[0], echo_port=answers, echo_cpu=CPUS[1],
                        count=ROUNDS, warmup=10)  # fmt: skip
            assert found.rtt.n == ROUNDS

    code, said = there_with(somebody_makes_a_namespace(), (), work)
    assert code == 0, said


# ---- Whole commands -----------------------------------------------------------------------------


def redline(
    have: Collection[str], *args: str | Path, cpus: str | None = None
) -> subprocess.CompletedProcess[str]:
    """The command by a root who has these capabilities only: the interpreter may be anywhere."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("needs setpriv")
    kept = "".join(f",+{name.removeprefix('CAP_').lower()}" for name in sorted(have))
    drop = [setpriv, f"--inh-caps=-all{kept}", f"--bounding-set=-all{kept}", "--no-new-privs"]
    if os.geteuid() != 0:
        if have:
            pytest.skip("needs root, to give up all but some rights")
        drop = []  # has none
    bound = ["taskset", "-c", cpus] if cpus else []
    command = [*bound, *drop, sys.executable, "-m", "harness.cli", *map(str, args)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["doctor"], "a run is possible"),
        (["net", "ports"], "AF_XDP needs CAP_NET_RAW"),
        (["net", "rtt", "--port", "shm", "--count", "1k"], "shm: memory"),
        (["net", "rtt", "--port", "udp", "--count", "1k"], "udp: spin"),
        (["net", "rtt", "--port", "tcp", "--count", "1k"], "tcp: spin"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_without_any_right_memory_and_loopback_still_work(args: list[str], says: str) -> None:
    done = redline((), *args)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


SMALL = """\
phases:
  - phase: tick_to_trade
    trials:
      - {id: e2e.shm, feed: itch, rate: 5k/s, warmup: 20ms, duration: 50ms,
         measures: {wire: e2e.wire}}
"""


def test_without_any_right_a_run_in_shared_memory_is_a_run(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(HEAD.replace("netns, ring: 4MiB, port: afpacket", "shm, ring: 4MiB") + SMALL)
    done = redline((), "run", path, "--out", tmp_path / "runs")
    assert done.returncode in (0, 1, 75), done.stderr
    found = the_run(tmp_path / "runs")
    assert (found / "report.html").is_file()


@pytest.mark.parametrize(
    ("have", "args", "names"),
    [
        (set(), ["run", "network"], "needs CAP_SYS_ADMIN and CAP_NET_ADMIN"),
        (BENCH, ["run", "network"], "AF_PACKET needs CAP_NET_RAW"),
        (FIVE, ["run", "network"], "a bench in namespaces needs CAP_SYS_ADMIN"),
        (BENCH, ["net", "rtt", "--port", "afxdp"], "AF_XDP needs CAP_NET_RAW"),
        (FIVE, ["net", "flood", "--source", "bpf-live"], "needs CAP_SYS_ADMIN"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_missing_right_is_named_in_one_line_with_its_cure_and_nothing_is_left(
    have: set[str], args: list[str], names: str, tmp_path: Path
) -> None:
    @in_sandbox
    def scenario() -> None:
        out = ["--out", str(tmp_path / "runs")] if args[0] == "run" else []
        done = redline(have, *args, *out)
        assert done.returncode == 3, done.stderr
        (line,) = done.stderr.splitlines()
        assert names in line
        assert "run as root; or setcap" in line
        assert "cap_net_raw" in line  # the cure is whole: no second thing is missing afterwards
        assert not (tmp_path / "runs").exists()
        assert (benches(), names_of_namespaces()) == ([], [])

    scenario()


def test_a_right_that_is_missed_only_when_a_port_opens_is_named_too(tmp_path: Path) -> None:
    @in_sandbox
    def scenario() -> None:
        path = tmp_path / "lines.yaml"
        path.write_text(HEAD + TRIAL)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (TOO_LITTLE, TOO_LITTLE))
        done = redline(BENCH | {"CAP_NET_RAW"}, "run", path, "--out", tmp_path / "runs")
        assert done.returncode == 3, done.stderr
        assert "needs CAP_IPC_LOCK, or a larger ulimit -l" in done.stderr.splitlines()[-1]
        assert list((tmp_path / "runs").iterdir()) == []
        assert (benches(), names_of_namespaces()) == ([], [])

    scenario()


@pytest.mark.parametrize("args", [["run", "network"], ["net", "rtt", "--port", "shm"]])
def test_one_cpu_is_too_few_and_is_said(args: list[str], tmp_path: Path) -> None:
    if shutil.which("taskset") is None:
        pytest.skip("needs taskset")
    out = ["--out", str(tmp_path / "runs")] if args[0] == "run" else []
    done = redline((), *args, *out, cpus=str(CPUS[0]))
    assert done.returncode == 3, done.stderr
    (line,) = done.stderr.splitlines()
    assert "1 allowed" in line
    assert "needed" in line
    assert not (tmp_path / "runs").exists()
