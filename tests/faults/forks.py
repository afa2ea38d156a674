"""A process that has imported everything and forks one for every command: real processes at a tenth of the time.

Run as a program, it reads a JSON object a line: {"start": …} is answered by the process's number, {"wait": number} by
its exit code, which is negative where a signal ended it.
"""

import importlib
import json
import os
import pickle
import pkgutil
import resource
import signal
import sys
import time
import traceback
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch


def serve() -> None:
    """Answer until the other end closes."""
    import loancli

    for found in pkgutil.walk_packages(loancli.__path__, "loancli."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for name in ("pydantic", "rich.console", "rich.table", "sqlite_utils", "faults.calls", "faults.planted"):
        importlib.import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            gate = asked["start"]["gate"]
            handle = os.open(gate, os.O_RDONLY | os.O_NONBLOCK) if gate else None
            answer = os.fork()
            if answer == 0:
                _be(asked["start"], handle)
            if handle is not None:
                os.close(handle)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _be(asked: dict[str, Any], gate: int | None) -> None:
    """One command line after another, in this process, to the exit code of the last; never returns."""
    code = 1
    try:
        os.environ.clear()
        os.environ.update(asked["environ"])
        time.tzset()
        for stream, path in enumerate((os.devnull, asked["out"], asked["err"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), stream)
        if asked["limit"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (asked["limit"], asked["limit"]))
            if asked["dies"]:
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        code = _run(asked, gate)
    except BaseException:  # of these instruments; what a command raises is told by its exit code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _stopped(instant: float) -> Any:
    """The machine's clock shows this instant, in whatever zone it is told to be."""
    from loancli.cli import options

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromtimestamp(instant, tz)

    return patch.object(options, "datetime", Stopped)


def _run(asked: dict[str, Any], gate: int | None) -> int:
    from faults import planted
    from faults.calls import Plan, watched

    from loancli.cli.main import main

    with ExitStack() as stack:
        if asked["instant"] is not None:
            stack.enter_context(_stopped(asked["instant"]))
        if asked["planted"]:
            stack.enter_context(planted.bug(asked["planted"]))
        plan = None
        if asked["plan"]:
            plan = stack.enter_context(watched(Plan(**asked["plan"])))
        if gate is not None:
            os.set_blocking(gate, True)
            os.read(gate, 1)  # until the one that holds it open lets go
        code = 0
        for number, words in enumerate(asked["lines"]):
            begun = time.monotonic()
            code = main(words)
            if asked["log"]:
                sys.stdout.flush()
                note = {"number": number, "code": code, "begun": begun, "ended": time.monotonic()}
                with Path(asked["log"]).open("a", encoding="utf-8") as log:
                    log.write(f"{json.dumps(note)}\n")
        if plan is not None and plan.records:
            Path(asked["record"]).write_bytes(pickle.dumps(plan.calls))
        return code


if __name__ == "__main__":
    serve()
