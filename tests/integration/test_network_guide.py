"""What docs/guides/network.md shows and lists is what happens, as far as this host can do it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import cli
from harness.config.impair import CAN, PORTS, Entry, Impairment, load_impairment
from harness.config.loader import ConfigError
from harness.config.loader import parse as parse_config
from harness.config.scenario import Network, Scenario, TrialPhase
from harness.net.sources import SOURCES
from harness.tuning import rights

from .conftest import ROOT, needs_two_cpus

PAGE = ROOT / "docs/guides/network.md"
GUIDE = PAGE.read_text()
LOSSY = "scenarios/impair/lossy-line.yaml"
PATIENCE_S = 60


def section(title: str) -> str:
    return GUIDE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(text: str, kind: str = "") -> list[str]:
    """Of one kind; all are read, or the end of one would begin the next."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [inner for its_kind, inner in found if its_kind == kind]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row but headings, in their order."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [
        cells
        for cells, below in zip(split, [*split[1:], [""]], strict=True)
        if set("".join(below)) != {"-"} and not set("".join(cells)) <= {"-"}
    ]


def words(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def commands(title: str) -> list[str]:
    """What a section has to be typed, line by line, without what is shown below it."""
    typed = "".join(block for block in blocks(section(title))).replace("\\\n", "")
    return [
        line.removeprefix("$ ")
        for line in typed.splitlines()
        if line.removeprefix("$ ").startswith("redline ")
    ]


def bench_here() -> None:
    needs_two_cpus()
    why = rights.why_not(rights.BENCH, rights.AFXDP)
    if why is not None:
        pytest.skip(why)


def ran(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> tuple[int, str, str]:
    """A command of the guide in this process, from the root of the project."""
    monkeypatch.chdir(ROOT)
    code = cli.main(shlex.split(command)[1:])
    said = capsys.readouterr()
    return code, said.out, said.err


# ---- What is typed ------------------------------------------------------------------------------


def test_the_ports_that_the_guide_shows_are_the_ports_that_are_tried(capsys, monkeypatch):
    bench_here()
    (shown,) = (block for block in blocks(GUIDE) if "$ redline net ports" in block)
    code, out, err = ran(capsys, monkeypatch, "redline net ports")
    assert code == 0, err
    names = [line[:24].strip() for line in out.splitlines()]
    assert names == [line[:24].strip() for line in shown.splitlines()[1:]]
    for line in shown.splitlines()[1:]:
        if line.startswith("udp by"):  # says why, unless it is there
            assert line in out.splitlines() or f"{line[:26]}yes" in out


@pytest.mark.parametrize("command", [c for c in commands("Round trips") if "matrix" not in c])
def test_round_trips_of_the_guide_are_measured(capsys, monkeypatch, command):
    bench_here()
    small = re.sub(r"--count \S+|--repeats \d+", "", command) + " --count 500"
    code, out, err = ran(capsys, monkeypatch, small)
    assert code == 0, err
    heading = next(line for line in out.splitlines() if line.startswith("round trip "))
    shown = [name for row in rows(section("Round trips")) for name in words(row[0])]
    assert re.split(r"  +", heading)[1:] == [name for name in shown if name != "best p50"]


def test_with_repeats_a_column_more_is_shown_as_the_guide_says(capsys, monkeypatch):
    needs_two_cpus()
    command = "redline net rtt --port shm --repeats 2 --count 500"
    code, out, err = ran(capsys, monkeypatch, command)
    assert code == 0, err
    heading = next(line for line in out.splitlines() if line.startswith("round trip "))
    shown = [name for row in rows(section("Round trips")) for name in words(row[0])]
    assert re.split(r"  +", heading)[1:] == shown


@pytest.mark.parametrize("command", [c for c in commands("Floods") if "--compare" not in c])
def test_floods_of_the_guide_add_up(capsys, monkeypatch, command):
    bench_here()
    code, out, err = ran(capsys, monkeypatch, command.replace("200ms", "50ms"))
    assert code == 0, err
    for name in words(section("Floods").split("- `planned`")[1].split("which\n")[0]):
        assert f"{name} " in out, name
    assert "one way" in out
    assert ("lateness" in out) == ("--rate" in command)


def test_the_flood_with_faults_ends_as_the_guide_shows(capsys, monkeypatch):
    bench_here()
    (shown,) = (block for block in blocks(GUIDE) if "--impair" in block)
    command, *expected = shown.removeprefix("$ ").splitlines()
    code, out, err = ran(capsys, monkeypatch, command)
    heard = out.splitlines()
    assert (code, len(heard)) == (0, len(expected)), out + err
    for line, said in zip(expected, heard, strict=True):
        if line.lstrip().startswith("sender"):  # modes, CPUs: the host's
            assert "both on CPU" in said
            assert re.search(r"; table at (tcx|clsact)$", said)
        else:
            assert said == line


def test_other_faults_end_otherwise(capsys, monkeypatch, tmp_path):
    bench_here()
    (shown,) = (block for block in blocks(GUIDE) if "--impair" in block)
    other = tmp_path / "other.yaml"
    other.write_text((ROOT / LOSSY).read_text().replace("seed: 7", "seed: 8"))
    command = shown.removeprefix("$ ").splitlines()[0].replace(LOSSY, str(other))
    code, out, err = ran(capsys, monkeypatch, command)
    assert code == 0, out + err
    assert not set(shown.splitlines()[3:5]) & set(out.splitlines())


def test_what_no_port_here_can_do_is_refused_as_the_guide_says(capsys, monkeypatch):
    bench_here()
    text = " ".join(section("Faults").split())
    said = re.search(r"`(impair\.0\.duplicate: [^`]+)`", text)
    assert said
    command = f"redline net flood --port afxdp --impair {LOSSY} --rate 50k/s --for 20ms"
    code, out, err = ran(capsys, monkeypatch, command)
    assert (code, out) == (2, "")
    assert err.strip().endswith(said[1])


def test_the_wire_of_the_guide_lets_through_what_it_said(capsys, monkeypatch):
    bench_here()
    (command,) = (one for one in commands("Faults") if one.startswith("redline net wire"))
    code, out, err = ran(capsys, monkeypatch, command.replace("2000", "500"))
    assert code == 0 or "let_go" in out, out + err  # the host stopped the sender for long
    assert "release error, ns: " in out


def test_the_echo_of_the_guide_answers_the_command_below_it(capsys, monkeypatch):
    needs_two_cpus()
    serve, ask = commands("An echo, and another machine")
    args = shlex.split(serve.replace(":9000", ":0"))[1:]
    with subprocess.Popen(
        [sys.executable, "-m", "harness.cli", *args, "--mode", "block", "--for", "20"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as echo:
        try:
            assert echo.stdout is not None
            at = re.search(r"echo at (\S+)", echo.stdout.readline())
            assert at
            command = ask.replace("127.0.0.1:9000", at[1]) + " --count 20"
            code, out, err = ran(capsys, monkeypatch, command)
            echo.terminate()
            rest, _ = echo.communicate(timeout=PATIENCE_S)
        finally:
            echo.kill()
    assert code == 0, err
    assert "round trip " in out
    assert rest.startswith("received ")
    assert echo.returncode == 0


def test_cleaning_up_can_be_looked_at_first(capsys, monkeypatch):
    look, do = commands("What a killed run leaves")
    assert (look, do) == ("redline clean --dry-run", "redline clean")
    code, out, err = ran(capsys, monkeypatch, look)
    assert code == 0, err
    assert re.match(r"nothing left behind|would remove|in use", out)


def test_redline_dpdk_runs_as_the_guide_says():
    needs_two_cpus()
    tool = Path(sys.executable).with_name("redline-dpdk")
    if not tool.exists():
        pytest.skip("redline-dpdk was not built: needs libdpdk-dev")
    line = next(line for line in section("DPDK").splitlines() if "rtt --rings" in line)
    first, second = sorted(os.sched_getaffinity(0))[:2]
    command = shlex.split(line.replace("--cpus 0,1", f"--cpus {first},{second}"))
    done = subprocess.run(
        [tool, *command[1:], "--no-telemetry", "-m", "64"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert '"mode": "net_ring"' in done.stdout


@pytest.mark.parametrize("title", ["Onload and VMA", "From Python"])
def test_the_guides_python_runs(capsys, title):
    needs_two_cpus()
    (program,) = blocks(section(title), "python")
    first, second = sorted(os.sched_getaffinity(0))[:2]
    program = program.replace("cpu=0", f"cpu={first}").replace("echo_cpu=1", f"echo_cpu={second}")
    exec(compile(program, "network.md", "exec"), {})
    out = capsys.readouterr().out
    if title == "From Python":
        assert re.match(r"2\d{3} \d+", out)
    else:
        assert "onload" in out


def test_onload_that_left_a_socket_to_the_kernel_is_told_as_the_guide_says(tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler for a library that says it is Onload")
    source = tmp_path / "onload.c"
    source.write_text(
        "int onload_is_present(void) { return 1; }\n"
        "int onload_fd_stat(int fd, void *stat) { (void)fd, (void)stat; return TAKES; }\n"
    )
    said = {}
    for takes in (0, 1):
        library = tmp_path / f"onload{takes}.so"
        options = ["-shared", "-fPIC", f"-DTAKES={takes}", "-o", str(library), str(source)]
        subprocess.run([compiler, *options], check=True, timeout=PATIENCE_S)
        (program,) = blocks(section("Onload and VMA"), "python")
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "LD_PRELOAD": str(library)},
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        if "cannot be preloaded" in done.stderr:
            pytest.skip(done.stderr.strip())
        said[takes] = done.stdout
    assert "is there, and has not taken over this socket" in said[0]
    assert "is there, and has not taken over this socket" in section("Onload and VMA")
    assert re.search(r"\bonload\b", said[1])
    assert "has not" not in said[1]


def test_kernel_bypass_and_stamps_that_were_asked_for_are_had_or_refused(capsys, monkeypatch):
    needs_two_cpus()
    text = " ".join(section("Onload and VMA").split())
    command = "redline net rtt --port udp --accel onload"
    assert command in text
    code, out, err = ran(capsys, monkeypatch, f"{command} --loopback --count 100")
    if code == 0:
        assert ", onload," in out  # these tests run under it
    else:
        assert (code, out) == (3, "")
        assert "onload: " in err
    code, out, err = ran(capsys, monkeypatch, "redline net rtt --loopback --stamps --count 100")
    assert code == 0, err
    assert "arrival stamps software" in out


def test_a_port_that_gives_no_stamps_is_refused_as_the_guide_says(capsys, monkeypatch):
    bench_here()
    command = "redline net rtt --port afxdp --stamps --count 100"
    code, out, err = ran(capsys, monkeypatch, command)
    assert (code, out) == (3, "")
    assert "no stamps" in err


@pytest.mark.parametrize("entry", ["{delay: 1us, jitter: {up_to: 1us, overtakes: true}}"])
def test_what_time_decides_is_told_with_the_words_of_the_guide(
    capsys, monkeypatch, tmp_path, entry
):
    bench_here()
    path = tmp_path / "timed.yaml"
    path.write_text(f"impair: [{entry}]\n")
    command = f"redline net flood --port udp --impair {path} --rate 10k/s --for 20ms"
    code, out, err = ran(capsys, monkeypatch, command)
    assert code == 0, out + err
    assert f"`{out.splitlines()[-1].strip()}`" in " ".join(section("Faults").split())


# ---- What is listed -----------------------------------------------------------------------------


def test_the_guides_faults_are_read_and_use_every_word(tmp_path):
    (text,) = blocks(section("Faults"), "yaml")
    path = tmp_path / "guide.yaml"
    path.write_text(text)
    config = load_impairment(path)
    assert (config.table, config.tolerance_ns) == (
        Impairment.model_fields["table"].default,
        Impairment.model_fields["tolerance_ns"].default,
    )
    asked = {effect for entry in config.impair for effect in entry.effects()}
    assert asked == set().union(*CAN.values())


def test_a_word_that_the_guide_does_not_have_is_refused(tmp_path):
    (text,) = blocks(section("Faults"), "yaml")
    path = tmp_path / "guide.yaml"
    path.write_text(text.replace("loss: 1%", "losses: 1%"))
    with pytest.raises(ConfigError, match="losses"):
        load_impairment(path)


def test_every_key_and_mechanism_of_faults_is_in_the_tables_of_the_guide():
    table = rows(section("Faults"))
    keys = {word for row in table if len(row) == 2 for word in words(row[0])}
    named = {field.alias or name for name, field in Entry.model_fields.items()}
    assert keys == named - {"burst", "queue"}  # in the row of `rate`
    mechanisms = {words(row[0])[0]: row for row in table if len(row) == 4}
    assert set(mechanisms) == set(CAN)
    for port, able in PORTS.items():
        for one in able:
            last = mechanisms[one][3]
            assert port in words(last) or last == "all", (port, one)


def test_every_source_of_floods_is_in_the_guide():
    named = {word for row in rows(section("Floods")) for word in words(row[0])}
    assert named == set(SOURCES)


def test_the_table_of_rights_says_what_the_program_asks_for():
    table = {row[0]: row[1] for row in rows(section("Rights"))}

    def asked(need: rights.Need) -> set[str]:
        flat = {name for group in need.groups for name in group}
        return flat | set(need.if_not_root)

    for start, need in (
        ("a bench", rights.BENCH),
        ("a port in", rights.ENTER),
        ("`afpacket`", rights.AFPACKET),
        ("`afxdp`", rights.AFXDP),
        ("tables of", rights.PROGRAM),
        ("preferred", rights.BUSY_POLL),
        ("real-time", rights.FIFO),
        ("locked", rights.LOCK),
    ):
        (text,) = (cell for name, cell in table.items() if name.startswith(start))
        assert set(re.findall(r"CAP_\w+", text)) == asked(need), start


def test_the_whole_of_a_bench_needs_what_the_command_of_the_guide_gives():
    (command,) = (block for block in blocks(section("Rights")) if "setpriv" in block)
    given = {f"CAP_{name.upper()}" for name in re.findall(r"\+(\w+)", command)}
    needs = (rights.BENCH, rights.ENTER, rights.AFPACKET, rights.AFXDP)
    needed = {name for need in needs for name in rights.missing(need, (), is_root=False)}
    assert given == needed


def test_the_benches_and_keys_of_a_scenario_that_the_guide_lists_are_read():
    listed = [row[0].strip("`") for row in rows(section("In a run"))]
    (cables,) = blocks(section("Real cards and cables"), "yaml")
    text = (ROOT / "scenarios/network.yaml").read_text()
    bench = re.search(r"^bench: .*$", text, re.MULTILINE)
    trial = re.search(r"^      - \{id: null\.afpacket, .*$", text, re.MULTILINE)
    assert bench
    assert trial
    impaired = [one for one in listed if one.startswith(("pack", "impairment"))]
    keys = ", ".join(impaired).replace("[...]", "[{loss: 1%}]")
    for one in (next(key for key in listed if "netns" in key), cables.strip()):
        changed = text.replace(bench[0], one).replace("id: null.afpacket,", f"id: null.x, {keys},")
        config = parse_config(changed, Scenario, name="network.yaml")
        assert config.bench.kind in one
        (found,) = (
            load
            for phase in config.phases
            if isinstance(phase, TrialPhase)
            for load in phase.trials
            if load.id == "null.x"
        )
        assert (found.pack, found.impairment is not None) == (16, True)
    assert any(isinstance(phase, Network) for phase in config.phases)


def test_the_guides_links_lead_somewhere():
    for link, _, place in re.findall(r"\]\(([^)#]*)(#([^)]*))?\)", GUIDE):
        assert not link or (PAGE.parent / link).exists(), link
        titles = {
            title.lower().replace(",", "").replace(" ", "-")
            for title in re.findall(r"^## (.*)$", GUIDE, re.MULTILINE)
        }
        assert not place or link or place in titles, place
