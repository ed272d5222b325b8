"""What can be asked of a host: a request goes in, a reply comes out, both plain JSON.

The same on this machine and on the far end of a connection, where this package is all there is. A
request names what to `do`, and what a profile wants as `wishes` with the CPUs `cores` by role.

    {"do": "plan", "cores": {"hot": "2-7"}, "wishes": [{"knob": "vm.swappiness", "value": 1}]}
    {"ok": true, "ops": [...], "roles": {...}}
    {"ok": false, "error": "one line, or a few", "exit_code": 3}

One request at a time. A tuning that was applied to be held belongs to the service: `release` gives
it back, and so does the end of its process.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import ExitCode, HostError, RedlineError, printable
from harness.tuning import hold, journal, lock, management, restore, state, verify
from harness.tuning.facts import collect, latency_limit
from harness.tuning.gaps import MAX_CPUS, gaps
from harness.tuning.host import Host
from harness.tuning.knobs.base import Op, Proof, Roles, Scope, State, Wish, reason
from harness.tuning.plan import plan, require, wish_of
from harness.tuning.roles import fill_value, stated_roles
from harness.tuning.tree import cpus_text

Json = dict[str, Any]
MAX_WISHES = 1000  # a profile has some dozen
BLOCK_BYTES = 1 << 20
DMA_LATENCY = "cpu.dma_latency_us"


class Service:
    """Requests about one host, from one caller."""

    def __init__(self, host: Host | None = None) -> None:
        self.host = host or Host()
        self._held: contextlib.ExitStack | None = None
        self._tuned: hold.Tuned | None = None
        self._does: Mapping[str, Callable[[Json], Json]] = {
            "facts": self._facts,
            "noise": self._noise,
            "plan": self._plan,
            "apply": self._apply,
            "held": self._is_held,
            "verify": self._verify,
            "release": self._release,
            "restore": self._restore,
            "renew": self._renew,
            "status": self._status,
            "hash": self._hash,
        }

    def handle(self, request: Mapping[str, Any]) -> Json:
        """The reply; a mistake or a refusal is a reply too, a defect of ours an exception."""
        does = self._does.get(str(request.get("do")))
        if does is None:
            return _refused(RedlineError(f"cannot do {_shown(request.get('do'))}"))
        try:
            return {"ok": True} | does(dict(request))
        except RedlineError as error:
            return _refused(error)
        except ValueError as error:
            return _refused(RedlineError(str(error)))
        except OSError as error:
            where = "" if error.filename is None else f"{error.filename}: "
            return _refused(HostError(f"{where}{reason(error)}"))

    def close(self) -> None:
        """Give back what is held, if anything is."""
        if self._held is not None:
            held, self._held, self._tuned = self._held, None, None
            held.close()

    def _facts(self, request: Json) -> Json:
        facts = collect(self.host)
        if self.host.is_this_machine:
            facts[DMA_LATENCY] = latency_limit()
        try:
            roles = _roles(self._roles(request))
        except HostError:
            if request.get("cores"):
                raise
            roles = {}  # a host that does not say which CPUs it has still says all the rest
        return {"facts": {name: fact.as_json() for name, fact in facts.items()}, "roles": roles}

    def _noise(self, request: Json) -> Json:
        """Gaps that a spinning loop sees on the hot CPUs, for hosts without an engine."""
        roles, seconds = self._roles(request), _number(request, "seconds")
        cpus = roles.hot or roles.housekeeping
        groups = [cpus[i : i + MAX_CPUS] for i in range(0, len(cpus), MAX_CPUS)]
        return {"gaps": [one for group in groups for one in gaps(group, seconds)]}

    def _plan(self, request: Json) -> Json:
        scope, wishes = self.asked(request)
        return {"ops": _ops(plan(scope, wishes)), "roles": _roles(scope.roles)}

    def _apply(self, request: Json) -> Json:
        """What was written; `already` when a tuning that is kept has done all of it before.

        `fell_short`: what the plan would have changed, and the host did not take.
        """
        scope, wishes = self.asked(request)
        seconds = None if request.get("seconds") is None else _number(request, "seconds")
        if not self.host.is_this_machine:
            raise HostError("a recorded host is only read; nothing is written there")
        lock.refuse_production()
        keep = request.get("keep") is True
        planned = plan(scope, wishes)
        self.close()
        if keep and seconds is None and _is_kept_so(planned):
            require(planned)
            ops: Sequence[Op] = planned
        else:
            held = contextlib.ExitStack()
            title = str(request.get("title", ""))
            life = hold.tuned(scope, wishes, title=title, seconds=seconds, keep=keep)
            self._tuned = held.enter_context(life)
            self._held = held
            ops = self._tuned.ops
        return {
            "ops": _ops(ops),
            "roles": _roles(scope.roles),
            "commands": self._commands(),
            "fell_short": _fell_short(planned, ops),
            "already": self._tuned is None,
        }

    def _is_held(self, request: Json) -> Json:
        """Why what this caller holds is not held any more, in words; "" while it is."""
        return {"ended": "nothing was" if self._tuned is None else self._tuned.ended()}

    def _verify(self, request: Json) -> Json:
        level = request.get("level", "derived")
        if level not in verify.LEVELS:
            raise ValueError(f"not one of {', '.join(verify.LEVELS)}: {_shown(level)}")
        scope, wishes = self.asked(request)
        proofs = verify.verify(scope, wishes, level)
        return {
            "proofs": _proofs(proofs),
            "fails": verify.fails(proofs),
            "reached": verify.reached(proofs),
            "roles": _roles(scope.roles),
        }

    def _release(self, request: Json) -> Json:
        """Give back what this caller holds; what was put back, as `restore` says it."""
        tuned = self._tuned
        self.close()
        return {"restored": _restored(tuned.restored if tuned else None)}

    def _restore(self, request: Json) -> Json:
        """Put back whatever is tuned; what this caller holds is given back first."""
        tuned = self._tuned
        with contextlib.suppress(HostError):  # that it was put back before is what is asked for
            self.close()
        again = hold.restore_now(self.host, force=request.get("force") is True)
        ours = _restored(tuned.restored if tuned else None)
        items = {item["key"]: item for item in [*ours, *_restored(again)]}
        return {"restored": list(items.values())}

    def _renew(self, request: Json) -> Json:
        if self._tuned is None:
            raise HostError("nothing is held here whose time could be renewed")
        self._tuned.renew(_number(request, "seconds"))
        return {}

    def _status(self, request: Json) -> Json:
        tuned = hold.status()
        commands = [] if tuned is None else self._commands()
        return {"tuned": tuned, "commands": commands, "log": hold.restored_log()}

    def _hash(self, request: Json) -> Json:
        paths = request.get("paths")
        if not isinstance(paths, Mapping):
            raise ValueError("no paths to hash")
        return {"sha256": {str(name): _sha256(Path(str(path))) for name, path in paths.items()}}

    def _commands(self) -> list[str]:
        """What a person would type to put everything back."""
        opened = journal.Journal.open(state.state_dir())
        if opened is None:
            return []
        try:
            return restore.commands(opened)
        finally:
            opened.close()

    def asked(self, request: Mapping[str, Any]) -> tuple[Scope, list[Wish]]:
        """What a request is about: the host with its roles, and the wishes filled in there.

        ValueError for what no profile can ask, HostError for what this host cannot be asked.
        """
        raw = request.get("wishes", [])
        is_list = isinstance(raw, list) and all(isinstance(one, Mapping) for one in raw)
        if not is_list or len(raw) > MAX_WISHES:
            raise ValueError("wishes are no list of a profile's length")
        roles = self._roles(request)
        wishes = [wish_of({**one, "value": fill_value(one.get("value"), roles)}) for one in raw]
        return Scope(self.host, roles, management.read_protected(self.host)), wishes

    def _roles(self, request: Mapping[str, Any]) -> Roles:
        cores = request.get("cores") or {}
        if not isinstance(cores, Mapping):
            raise ValueError("cores are not by role")
        return stated_roles(self.host, {str(role): str(cpus) for role, cpus in cores.items()})


def _is_kept_so(planned: Sequence[Op]) -> bool:
    """Whether a tuning is kept, by a guard that lives, and nothing is missing from it."""
    tuned = hold.status()
    if tuned is None or not tuned["kept"] or not tuned["guard"]["alive"]:
        return False
    return not any(op.state is State.CHANGE for op in planned)


def _fell_short(planned: Sequence[Op], done: Sequence[Op]) -> list[str]:
    """Targets of what should have changed and did not."""
    meant = {(op.knob, op.target) for op in planned if op.state is State.CHANGE}
    held = (State.CHANGE, State.NOOP)
    return [op.target for op in done if (op.knob, op.target) in meant and op.state not in held]


def _number(request: Mapping[str, Any], key: str) -> float:
    value = request.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{key}: not a number: {_shown(value)}")
    return float(value)


def _shown(value: object) -> str:
    return printable(repr(value)[:40])


def _refused(error: RedlineError) -> Json:
    return {"ok": False, "error": str(error), "exit_code": int(error.exit_code)}


def error_of(reply: Mapping[str, Any]) -> RedlineError:
    """The error that a reply tells of, as the one who asked shall see it."""
    text, code = str(reply.get("error")), reply.get("exit_code")
    if code == ExitCode.HOST_NOT_FIT:
        return HostError(text)
    return RedlineError(text)


def _ops(ops: Sequence[Op]) -> list[Json]:
    return [op.as_json() for op in ops]


def _proofs(proofs: Sequence[Proof]) -> list[Json]:
    return [proof.as_json() for proof in proofs]


def _roles(roles: Roles) -> dict[str, str]:
    return {
        "hot": cpus_text(roles.hot),
        "irq": cpus_text(roles.irq),
        "housekeeping": cpus_text(roles.housekeeping),
    }


def _restored(done: restore.Restored | None) -> list[Json]:
    return [] if done is None else [item.as_json() for item in done.items]


def _sha256(path: Path) -> str | None:
    """None when there is no such file; HostError when it cannot be read, or has no end."""
    digest = hashlib.sha256()
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise HostError(f"{path}: is not a regular file")
        while block := os.read(fd, BLOCK_BYTES):
            digest.update(block)
    finally:
        os.close(fd)
    return digest.hexdigest()
