"""What profiles can ask of network cards, on cards as others have them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.tuning.cards import irqs_of
from harness.tuning.host import Host
from harness.tuning.knobs import CATALOGUE, knob_of
from harness.tuning.knobs.base import Op, Roles, Scope, State, Wish
from harness.tuning.knobs.nic import KNOBS
from harness.tuning.settings import Setting, setting_of
from harness.tuning.settings.channels import ChannelsSetting
from harness.tuning.settings.ethtool import EthtoolSetting
from harness.tuning.settings.link import LinkSetting

CARD = {
    "driver": {"driver": "ice"},
    "rings": {"rx": "2048", "rx-max": "8160", "tx": "2048", "tx-max": "8160"},
    "channels": {"combined": "16", "combined-max": "32"},
    "coalesce": {"adaptive-rx": "on", "adaptive-tx": "on", "rx-usecs": "50", "tx-usecs": "50"},
    "pause": {"autoneg": "on", "rx": "on", "tx": "on"},
    "features": {
        "rx-gro": "on",
        "rx-lro": "off",
        "tx-generic-segmentation": "on",
        "tx-scatter-gather": "on",
        "tx-scatter-gather-fraglist": "off",
        "tx-tcp-segmentation": "on",
        "tx-tcp6-segmentation": "on",
        "tx-tcp-mangleid-segmentation": "off",
    },
    "fixed": ["rx-lro", "tx-scatter-gather-fraglist", "tx-tcp-mangleid-segmentation"],
}


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """eth2 with three interrupts and two queues a direction."""
    files = {
        "ethtool/eth2.json": json.dumps(CARD),
        "sys/class/net/eth2/mtu": "1500",
        "sys/class/net/eth2/tx_queue_len": "1000",
        "sys/class/net/eth2/threaded": "0",
        "sys/class/net/eth2/gro_flush_timeout": "0",
        "sys/class/net/eth2/napi_defer_hard_irqs": "0",
    }
    for queue in (0, 1, 10):
        files[f"sys/class/net/eth2/queues/rx-{queue}/rps_cpus"] = "00000000"
        files[f"sys/class/net/eth2/queues/rx-{queue}/rps_flow_cnt"] = "0"
        files[f"sys/class/net/eth2/queues/tx-{queue}/xps_cpus"] = "00000000"
    for irq in (101, 102, 103, 1000):
        files[f"sys/class/net/eth2/device/msi_irqs/{irq}"] = "msix"
        if irq != 1000:
            files[f"proc/irq/{irq}/smp_affinity_list"] = "0-15"
            files[f"proc/irq/{irq}/effective_affinity_list"] = "0"
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    return Host(tmp_path)


def planned(host: Host, knob: str, value: object, **protected: str) -> list[Op]:
    found = knob_of(knob)
    scope = Scope(host, Roles((1,), (0,), (0,)), protected)
    return found.plan(scope, Wish(knob, found.parse(value), "eth2"))


def steps(ops: list[Op]) -> list[tuple[str, str]]:
    """Last word of the target and what it shall be, in order."""
    return [(op.target.split(" ")[-1], op.want) for op in ops]


def test_every_knob_is_in_the_catalogue() -> None:
    assert {knob.id for knob in KNOBS} <= CATALOGUE.keys()
    assert len({knob.id for knob in KNOBS}) == len(KNOBS)


# What a profile can say


@pytest.mark.parametrize(
    ("knob", "value", "parsed"),
    [
        ("nic.rings", {"rx": 512, "tx": "max"}, {"rx": "512", "tx": "max"}),
        ("nic.coalesce", {"adaptive_rx": False, "rx-usecs": "0"}, None),
        ("nic.pause", {"rx": False, "tx": "on"}, {"rx": "off", "tx": "on"}),
        ("nic.eee", {"enabled": "off"}, {"enabled": "off"}),
        ("nic.offloads", {"gro": False, "rx-udp-gro-forwarding": True}, None),
        ("nic.txqueuelen", 1000, "1000"),
        ("nic.mtu", "1500", "1500"),
        ("nic.threaded-napi", 1, "1"),
        ("nic.rps", "none", "none"),
        ("nic.xps", "spread 0-3", "spread 0-3"),
        ("nic.irq-affinity", "3,1,2", "1-3"),
        ("nic.irq-affinity", 2, "2"),
    ],
)
def test_a_value_is_text_as_ethtool_would_have_it(knob: str, value: object, parsed: object) -> None:
    seen = knob_of(knob).parse(value)
    if parsed is not None:
        assert seen == parsed
    assert knob_of(knob).parse(seen) == seen  # what was parsed once can be parsed again


@pytest.mark.parametrize(
    ("knob", "value", "why"),
    [
        ("nic.rings", {"rx": "many"}, "rx: not a number: 'many'"),
        ("nic.rings", {"rx": -1}, "not a number: '-1'"),
        ("nic.rings", {"rx": True}, "not a number: 'True'"),
        ("nic.rings", {"rx-max": 1}, "'rx-max': no such value: not in a table of rx,"),
        ("nic.rings", {}, "not a table of rx,"),
        ("nic.rings", 512, "not a table of rx,"),
        ("nic.coalesce", {"rx-usecs": "max"}, "not a number: 'max'"),
        ("nic.coalesce", {"adaptive-rx": 1}, "neither on nor off: '1'"),
        ("nic.eee", {"active": "on"}, "'active': no such value"),
        ("nic.offloads", {"../x": "on"}, "'../x': no such value"),
        ("nic.offloads", {"-o": "on"}, "'-o': no such value"),
        ("nic.offloads", {"\x1b[2J": "on"}, r"no such value"),
        ("nic.offloads", {"gro": "maybe"}, "gro: neither on nor off: 'maybe'"),
        ("nic.txqueuelen", 10**7, "not from 0 to 1000000: 10000000"),
        ("nic.mtu", 10, "not from 68 to 65535: 10"),
        ("nic.threaded-napi", 2, "not from 0 to 1: 2"),
        ("nic.irq-affinity", "none", "not a list of CPUs"),
        ("nic.irq-affinity", "", "not a list of CPUs"),
        ("nic.irq-affinity", "1-", "not a list of CPUs"),
        ("nic.irq-affinity", True, "not a list of CPUs"),
        ("nic.rps", "spread ", "not none, a list of CPUs"),
        ("nic.xps", "spread\x1b 1", "not none, a list of CPUs"),
    ],
)
def test_a_value_that_is_none_is_refused_in_one_line(knob: str, value: object, why: str) -> None:
    with pytest.raises(ValueError, match=".") as refused:  # noqa: RUF043
        knob_of(knob).parse(value)
    assert why in str(refused.value)
    assert str(refused.value).isprintable()


PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
ANYTHING = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(st.text(max_size=9), PLAIN)


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: str(knob.id))
@given(value=ANYTHING | st.dictionaries(st.sampled_from(["rx", "gro", "rx-usecs"]), PLAIN))
def test_whatever_a_profile_says_is_a_value_or_one_printable_line(
    knob: object, value: object
) -> None:
    try:
        knob.parse(value)  # type: ignore[attr-defined]
    except ValueError as error:
        said = str(error)
    else:
        said = "fine"
    assert said.isprintable()


# What it means on a card


def test_what_the_card_decides_by_itself_is_switched_off_before_it_is_set(host: Host) -> None:
    asked = {"rx-usecs": 0, "adaptive-tx": "off", "tx-usecs": 5, "adaptive-rx": "off"}
    assert steps(planned(host, "nic.coalesce", asked)) == [
        ("adaptive-tx", "off"),
        ("adaptive-rx", "off"),
        ("rx-usecs", "0"),
        ("tx-usecs", "5"),
    ]


def test_what_the_card_shall_decide_by_itself_is_switched_on_after_it_is_set(host: Host) -> None:
    asked = {"adaptive-rx": "on", "rx-usecs": 8}
    assert steps(planned(host, "nic.coalesce", asked)) == [("rx-usecs", "8"), ("adaptive-rx", "on")]


def test_the_most_is_what_the_card_says(host: Host) -> None:
    (op,) = planned(host, "nic.rings", {"rx": "max"})
    assert (op.before, op.want, op.state) == ("2048", "8160", State.CHANGE)


def test_a_value_that_the_card_lacks_is_unsupported_and_the_others_are_not(host: Host) -> None:
    ops = planned(host, "nic.rings", {"rx-mini": "max", "rx": 64})
    assert [(op.state, op.why) for op in ops] == [
        (State.UNSUPPORTED, "the card has no rx-mini"),
        (State.CHANGE, ""),
    ]


def test_an_offload_is_all_its_features_that_can_be_changed(host: Host) -> None:
    assert steps(planned(host, "nic.offloads", {"tso": "off"})) == [
        ("tx-tcp-segmentation", "off"),
        ("tx-tcp6-segmentation", "off"),
    ]


@pytest.mark.parametrize(
    ("value", "order"),
    [
        ("off", ["rx-gro", "tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-scatter-gather"]),
        ("on", ["tx-scatter-gather", "tx-tcp-segmentation", "tx-tcp6-segmentation", "rx-gro"]),
    ],
)
def test_what_others_rest_on_goes_off_last_and_on_first(
    host: Host, value: str, order: list[str]
) -> None:
    ops = planned(host, "nic.offloads", {"sg": value, "tso": value, "gro": value})
    assert [name for name, _ in steps(ops)] == order


@pytest.mark.parametrize(
    ("value", "state", "why"),
    [("on", State.UNSUPPORTED, "fixed by the driver"), ("off", State.NOOP, "")],
)
def test_an_offload_that_nobody_can_change_says_so_unless_it_is_as_asked(
    host: Host, value: str, state: State, why: str
) -> None:
    (op,) = planned(host, "nic.offloads", {"lro": value})
    assert (op.state, op.why) == (state, why)


@pytest.mark.parametrize(
    ("value", "wants"),
    [("0-1", ["0-1"] * 3), ("spread 4,6", ["4", "6", "4"])],
)
def test_interrupts_in_use_go_to_all_cpus_of_a_list_or_to_one_each(
    host: Host, value: str, wants: list[str]
) -> None:
    ops = planned(host, "nic.irq-affinity", value)
    assert [op.target for op in ops] == [
        f"/proc/irq/{irq}/smp_affinity_list" for irq in (101, 102, 103)
    ]
    assert [op.want for op in ops] == wants


def test_an_interrupt_holds_when_it_effectively_goes_to_a_cpu_that_was_asked_for(
    host: Host,
) -> None:
    knob = knob_of("nic.irq-affinity")
    scope = Scope(host, Roles((1,), (0,), (0,)))
    host.write("/proc/irq/102/effective_affinity_list", "7\n")
    host.path("/proc/irq/103/effective_affinity_list").unlink()
    proofs = knob.derived(scope, Wish(knob.id, "0-1", "eth2"))
    assert [proof.holds for proof in proofs] == [True, False, None]


def test_queues_are_taken_in_the_order_of_their_numbers(host: Host) -> None:
    ops = planned(host, "nic.xps", "spread 2-4")
    assert [op.target.split("/")[-2] for op in ops] == ["tx-0", "tx-1", "tx-10"]
    assert len({op.want for op in ops}) == 3
    assert {op.state for op in ops} == {State.CHANGE}


def test_queues_without_cpus_are_as_they_were(host: Host) -> None:
    assert {op.state for op in planned(host, "nic.rps", "none")} == {State.NOOP}


ASKED: Mapping[str, object] = {
    "nic.rings": {"rx": 64},
    "nic.channels": {"combined": 1},
    "nic.coalesce": {"rx-usecs": 0},
    "nic.pause": {"rx": "off"},
    "nic.offloads": {"gro": "off"},
    "nic.txqueuelen": 1,
    "nic.mtu": 9000,
    "nic.irq-affinity": "0",
    "nic.threaded-napi": 1,
    "nic.gro-flush": 1,
    "nic.napi-defer": 1,
    "nic.rps": "0",
    "nic.rfs": 1,
    "nic.xps": "0",
}


@pytest.mark.parametrize(("knob", "value"), ASKED.items())
def test_an_interface_that_must_not_be_touched_is_denied_with_the_reason(
    host: Host, knob: str, value: object
) -> None:
    assert {op.state for op in planned(host, knob, value)} == {State.CHANGE}
    ops = planned(host, knob, value, eth2="carries the SSH connection from 192.0.2.7")
    assert {op.state for op in ops} == {State.DENIED}
    assert {op.why for op in ops} == {"eth2 carries the SSH connection from 192.0.2.7"}


def test_a_wish_without_an_interface_means_nothing(host: Host) -> None:
    for knob in KNOBS:
        (op,) = knob.plan(Scope(host, Roles((1,), (0,), (0,))), Wish(knob.id, {}))
        assert (op.state, op.why) == (
            State.UNSUPPORTED,
            "it is about an interface, and none is named",
        )


def test_a_card_without_interrupts_says_so(host: Host) -> None:
    host.path("/sys/class/net/eth3").mkdir()
    with pytest.raises(OSError, match="eth3 has no interrupts of its own"):
        irqs_of(host, "eth3")


# What is written down of a setting


@pytest.mark.parametrize(
    ("setting", "value", "line"),
    [
        (EthtoolSetting("eth2 coalesce rx-usecs"), "3", "ethtool --coalesce eth2 rx-usecs 3"),
        (EthtoolSetting("eth2 eee enabled"), "off", "ethtool --set-eee eth2 eee off"),
        (
            EthtoolSetting("eth2 features rx-gro"),
            "off [requested on]",
            "ethtool --features eth2 rx-gro on",
        ),
        (ChannelsSetting("eth2 rx 1"), "4", "ethtool --set-channels eth2 rx 4"),
        (
            ChannelsSetting("eth2 combined 1"),
            "4 [tx-3/xps_cpus=8]",
            "ethtool --set-channels eth2 combined 4"
            " && echo 8 > /sys/class/net/eth2/queues/tx-3/xps_cpus",
        ),
        (LinkSetting("eth2 mtu"), "1500", "ip link set dev eth2 mtu 1500"),
    ],
)
def test_a_setting_comes_back_from_what_was_written_down_and_says_its_command(
    setting: Setting, value: str, line: str
) -> None:
    assert setting_of(setting.as_json()) == setting
    assert setting.command(value) == line


@pytest.mark.parametrize("kind", ["ethtool", "link", "channels"])
@pytest.mark.parametrize(
    "target",
    [
        *("", "eth2", "eth2 mtu 5", "../x mtu", "-o mtu", "eth2  mtu", "eth2 name", "eth2 mtu\n"),
        *("eth2 driver version", "eth2 coalesce -o", "../x coalesce rx-usecs", "eth2 coalesce "),
        *("../x rx 1", "eth2 rx -1", "eth2 rx 1 2", "eth2 rx-max 1"),
        *("eth2 coalesce rx-usecs; reboot", "eth2 coalesce $(reboot)", "\x1b[2J rings rx"),
    ],
)
def test_a_setting_that_was_never_written_down_by_us_is_refused(kind: str, target: str) -> None:
    with pytest.raises(ValueError, match=".") as refused:  # noqa: RUF043
        setting_of({"kind": kind, "target": target})
    assert str(refused.value).isprintable()


def test_a_link_that_is_recorded_is_set_in_its_files(host: Host) -> None:
    LinkSetting("eth2 txqueuelen").write(host, "77")
    assert host.read("/sys/class/net/eth2/tx_queue_len") == "77"
    with pytest.raises(OSError, match="not a number"):
        LinkSetting("eth2 mtu").write(host, "-1")


@pytest.mark.parametrize("value", ["4 [x]", "4 [../x=1]", "4 [tx-1/xps_cpus=$(reboot)]"])
def test_what_queues_were_never_set_to_is_not_written(host: Host, value: str) -> None:
    setting = ChannelsSetting("eth2 combined 1")
    with pytest.raises(OSError, match="not what queues are set to"):
        setting.write(host, value)
    assert setting.read(host) == "16"


def test_the_most_queues_of_a_kind_that_the_card_lacks_are_unsupported(host: Host) -> None:
    (op,) = planned(host, "nic.channels", {"rx": "max"})
    assert op.state is State.UNSUPPORTED


def test_an_interface_named_like_a_pattern_is_itself_and_no_other(tmp_path: Path) -> None:
    for name in ("eth0", "eth*"):
        queue = tmp_path / f"sys/class/net/{name}/queues/rx-0"
        queue.mkdir(parents=True)
        (queue / "rps_cpus").write_text("3\n")
    ops = knob_of("nic.rps").plan(
        Scope(Host(tmp_path), Roles((1,), (0,), (0,))), Wish("nic.rps", "none", "eth*")
    )
    assert [op.target for op in ops] == ["/sys/class/net/eth*/queues/rx-0/rps_cpus"]
