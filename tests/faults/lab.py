"""A small lender's ledger, a morning's work on it by the real command line, and the ways to disturb that."""

import hashlib
import json
import os
import pickle
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ledger_maker
from faults.calls import Call
from faults.power import Disk
from ledger_maker import CHECKOUT, DAY, alipay, close, draw, new_ledger, open_loan, paid, repayment, take
from sizes import SEED
from terms import line_product, product, revenue_product

from loancli.core.rates import DayCount
from loancli.jobs.rebuild import rebuild
from loancli.ledger.connect import open_ledger, trial
from loancli.plan.product import Allocation, Frequency

OPENED_ON = date(2026, 1, 5)
TODAY = date(2026, 2, 13)
CLOSED_ON = TODAY - 4 * DAY  # three days are over and not closed
NOW = f"{TODAY}T09:30:00+08:00"
PRODUCTS = (
    product(code="equal", day_count=DayCount.ACT_360, annual_rate_ppm=180_000),
    product(
        code="prepay",
        frequency=Frequency(days=10),
        day_count=DayCount.ACT_360,
        allocation=Allocation(surplus="principal"),
    ),
    revenue_product(code="weekly", frequency=Frequency(days=7), day_count=DayCount.ACT_365F),
    line_product(code="line"),
)
LOANS = tuple(f"LN{number:06d}" for number in range(1, 9))
SIDES = ("", "-wal", "-shm", "-journal")


def dice(*what: object) -> random.Random:
    """Chance for one purpose, from the seed of the run (`sizes.SEED`): the same seed, the same run."""
    return random.Random(repr((SEED, *what)))


# --- processes ---


@dataclass(frozen=True, kw_only=True)
class Child:
    """A command, or several one after another, at work in a process."""

    pid: int
    out: Path
    err: Path
    record: Path

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


@dataclass(frozen=True, kw_only=True)
class Told:
    """How a process ended and what it said. `code` is negative where a signal ended it."""

    code: int
    out: str
    err: str
    calls: Sequence[Call] = ()

    def json(self) -> Any:
        return json.loads(self.out)


class Forks:
    """Starts commands as processes of their own (faults/forks.py)."""

    def __init__(self, folder: Path, *, behind: Sequence[str] = ()) -> None:
        """`behind`: a command that runs the command after it, such as one that mounts something first."""
        self.folder = folder
        self.count = 0
        paths = os.pathsep.join(map(str, (CHECKOUT / "src", CHECKOUT / "tests")))
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
        script = Path(__file__).with_name("forks.py")
        self.process = subprocess.Popen(
            [*behind, sys.executable, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=30)

    def _ask(self, asked: dict[str, Any]) -> int:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(
        self,
        ledger: Path,
        *lines: Sequence[object],
        now: str = NOW,
        instant: datetime | None = None,
        zone: str = "Asia/Shanghai",
        plan: dict[str, Any] | None = None,
        planted: str = "",
        limit: int | None = None,
        dies: bool = False,
        gate: Path | None = None,
        log: Path | None = None,
    ) -> Child:
        """Run command lines, one after another in one process.

        `now`: LOANCLI_NOW; or `instant`: what the machine's clock shows. `plan`: of faults/calls.py. `limit`: the bytes
        that a file may have; with `dies` the process ends there as by a kill. `gate`: a pipe; the work begins when its
        other end is closed. `log`: where each line notes when it ran.
        """
        self.count += 1
        out, err, record = (self.folder / f"{self.count % 64}.{kind}" for kind in ("out", "err", "calls"))
        surroundings = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "TZ": zone,
            "LOANCLI_NOW": "" if instant else now,
        }
        words = [["-q", "-L", str(ledger), "--actor", "test", *map(str, line)] for line in lines]
        started = {
            "lines": words,
            "environ": {name: value for name, value in surroundings.items() if value},
            "out": str(out),
            "err": str(err),
            "plan": plan,
            "record": str(record),
            "planted": planted,
            "instant": instant.timestamp() if instant else None,
            "limit": limit,
            "dies": dies,
            "gate": str(gate) if gate else "",
            "log": str(log) if log else "",
        }
        return Child(pid=self._ask({"start": started}), out=out, err=err, record=record)

    def end(self, child: Child) -> Told:
        """Wait until the process is over."""
        code = self._ask({"wait": child.pid})
        told = Told(
            code=code,
            out=child.out.read_text(encoding="utf-8", errors="replace"),
            err=child.err.read_text(encoding="utf-8", errors="replace"),
            calls=pickle.loads(child.record.read_bytes()) if child.record.exists() else (),
        )
        child.record.unlink(missing_ok=True)
        assert "Traceback" not in told.err, told
        assert code != 1, told  # a bug
        return told

    def run(self, ledger: Path, *lines: Sequence[object], **how: Any) -> Told:
        return self.end(self.start(ledger, *lines, **how))

    def killed(self, ledger: Path, *lines: Sequence[object], after: float, **how: Any) -> bool:
        """Kill the process so many seconds after its start; False if it was done before."""
        child = self.start(ledger, *lines, **how)
        time.sleep(after)
        child.kill()
        return self.end(child).code == -signal.SIGKILL


@contextmanager
def gate(folder: Path) -> Iterator[Path]:
    """Processes that wait for it are let go together when the block ends."""
    path = folder / f"gate-{time.monotonic_ns()}"
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR)
    try:
        yield path
        time.sleep(0.05)  # they are at it
    finally:
        os.close(handle)
        path.unlink()


_HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("SELECT count(*) FROM loan").fetchall()
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Another process has the ledger open. (In this one, reading the file would drop its locks.)"""
    command = [sys.executable, "-c", _HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate()


# --- what stands in the books ---


def put(path: Path, files: dict[str, bytes]) -> Path:
    """The ledger and the files beside it, as they are told, and no other."""
    for side in SIDES:
        if side in files:
            Path(f"{path}{side}").write_bytes(files[side])
        else:
            Path(f"{path}{side}").unlink(missing_ok=True)
    return path


def digest(path: Path) -> str:
    """One text for all that stands in a ledger, to the last column; read without a check of ours. Damage raises."""
    found = hashlib.sha256()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = 0")  # whoever only looks need not wait for the disk when the WAL is taken in
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        for table in tables:
            found.update(repr((table, sorted(map(repr, db.execute(f"SELECT * FROM {table}").fetchall())))).encode())
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return found.hexdigest()


def unsound(path: Path) -> list[str]:
    """What `ledger check` finds, and what a rebuild would change: of sound books nothing."""
    with closing(open_ledger(path)) as db:
        found = ledger_maker.faults(db)
        if not found:
            with trial(db):
                found += [f"{each.table}: {text}" for each in rebuild(db) for text in each.differed]
    return found


# --- a morning's work ---


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command of the morning: the ledger before it, and every state that its transactions lead to, the last first."""

    name: str
    words: tuple[str, ...]
    before: bytes = field(repr=False)
    states: tuple[str, ...]  # digests: before, after each transaction
    calls: tuple[Call, ...] = field(repr=False)  # what it asks of the disk

    @property
    def after(self) -> str:
        return self.states[-1]


@lru_cache(maxsize=1)
def lender() -> bytes:
    """The ledger: eight loans of four products, revenue, repayments, one payment that waits, days closed."""
    with TemporaryDirectory() as name:
        db = new_ledger(Path(name), opened_on=OPENED_ON, is_durable=False)
        for number, loan_id in enumerate(LOANS):
            open_loan(
                db,
                loan_id,
                borrower_id=f"B{number + 1}",
                terms=PRODUCTS[number % 4],
                principal_fen=1_200_000,
                start_on=OPENED_ON,
                periods=12,
                first_draw_fen=300_000,
            )
        for number in (3, 7):
            rows = [paid(OPENED_ON + day * DAY, 30_000 + 100 * day) for day in range(20)]
            take(db, alipay(rows, period=(OPENED_ON, OPENED_ON + 19 * DAY)), borrower_id=f"B{number}")
        draw(db, OPENED_ON + 9 * DAY, 100_000, "LN000004", today=OPENED_ON + 9 * DAY)
        rows = [
            repayment(OPENED_ON + (7 * number + 13 * turn) % 36 * DAY, 50_000 + number, note=loan_id)
            for number, loan_id in enumerate(LOANS)
            for turn in range(2)
        ]
        take(db, alipay([*rows, repayment(OPENED_ON + 20 * DAY, 77_700, "WAITING", party="陌生人")]))
        close(db, CLOSED_ON)
        db.close()
        return (Path(name) / "books.db").read_bytes()


def exports(folder: Path) -> dict[str, Path]:
    """What came in this morning: a shop's revenue and the lender's own receipts."""
    revenue = [paid(TODAY - ago * DAY, 41_000 + ago, f"R{ago:030d}") for ago in range(20)]
    receipts = [
        repayment(TODAY - (number % 4) * DAY, 61_000 + number, f"P{number:030d}", note=loan_id)
        for number, loan_id in enumerate(LOANS)
    ]
    made = {"revenue": alipay(revenue, period=(TODAY - 19 * DAY, TODAY)), "receipts": alipay(receipts)}
    for name, data in made.items():
        (folder / f"{name}.csv").write_bytes(data)
    return {name: folder / f"{name}.csv" for name in made}


WORK = (  # the morning's commands, each on the ledger that the one before it left
    "import revenue", "import repayments", "payment match", "loan charge", "loan pause", "loan draw", "adjust apply",
    "day close", "adjust undo", "loan void", "borrower add", "loan open", "coupon redeem", "payment reverse",
    "payment record", "hold add", "promise add",
)  # fmt: skip
CHANGE = "loan_id,change\n" + "".join(f"{loan_id},extend 1\n" for loan_id in LOANS if loan_id[-1] in "1256")


@dataclass(kw_only=True)
class Lab:
    """A folder with the morning's files, and processes to work in it."""

    folder: Path
    forks: Forks
    steps: dict[str, Step] = field(default_factory=dict, repr=False)

    def ledger(self, content: bytes | None = None, name: str = "books.db") -> Path:
        """A fresh ledger: the lender's, or as it is told."""
        return put(self.folder / name, {"": lender() if content is None else content})

    def run_step(self, path: Path, step: Step, **how: Any) -> Told:
        return self.forks.run(path, step.words, **how)

    def work_out(self) -> None:
        """Do the morning's work undisturbed, and keep what each command found, wrote and left."""
        if self.steps:
            return
        files = exports(self.folder)
        path = self.ledger(name="morning.db")
        with closing(open_ledger(path)) as db:
            waiting = db.execute("SELECT txn_id FROM receipt WHERE state = 'suspense'").fetchone()[0]
        (self.folder / "changes.csv").write_text(CHANGE, encoding="utf-8")
        self._do(path, "import revenue", "import", files["revenue"], "--as", "revenue", "--borrower", "B3")
        self._do(path, "import repayments", "import", files["receipts"], "--as", "repayments")
        self._do(path, "payment match", "payment", "match", waiting, "LN000002", "--learn", "--reason", "told by phone")
        self._do(path, "loan charge", "loan", "charge", "LN000001", "50", "--name", "court fee", "--ref", "c1")
        self._do(path, "loan pause", "loan", "pause", "LN000005", "--from", TODAY - 9 * DAY, "--to", TODAY,
                 "--reason", "flood")  # fmt: skip
        self._do(path, "loan draw", "loan", "draw", "LN000008", "200", "--ref", "d1")
        preview = self.folder / "preview.csv"
        told = self.forks.run(path, ("adjust", "preview", self.folder / "changes.csv", "-o", preview))
        assert told.code == 0, told
        self._do(path, "adjust apply", "adjust", "apply", preview)
        self._do(path, "day close", "day", "close")
        [batch] = self.forks.run(path, ("adjust", "list", "--format", "json")).json()
        self._do(path, "adjust undo", "adjust", "undo", batch["batch"])
        self._do(path, "loan void", "loan", "void", "LN000001", "charge/LN000001/c1", "--reason", "slip")
        self._do(path, "borrower add", "borrower", "add", "B77", "--name", "张三", "--phone", "19900000077",
                 "--trade", "noodle_shop")  # fmt: skip
        self._do(path, "loan open", "loan", "open", "--borrower", "B77", "--product", "equal-instalments",
                 "--principal", "12000", "--loan-id", "LN000077")  # fmt: skip
        self._do(path, "coupon redeem", "coupon", "redeem", "K1", "--loan", "LN000001", "--amount", "30")
        self._do(path, "payment reverse", "payment", "reverse", waiting, "--reason", "bounced")
        self._do(path, "payment record", "payment", "record", "LN000006", "70", "--channel", "cash", "--ref", "s1")
        self._do(path, "hold add", "hold", "add", "B5", "--kind", "dispute", "--note", "says it is paid")
        self._do(path, "promise add", "promise", "add", "LN000001", "--due", TODAY + 3 * DAY, "--amount", "50")
        assert tuple(self.steps) == WORK

    def _do(self, path: Path, name: str, *words: object) -> None:
        before = path.read_bytes()
        plan: dict[str, Any] = {"at": 0}
        told = self.forks.run(path, words, plan=plan)
        assert told.code == 0, (name, told)
        step = Step(
            name=name,
            words=tuple(map(str, words)),
            before=before,
            states=tuple(states({"": before}, told.calls, path.name, self.folder)),
            calls=tuple(told.calls),
        )
        assert step.after == digest(path) != step.states[0], name
        self.steps[name] = step


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The whole morning, as one run: what each command asked of the disk, and the states that it led to."""

    files: dict[str, bytes]  # the ledger before it
    name: str
    calls: tuple[tuple[Call, ...], ...]  # of each command
    states: tuple[tuple[str, ...], ...]  # the digests it led to, the last of which it acknowledged

    @property
    def first(self) -> str:
        return self.states[0][0]


def record(lab: "Lab", names: Sequence[str], *, held: bool, planted: str = "") -> Recorded:
    """Do some of the morning's work in its order. `held`: another process has the ledger open all the time, so that no
    command tidies up behind itself.
    """
    steps = [lab.steps[name] for name in names]
    path = lab.ledger(steps[0].before, name="recorded.db")
    calls: list[tuple[Call, ...]] = []
    found: list[tuple[str, ...]] = []
    with holding(path) if held else nullcontext():
        files = {side: Path(f"{path}{side}").read_bytes() for side in SIDES if Path(f"{path}{side}").exists()}
        files.pop("-shm", None)
        before = files
        for step in steps:
            told = lab.forks.run(path, step.words, plan={"at": 0}, planted=planted)
            assert told.code == 0, (step.name, told)
            calls.append(tuple(told.calls))
            found.append(tuple(states(before, told.calls, path.name, lab.folder)))
            before = {side: Path(f"{path}{side}").read_bytes() for side in SIDES if Path(f"{path}{side}").exists()}
            before.pop("-shm", None)
    return Recorded(files=files, name=path.name, calls=tuple(calls), states=tuple(found))


def states(before: dict[str, bytes], calls: Sequence[Call], name: str, folder: Path) -> list[str]:
    """The digest of each state that a reader could have seen during a recorded run, in order: one a transaction."""
    disk = Disk(before, name)
    path = folder / "seen.db"
    found = [digest(put(path, disk.kept()))]
    for call in calls:
        disk.take(call)
        if call.kind == "sync" and call.name.endswith("-wal"):
            now = digest(put(path, disk.kept()))
            if now != found[-1]:
                found.append(now)
    now = digest(put(path, disk.kept()))
    return found if now == found[-1] else [*found, now]
