"""A small lender's world, run through the real command line once, and desks to try commands on copies of it."""

import csv
import fcntl
import json
import os
import pty
import re
import runpy
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 3, 1)
SEED, BORROWERS, MONTHS = 3, 12, 10
DAY = timedelta(days=1)
PASSWORD = ("--password-env", "WECHAT_PASSWORD")  # of the archives in which WeChat's workbooks come
EXITS = {0, 2, 3, 4, 5, 6, 75, 78, 130}  # DESIGN §11 without 1, which is a bug
# Imports are most of what a short command costs. This process has them and forks one for every command.
FORKS = """
import importlib, json, os, pkgutil, sys
import loancli, pydantic, rich.console, rich.table, sqlite_utils, xlsxwriter
for found in pkgutil.walk_packages(loancli.__path__, "loancli."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
from loancli.cli.main import main
for line in sys.stdin:
    asked = json.loads(line)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update(asked["environ"])
            for stream, path in enumerate((os.devnull, asked["out"], asked["err"])):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), stream)
            code = main(asked["words"])
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write the golden screens that do not exist yet")


class Told(NamedTuple):
    """What a process said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code in {0, 5}, self.err
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A folder with a ledger, in which commands run as processes of their own at a fixed time."""

    folder: Path
    ledger: Path
    forks: "Forks"
    now: str = f"{TODAY}T10:00:00+08:00"
    environ: dict[str, str] = field(default_factory=dict)

    def surroundings(self, lang: str = "en") -> dict[str, str]:
        """The environment of a command."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(CHECKOUT / "src"),
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "LOGNAME": "analyst",
            "LOANCLI_LANG": lang,
            "LOANCLI_NOW": self.now,
            "LOANCLI_LEDGER": str(self.ledger),
            **self.environ,
        }

    def start(self, *words: object, lang: str = "en", **streams: Any) -> "subprocess.Popen[str]":
        """`python -m loancli`, from the first import on; it hears Ctrl-C also where the tests run in the background."""
        command = [sys.executable, "-m", "loancli", *map(str, words)]
        piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        return subprocess.Popen(
            command, cwd=self.folder, env=self.surroundings(lang), text=True, encoding="utf-8",
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL), **piped,
        )  # fmt: skip

    def run(self, *words: object, lang: str = "en") -> Told:
        """One command in a process of its own, to its end. It may fail, but never as a bug does."""
        told = self.forks.run(self.folder, list(map(str, words)), self.surroundings(lang))
        assert told.code in EXITS, (words, told)
        assert "Traceback" not in told.err, (words, told)
        return told

    def done(self, *words: object) -> Told:
        """A command that must succeed, or succeed in part."""
        told = self.run(*words)
        assert told.code in {0, 5}, (words, told)
        return told

    def screen(self, *words: object, lang: str = "en", columns: int = 118) -> str:
        """What a terminal of that width shows of stdout."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        plain = replace(self, environ={**self.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": str(columns)})
        process = plain.start(*words, lang=lang, stdout=theirs)
        os.close(theirs)
        shown = b""
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            while True:
                try:
                    block = terminal.read(1 << 16)
                except OSError:  # Linux says so when the other end is closed
                    break
                if not block:
                    break
                shown += block
        _, err = process.communicate()
        assert process.returncode == 0, err
        text = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode())  # bold and plain
        return "".join(f"{line.rstrip()}\n" for line in text.replace("\r\n", "\n").split("\n")[:-1])

    def dump(self) -> dict[str, list[str]]:
        """Every row of every table."""
        return _dump(self.ledger)

    def files(self) -> set[str]:
        """What lies in the folder."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*")}

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Neither the content of the ledger nor the folder changes in between."""
        before, files = self.ledger.read_bytes(), self.files()
        yield
        assert self.files() == files  # no -wal is left: what is in the ledger is in its file
        if self.ledger.read_bytes() != before:
            then = self.ledger.with_suffix(".before")
            then.write_bytes(before)
            old, new = _dump(then), self.dump()
            then.unlink()
            assert [table for table in new if new[table] != old.get(table)] == []

    def copy(self, folder: Path) -> "Desk":
        """The same books in another folder."""
        folder.mkdir(parents=True, exist_ok=True)
        ledger = folder / "books.db"
        with closing(sqlite3.connect(self.ledger)) as source, closing(sqlite3.connect(ledger)) as target:
            source.backup(target)
        ledger.chmod(0o600)
        return replace(self, folder=folder, ledger=ledger)


def _dump(ledger: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(ledger)) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {table: sorted(map(repr, db.execute(f"SELECT * FROM {table}"))) for table in tables}


class Forks:
    """A process that forks commands."""

    def __init__(self, scratch: Path) -> None:
        self.out, self.err = scratch / "stdout", scratch / "stderr"
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT / "src"), "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, folder: Path, words: list[str], environ: dict[str, str]) -> Told:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        out, err = str(self.out), str(self.err)
        asked = {"folder": str(folder), "words": words, "environ": environ, "out": out, "err": err}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return Told(code, self.out.read_text(encoding="utf-8"), self.err.read_text(encoding="utf-8"))

    def end(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    made = Forks(tmp_path_factory.mktemp("said"))
    yield made
    made.end()


@dataclass(frozen=True, kw_only=True)
class Story:
    """A lender's books on the morning of TODAY, and the files they were made from."""

    desk: Desk
    signed: Desk  # the same books when the loans were signed and nothing had come in
    world: Path
    secrets: frozenset[str]  # names and numbers that no output may hold
    batch: str  # the campaign run that is planned
    password: tuple[str, str] = PASSWORD

    def exports(self, borrower_id: str) -> list[Path]:
        """The borrower's own files up to December 2025: later ones are still to come. Some need `password`."""
        return sorted(path for path in (self.world / "exports" / borrower_id).iterdir() if path.stem[-7:] < "2026")

    def lender(self) -> list[Path]:
        return sorted((self.world / "lender").glob("*.csv"))


@pytest.fixture(scope="session")
def story(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story, by the real commands: loans signed, revenue and repayments read, days closed, a campaign planned."""
    folder = tmp_path_factory.mktemp("story")
    lender = runpy.run_path(str(CHECKOUT / "fixtures" / "lender.py"))
    environ = {PASSWORD[1]: lender["WECHAT_PASSWORD"]}
    desk = Desk(folder=folder, ledger=folder / "books.db", forks=forks, environ=environ)
    world = lender["write_lender"](folder / "world", SEED, BORROWERS, MONTHS)
    desk.done("--as-of", world.months[0], "init")
    desk.done("borrower", "import", "world/borrowers.csv")
    with (folder / "world" / "loans.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            desk.done(
                *("--as-of", row["start_on"], "loan", "open", "--loan-id", row["loan_id"], "--product", row["product"]),
                *("--borrower", row["borrower_id"], "--principal", row["principal_yuan"], "--periods", row["periods"]),
            )
    signed = desk.copy(tmp_path_factory.mktemp("signed"))
    secrets = {name for person in world.borrowers for name in (person.name, person.phone, *person.aliases)}
    made = Story(
        desk=desk,
        signed=signed,
        world=folder / "world",
        secrets=frozenset(secrets),
        batch=f"collections-{TODAY}",
    )
    for borrower_id in sorted({loan.borrower_id for loan in world.loans}):
        desk.done("import", *made.exports(borrower_id), *PASSWORD, "--as", "revenue", "--borrower", borrower_id)
    for month in world.months[4:]:
        desk.done("day", "close", "--through", month)  # which fixes the instalments of the month
        # What the lender's statements hold follows from what the books say is due.
        found = desk.done("--as-of", month, "loan", "list", "--format", "json").json()
        dues = [(row["loan_id"], date.fromisoformat(row["next_due_on"]), row["next_due_fen"]) for row in found
                if row["next_due_on"] and row["next_due_fen"]]  # fmt: skip
        desk.done("import", *lender["lender_month"](folder / "world", world, month, dues), "--as", "repayments")
    desk.done("day", "close")
    desk.done("promise", "add", "LN000007", "--due", TODAY + DAY, "--amount", "500", "--note", "by transfer")
    desk.done("hold", "add", "B0003", "--kind", "dispute", "--note", "wrong amount")
    desk.done("campaign", "plan", "collections")
    return made


@pytest.fixture(scope="module")
def shared_desk(story: Story, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A copy of the story's books for the tests of a file that change nothing."""
    return story.desk.copy(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def desk(story: Story, tmp_path: Path) -> Desk:
    """A copy of the story's books, to be changed."""
    return story.desk.copy(tmp_path / "desk")


@pytest.fixture(scope="session")
def new_desk(forks: Forks) -> Callable[[Path], Desk]:
    """A desk in a folder without a ledger."""
    return lambda folder: Desk(folder=folder, ledger=folder / "books.db", forks=forks)


@pytest.fixture(scope="session")
def alike() -> Callable[[Any], Any]:
    """A JSON document without its sentences: what must be the same in every language."""

    def bones(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: bones(part) for name, part in value.items()}
        if isinstance(value, list):
            return [bones(part) for part in value]
        return "…" if isinstance(value, str) and re.fullmatch(r"[\w.:+-]*", value, re.ASCII) is None else value

    return bones
