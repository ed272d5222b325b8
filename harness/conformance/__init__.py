"""FIX session conformance: scripts in QuickFIX's .def format, played against our acceptor.

`script` reads them, `message` completes what they send, `compare` judges what comes back. `server`
is what is tested, `echo` its application, `play` brings both together in virtual time, and `suite`
finds scripts and adds up.
"""

from __future__ import annotations

from harness.conformance.play import Outcome, play
from harness.conformance.script import Script, ScriptError, read_script
from harness.conformance.suite import Report, find_scripts, run_suite

__all__ = [
    "Outcome",
    "Report",
    "Script",
    "ScriptError",
    "find_scripts",
    "play",
    "read_script",
    "run_suite",
]
