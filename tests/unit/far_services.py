"""What stands in for harness.tuning where a test is about the way there: a service of few words."""

from __future__ import annotations

from harness.fleet.parcel import Parcel, pack, source_files

SERVICE = '''
import json, os, signal, sys, time

class Service:
    """Says what it sees, and notes in the folder `log` when it is closed."""

    def __init__(self):
        self.log = None
        self.renewed = []

    def handle(self, request):
        do = request["do"]
        return getattr(self, "do_" + do.replace("-", "_"))(request)

    def do_see(self, request):
        return {
            "ok": True, "pid": os.getpid(), "uid": os.geteuid(), "file": __file__,
            "links": sorted(os.listdir("/sys/class/net")),
            "cgroups": sorted(os.listdir("/sys/fs/cgroup")),
            "bytecode": not sys.dont_write_bytecode, "state": os.environ.get("REDLINE_STATE"),
            "modules": sorted(m for m in sys.modules if m.startswith("harness")),
            "path": sys.path, "echo": request.get("echo"),
        }

    def do_log(self, request):
        self.log = request["to"]
        return {"ok": True}

    def do_spoil(self, request):
        self.log = "/nowhere/log"
        return {"ok": True}

    def do_sleep(self, request):
        time.sleep(request["s"])
        return {"ok": True, "slept": request["s"]}

    def do_fail(self, request):
        raise KeyError("a \\033[31mred\\nbug")

    def do_refuse(self, request):
        return {"ok": False, "error": request["error"], "exit_code": request["exit_code"]}

    def do_answer(self, request):
        return request["reply"]

    def do_large(self, request):
        return {"ok": True, "text": "x" * request["n"]}

    def do_die(self, request):
        os.kill(os.getpid(), signal.SIGKILL)

    def do_babble(self, request):
        print("words on the standard output")
        sys.stderr.write("words on the standard error\\n")
        return {"ok": True}

    def close(self):
        if self.log:
            with open(self.log, "a") as file:
                file.write("closed\\n")
'''


def parcel_with(service: str = SERVICE) -> Parcel:
    """Only what is shared, and this service in the place of ours."""
    shared = {
        name: data
        for name, data in source_files().items()
        if not name.startswith("harness/tuning/")
    }
    return pack(
        shared | {"harness/tuning/__init__.py": b"", "harness/tuning/service.py": service.encode()}
    )
