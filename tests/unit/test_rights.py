"""What a process lacks, said in a sentence with its cure."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import HostError
from harness.tuning import rights
from harness.tuning.facts import CAPABILITIES
from harness.tuning.rights import AFPACKET, AFXDP, BENCH, ENTER, FIFO, NEEDS, Need, missing

STATUS = "Name:\tredline\nUid:\t0\t0\t0\t0\nCapPrm:\tffff\nCapEff:\t{:016x}\n"
ADMIN, RAW, SYS, BPF = 1 << 12, 1 << 13, 1 << 21, 1 << 39


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0, set()),
        (ADMIN | RAW, {"CAP_NET_ADMIN", "CAP_NET_RAW"}),
        (SYS | BPF | 1, {"CAP_SYS_ADMIN", "CAP_BPF"}),  # bit 0 nobody here needs
    ],
)
def test_what_is_in_effect_is_read(tmp_path: Path, bits: int, names: set[str]) -> None:
    status = tmp_path / "status"
    status.write_text(STATUS.format(bits))
    assert rights.held(status) == names


def test_a_status_without_capabilities_holds_none(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tredline\n")
    assert rights.held(status) == frozenset()


@pytest.mark.parametrize(
    ("need", "have", "is_root", "lacking"),
    [
        (BENCH, {"CAP_SYS_ADMIN", "CAP_NET_ADMIN"}, True, ()),
        (BENCH, {"CAP_SYS_ADMIN", "CAP_NET_ADMIN"}, False, ("CAP_DAC_OVERRIDE",)),
        (BENCH, {"CAP_NET_ADMIN"}, True, ("CAP_SYS_ADMIN",)),
        (ENTER, set(), True, ("CAP_SYS_ADMIN",)),
        (AFPACKET, {"CAP_NET_RAW"}, False, ()),
        (AFPACKET, {"CAP_NET_ADMIN"}, False, ("CAP_NET_RAW",)),
        (AFXDP, {"CAP_NET_RAW"}, False, ("CAP_NET_ADMIN", "CAP_BPF")),
        (AFXDP, {"CAP_NET_RAW", "CAP_BPF"}, False, ("CAP_NET_ADMIN",)),
        (AFXDP, {"CAP_NET_RAW", "CAP_BPF", "CAP_NET_ADMIN"}, False, ()),
        (AFXDP, {"CAP_NET_RAW", "CAP_SYS_ADMIN"}, False, ()),
        (FIFO, {"CAP_SYS_ADMIN"}, True, ("CAP_SYS_NICE",)),
    ],
)
def test_what_is_missing_for_a_part(
    need: Need, have: set[str], is_root: bool, lacking: tuple[str, ...]
) -> None:
    assert missing(need, have, is_root=is_root) == lacking


def test_the_sentence_names_the_part_what_it_lacks_and_three_cures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rights, "held", lambda: frozenset({"CAP_NET_RAW"}))
    why = rights.why_not(AFXDP)
    python = Path(sys.executable).resolve()
    assert why == (
        "AF_XDP needs CAP_NET_ADMIN and CAP_BPF, which this process lacks: run as root; "
        f"or setcap cap_net_raw,cap_net_admin,cap_bpf+ep {python}; "
        "or in a service AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN CAP_BPF; "
        "or setpriv --reuid $USER --init-groups --inh-caps +net_raw,+net_admin,+bpf "
        "--ambient-caps +net_raw,+net_admin,+bpf redline ..."
    )
    with pytest.raises(HostError) as refused:
        rights.require(AFXDP)
    assert refused.value.exit_code == 3


def test_the_cure_is_for_all_that_will_be_needed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "held", lambda: frozenset())
    why = rights.why_not(AFPACKET, ENTER)
    assert why is not None
    assert why.startswith("AF_PACKET needs CAP_NET_RAW, which")
    assert "cap_net_raw,cap_sys_admin+ep" in why


def test_whoever_holds_all_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "held", lambda: frozenset(CAPABILITIES))
    assert rights.why_not(*NEEDS) is None
    rights.require(*NEEDS)


def test_who_is_told_nothing_lacks_nothing_and_every_part_lacks_something_without_rights() -> None:
    assert rights.why_not() is None
    assert all(missing(need, (), is_root=True) for need in NEEDS)
