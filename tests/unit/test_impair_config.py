"""What shall go wrong on the way, as a file: one vocabulary, refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.config.impair import (
    CAN,
    EVERYTHING,
    Impairment,
    choose,
    load_impairment,
    mechanisms_at,
)
from harness.config.loader import ConfigError, FieldFault, parse
from harness.faults.wire_check import wire_impairment

EXAMPLE_FILES = sorted((Path(__file__).parents[2] / "scenarios" / "impair").glob("*.yaml"))

WHOLE = """\
seed: 7
table: 4096
tolerance: 50us
impair:
  - {loss: 1%, duplicate: 0.5%, corrupt: 0.1%, bad_checksum: 5ppm}
  - {blackhole: {after: 1000, for: 50}, every: {drop: 100}}
  - {line: market, direction: both, delay: 10us, jitter: 2us, reorder: 0.2%}
  - {line: orders, rate: 100Mbit/s, burst: 32KiB, queue: 1ms}
  - {line: orders, flap: {every: 1s, down: 50ms}}
  - {line: marketb, skew: 20us, pause: [{at: 1s, for: 1ms}, {for: 1ms, every: 10ms}]}
  - {line: marketb, jitter: {up_to: 1us, shape: normal, overtakes: true}}
  - {line: marketb, reorder: {every: 50, by: 3, hold: 1ms}}
"""


def impairment(text: str) -> Impairment:
    return parse(text, Impairment, name="i.yaml")


def test_every_word_is_read_exactly() -> None:
    found = impairment(WHOLE)
    drawn, counted, late, slow, flaps, skewed, jittered, reordered = found.impair
    assert (found.seed, found.table, found.tolerance_ns) == (7, 4096, 50_000)
    assert drawn.chances() == {
        "loss": 10_000,
        "duplicate": 5_000,
        "corrupt": 1_000,
        "bad_checksum": 5,
    }
    assert [(hole.after, hole.for_) for hole in counted.blackhole] == [(1000, 50)]
    assert counted.every is not None
    assert counted.every.drop == 100
    assert late.directions() == ("to-engine", "to-rig")
    assert late.delay_ns == 10_000
    assert late.jitter is not None
    assert (late.jitter.up_to_ns, late.jitter.shape, late.jitter.overtakes) == (
        2_000,
        "uniform",
        False,
    )
    assert late.reorder is not None
    assert (late.reorder.chance, late.reorder.by) == (2_000, 1)
    assert (slow.rate_bps, slow.burst_bytes, slow.queue_ns) == (100_000_000, 32_768, 1_000_000)
    assert flaps.flap is not None
    assert (flaps.flap.every_ns, flaps.flap.down_ns) == (1_000_000_000, 50_000_000)
    assert skewed.skew_ns == 20_000
    assert [(p.at_ns, p.for_ns, p.every_ns) for p in skewed.pause] == [
        (1_000_000_000, 1_000_000, None),
        (0, 1_000_000, 10_000_000),
    ]
    assert jittered.jitter is not None
    assert (jittered.jitter.shape, jittered.jitter.overtakes) == ("normal", True)
    assert reordered.reorder is not None
    assert (reordered.reorder.every, reordered.reorder.by, reordered.reorder.hold_ns) == (
        50,
        3,
        1_000_000,
    )


def test_written_out_again_it_loads_as_the_same() -> None:
    found = impairment(WHOLE)
    again = yaml.safe_dump(found.model_dump(mode="json", exclude_none=True), sort_keys=False)
    assert impairment(again) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("impair: []", "i.yaml:1: impair: is empty: leave it out when nothing shall go wrong"),
        ("seed: 3", "i.yaml:1: impair: is missing"),
        ("impair: {loss: 1%}", "i.yaml:1: impair: not a list:"),
        ("impair: [{}]", "i.yaml:1: impair.0: says nothing: give one of bad_checksum, blackhole,"),
        ("impair: [{loss: 2}]", "i.yaml:1: impair.0.loss: no unit: 2 (write it like 0.5%"),
        ("impair: [{loss: 0%}]", "i.yaml:1: impair.0.loss: must be more than zero: '0%'"),
        ("impair: [{loss: 200%}]", "i.yaml:1: impair.0.loss: must be at most 100%: '200%'"),
        ("impair: [{loss: 0.00001%}]", "i.yaml:1: impair.0.loss: not a chance: '0.00001%' is not"),
        ("impair: [{los: 1%}]", "i.yaml:1: impair.0.los: unknown key, did you mean 'loss'?"),
        ("seed: -1\nimpair: [{loss: 1%}]", "i.yaml:1: seed: must be greater than or equal to 0"),
        ("table: 1000\nimpair: [{loss: 1%}]", "i.yaml:1: table: not a power of two: 1000"),
        ("impair: [{direction: up, loss: 1%}]", "i.yaml:1: impair.0.direction: not one of"),
        ("impair: [{mechanism: magic, loss: 1%}]", "i.yaml:1: impair.0.mechanism: not one of"),
        ("impair: [{line: A B, loss: 1%}]", "i.yaml:1: impair.0.line: must look like"),
        ("impair: [{every: {}}]", "i.yaml:1: impair.0.every: says nothing: give one of drop,"),
        ("impair: [{every: {drop: 0}}]", "i.yaml:1: impair.0.every.drop: must be greater than"),
        ("impair: [{blackhole: {after: 1}}]", "i.yaml:1: impair.0.blackhole.for: is missing"),
        (
            "table: 64\nimpair:\n  - {blackhole: {after: 60, for: 5}}",
            "i.yaml:3: impair.0.blackhole: ends behind the table of 64 packets",
        ),
        ("impair: [{delay: 10}]", "i.yaml:1: impair.0.delay: no unit: 10"),
        ("impair: [{delay: 2min}]", "i.yaml:1: impair.0.delay: must be at most 1min: '2min'"),
        ("impair: [{jitter: 5s}]", "i.yaml:1: impair.0.jitter.up_to: must be at most 4s: '5s'"),
        ("impair: [{jitter: {up_to: 1us, shape: odd}}]", "i.yaml:1: impair.0.jitter.shape: not"),
        ("impair: [{reorder: {by: 3}}]", "i.yaml:1: impair.0.reorder: give either chance or every"),
        (
            "impair: [{reorder: {chance: 1%, every: 2}}]",
            "i.yaml:1: impair.0.reorder: give either chance or every",
        ),
        ("impair: [{reorder: {every: 3, by: 2000}}]", "i.yaml:1: impair.0.reorder.by: must be"),
        (
            "impair: [{pause: {for: 3ms, every: 2ms}}]",
            "i.yaml:1: impair.0.pause.every: must be longer than `for`",
        ),
        (
            "impair: [{pause: [{for: 1ms, every: 2ms}, {for: 1ms, every: 3ms}]}]",
            "i.yaml:1: impair.0.pause: only one of them may repeat",
        ),
        ("impair: [{rate: 10}]", "i.yaml:1: impair.0.rate: no unit: 10 (write it like 100Mbit/s"),
        ("impair: [{rate: 5bit/s}]", "i.yaml:1: impair.0.rate: must be at least 1kbit/s: '5bit/s'"),
        ("impair: [{burst: 3KiB}]", "i.yaml:1: impair.0.burst: means something only beside a rate"),
        ("impair: [{loss: 1%, queue: 1ms}]", "i.yaml:1: impair.0.queue: means something only"),
        (
            "impair: [{flap: {every: 1s, down: 1s}}]",
            "i.yaml:1: impair.0.flap.down: must be shorter than `every`",
        ),
        (
            "impair: [{loss: 60%, corrupt: 50%}]",
            "i.yaml:1: impair.0.loss: with the others 110% of all packets",
        ),
        (
            "impair:\n  - {loss: 1%}\n  - {direction: both, loss: 2%}",
            "i.yaml:3: impair.1.loss: given twice for market to-engine, first in impair.0",
        ),
    ],
)
def test_a_mistake_is_one_line_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        impairment(text)
    assert str(error.value).startswith(said)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("mechanism: xdp, duplicate: 1%", "duplicate: xdp cannot do it; tc, wire or netem can"),
        ("mechanism: xdp, every: {duplicate: 9}", "every: xdp cannot do it; tc or wire can"),
        ("mechanism: tc, delay: 1us", "delay: tc cannot do it; wire or netem can"),
        ("mechanism: tbf, loss: 1%", "loss: tbf cannot do it; tc, xdp, wire or netem can"),
        ("mechanism: netem, corrupt: 1%", "corrupt: netem cannot do it; tc, xdp or wire can"),
        ("mechanism: netem, reorder: {every: 3}", "reorder: netem cannot do it; wire can"),
        ("mechanism: wire, flap: {every: 1s, down: 1ms}", "flap: wire cannot do it; link can"),
        (
            "loss: 1%, flap: {every: 1s, down: 1ms}",
            "loss: nothing does it together with flap: make it an entry of its own",
        ),
    ],
)
def test_what_nobody_can_do_is_refused_with_who_could(entry: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        impairment(f"impair: [{{{entry}}}]")
    assert str(error.value) == f"i.yaml:1: impair.0.{said}"


@pytest.mark.parametrize(
    ("port", "wire", "entry", "chosen"),
    [
        ("udp", False, "loss: 1%", "tc"),
        ("afpacket", True, "duplicate: 1%", "tc"),
        ("afxdp", False, "loss: 1%", "xdp"),
        ("afxdp", True, "duplicate: 1%", "wire"),
        ("tcp", True, "loss: 1%", "wire"),
        ("udp", True, "loss: 1%, delay: 1us", "wire"),
        ("udp", True, "mechanism: wire, loss: 1%", "wire"),
        ("udp", True, "rate: 1Mbit/s", "wire"),
        ("udp", False, "rate: 1Mbit/s", "tbf"),
        ("udp", False, "flap: {every: 1s, down: 1ms}", "link"),
    ],
)
def test_the_first_mechanism_that_is_there_does_it(
    port: str, wire: bool, entry: str, chosen: str
) -> None:
    offered = mechanisms_at(port) | ({"wire"} if wire else set())
    assert choose(impairment(f"impair: [{{{entry}}}]").impair, offered) == (chosen,)


@pytest.mark.parametrize(
    ("port", "entry", "said"),
    [
        ("udp", "delay: 1us", "wants wire or netem; here there is only tc, tbf and link"),
        ("afxdp", "duplicate: 1%", "wants tc, wire or netem; here there is only xdp and link"),
        ("afxdp", "rate: 1Mbit/s", "wants wire or tbf; here there is only xdp and link"),
        ("tcp", "mechanism: tc, loss: 1%", "there is no tc here, only tbf and link"),
    ],
)
def test_what_is_not_there_is_refused_with_its_line(
    tmp_path: Path, port: str, entry: str, said: str
) -> None:
    path = tmp_path / "i.yaml"
    path.write_text(f"seed: 1\nimpair:\n  - {{{entry}}}\n")
    load_impairment(path)
    with pytest.raises(ConfigError, match=said) as error:
        load_impairment(path, mechanisms_at(port))
    assert str(error.value).startswith(f"{path}:3: impair.0.")


def test_a_line_that_the_bench_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "i.yaml"
    path.write_text("impair:\n  - {line: orders, loss: 1%}\n")
    load_impairment(path, lines=["market", "orders"])
    with pytest.raises(ConfigError) as error:
        load_impairment(path, lines=["market"])
    assert str(error.value) == f"{path}:2: impair.0.line: the bench has market: 'orders'"


def test_a_wire_is_made_only_for_what_needs_one() -> None:
    assert impairment("impair: [{delay: 1us}]").needs_wire
    assert impairment("impair: [{mechanism: wire, loss: 1%}]").needs_wire
    assert impairment("impair: [{loss: 1%, skew: 1us}]").needs_wire
    assert not impairment("impair: [{loss: 1%}, {rate: 1Mbit/s}]").needs_wire
    assert not impairment("impair: [{mechanism: netem, delay: 1us}]").needs_wire


def test_every_effect_has_somebody_who_does_it_and_says_so_in_the_docstring() -> None:
    import harness.config.impair as module

    assert module.__doc__ is not None
    for mechanism in EVERYTHING:
        assert f"\n    {mechanism} " in module.__doc__
    for effect in set().union(*CAN.values()):
        entry = impairment(f"impair: [{{{effect}: {EXAMPLES[effect]}}}]").impair[0]
        for mechanism in EVERYTHING:
            assert (entry.why_not(mechanism) is None) == (effect in CAN[mechanism])


EXAMPLES = {
    "loss": "1%",
    "duplicate": "1%",
    "corrupt": "1%",
    "bad_checksum": "1%",
    "blackhole": "{after: 0, for: 1}",
    "every": "{drop: 2}",
    "delay": "1us",
    "jitter": "1us",
    "reorder": "1%",
    "skew": "1us",
    "pause": "{for: 1us}",
    "rate": "1Mbit/s",
    "flap": "{every: 1s, down: 1ms}",
}


def test_choosing_names_the_place_from_the_list() -> None:
    with pytest.raises(FieldFault) as fault:
        choose(impairment("impair: [{loss: 1%}, {delay: 1us}]").impair, {"tc"})
    assert fault.value.path == ("impair", 1, "delay")


def test_options_of_a_wire_are_an_entry_of_a_file() -> None:
    wanted = "impair: [{mechanism: wire, delay: 10us, jitter: 2us, reorder: 0.2%}]"
    assert wire_impairment(delay="10us", jitter="2us", reorder="0.2%") == impairment(wanted)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delay": "fast"}, "--delay: not a duration: 'fast'"),
        ({"delay": "1us, loss: 3%"}, "--delay: not a duration: '1us, loss: 3%'"),
        ({"delay": "0us"}, "--delay: must be more than zero: '0us'"),
        ({"queue": "1ms"}, "--queue: means something only beside a rate"),
        ({"delay": "5min"}, "--delay: must be at most 1min: '5min'"),
        ({"loss": "60%", "corrupt": "60%"}, "--loss: with the others 120% of all packets"),
        ({"tolerance": "5"}, "--tolerance: not a duration: '5'"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        wire_impairment(**options)
    assert str(error.value).startswith(said.replace("not a duration: '5'", "no unit"))


@pytest.mark.parametrize("path", EXAMPLE_FILES, ids=lambda path: path.stem)
def test_the_examples_can_be_done_between_sockets(path: Path) -> None:
    found = load_impairment(path)
    load_impairment(path, mechanisms_at("udp") | ({"wire"} if found.needs_wire else set()))
