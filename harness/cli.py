"""The command line: parses, calls one function, prints, and leaves with the right code.

Exit codes: 0 ready, 1 fail, 2 usage, 3 host not fit, 75 inconclusive, 130 interrupted. Results go
to stdout, progress and errors to stderr; an error is a line or a few, never a traceback for a
user's mistake.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

import harness
from harness.commands.audit import audit
from harness.commands.bisect import bisect
from harness.commands.clean import clean
from harness.commands.common import complain
from harness.commands.compare import compare
from harness.commands.conformance import fix_conformance
from harness.commands.doctor import doctor
from harness.commands.evidence import evidence
from harness.commands.exchange import exchange
from harness.commands.gate import gate
from harness.commands.history import history
from harness.commands.host import host
from harness.commands.kill import kill
from harness.commands.limits import limits
from harness.commands.net import net
from harness.commands.pack import pack
from harness.commands.replay import replay
from harness.commands.report import report
from harness.commands.run import run
from harness.commands.scenarios import scenarios
from harness.commands.seal import seal
from harness.commands.trend import trend
from harness.commands.verify import verify
from harness.errors import ExitCode, RedlineError

# What reads files and measures is imported by the command that needs it: --help stays quick.

app = typer.Typer(
    help="Hardware-in-the-loop test and benchmark harness for ultra-low-latency trading.",
    epilog="Exit codes: 0 ready, 1 fail, 2 usage, 3 not fit, 75 inconclusive, 130 interrupted.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
JUDGING = (run, report, seal, verify, pack, evidence)
COMPARING = (compare, trend, gate, bisect)
for command in (*JUDGING, *COMPARING, doctor, replay, clean):
    app.command()(command)
app.command("fix-conformance")(fix_conformance)
GROUPS = {
    "scenarios": scenarios,
    "history": history,
    "limits": limits,
    "kill": kill,
    "audit": audit,
    "exchange": exchange,
    "net": net,
    "host": host,
}
MAKES_BENCHES = frozenset({"net", "run"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code. `redline` calls it with the arguments of the process."""
    command = typer.main.get_command(app)
    try:
        result = command.main(
            args=None if argv is None else list(argv), prog_name="redline", standalone_mode=False
        )
        sys.stdout.flush()
    except RedlineError as error:
        complain(*str(error).splitlines())
        return int(error.exit_code)
    except typer.TyperException as error:
        # A mistake in the command line itself: unknown option, missing argument.
        format_message = getattr(error, "format_message", None)
        message = format_message() if format_message else str(error)
        complain("redline: " + " ".join(message.split()))
        return int(ExitCode.USAGE)
    except OSError as error:
        if error.filename is None:
            if not _is_of_stdout(error):  # nor about a file that somebody named: our defect
                raise
            complain(f"output cannot be written: {(error.strerror or str(error)).lower()}")
            return int(ExitCode.HOST_NOT_FIT)
        complain(f"{error.filename}: {(error.strerror or str(error)).lower()}")
        return int(ExitCode.USAGE)
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        return int(ExitCode.INTERRUPTED)
    return result if isinstance(result, int) else 0


def _is_of_stdout(error: OSError) -> bool:
    """Whether stdout takes no more: a full disk, a reader that is gone. Then it is let go of."""
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError as again:
        if again.errno != error.errno:
            return False
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        return True
    return False


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(f"redline {harness.__version__}")
        raise typer.Exit(0)
    _needs_a_command(context)
    if context.invoked_subcommand in MAKES_BENCHES:
        from harness.bench.leftovers import sweep

        sweep()
        _recover()


def _group_top(context: typer.Context) -> None:
    _needs_a_command(context)
    # `host restore` is asked for it, and says more.
    if context.info_name == "host" and context.invoked_subcommand != "restore":
        _recover()


def _recover() -> None:
    """What a tuning left whose process died is put back before this machine is used."""
    from harness.commands.host_recover import recover

    recover()


def _needs_a_command(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        with contextlib.redirect_stdout(sys.stderr):  # typer prints it, rich or plain
            print(context.get_help().rstrip())
        raise typer.Exit(ExitCode.USAGE)


for name, group in GROUPS.items():
    if group.registered_callback is None:
        group.callback(invoke_without_command=True)(_group_top)
    app.add_typer(group, name=name)


if __name__ == "__main__":
    sys.exit(main())
