"""A bulk change, and its undo, killed at any statement and run again: the books of a run that nobody disturbed."""

import csv
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ledger_maker import CHECKOUT, OPENED_ON, faults, new_ledger, open_loan, timeless
from terms import product

from loancli.ledger.connect import open_ledger

NUMBERS = range(1, 9)
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(CHECKOUT / "src"),
    "LOANCLI_NOW": f"{OPENED_ON}T09:30:00+08:00",
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}
# The command, in chunks of two loans; it dies at a statement of its own, and tells how many there were if it does not.
RUN = """
import os, signal, sys
from loancli.jobs import adjust_batch
from loancli.ledger import connect

adjust_batch.CHUNK, last, real, seen = 2, int(sys.argv.pop(1)), connect.connect, [0]

def connected(*args, **options):
    def told(statement):
        seen[0] += 1
        if seen[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    db = real(*args, **options)
    db.set_trace_callback(told)
    return db

connect.connect = connected
from loancli.cli.main import main

code = main()
print(seen[0], file=sys.stderr)
sys.exit(code)
"""


def run(path: Path, *words: str, last: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, str(last), "-q", "-L", str(path), "--actor", "test", "adjust", *words]
    return subprocess.run(command, env=ENVIRONMENT, cwd=path.parent, capture_output=True, text=True, timeout=60)


def statements(path: Path, *words: str) -> int:
    """Run it to its end; how many statements it took."""
    found = run(path, *words)
    assert found.returncode == 0, found.stderr
    return int(found.stderr.split()[-1])


def books(path: Path) -> dict[str, list[tuple[object, ...]]]:
    db = open_ledger(path)
    assert faults(db) == []
    found = timeless(db)
    db.close()
    return found


def events(path: Path) -> int:
    db = open_ledger(path)
    count: int = db.execute("SELECT count(*) FROM event").fetchone()[0]
    db.close()
    return count


@pytest.fixture
def previewed(tmp_path):
    """A ledger, and beside it what a batch would do to its loans."""
    db = new_ledger(tmp_path, is_durable=False)
    for number in NUMBERS:
        open_loan(db, loan_id=f"LN{number:06d}", terms=product(), principal_fen=1_200_000 + number)
    db.close()
    with (tmp_path / "batch.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["loan_id", "change"], *([f"LN{number:06d}", "extend 3"] for number in NUMBERS)])
    path = tmp_path / "books.db"
    statements(path, "preview", "batch.csv", "-o", "preview.csv")
    return path


def killed_all_the_way(path: Path, *words: str, total: int) -> set[int]:
    """Kill it at a fifth of its way, at two fifths … and let it end; how many events there were in between."""
    reached = set()
    for turn in range(1, 5):
        ended = run(path, *words, last=total * turn // 5)
        assert ended.returncode in {-signal.SIGKILL, 0}, ended.stderr  # 0: the runs before had left less to do
        reached.add(events(path))
    statements(path, *words)
    return reached


def test_apply_and_undo_end_as_if_nobody_had_killed_them(previewed, tmp_path):
    quiet = Path(shutil.copy(previewed, tmp_path / "quiet.db"))
    before = events(quiet)
    total = statements(quiet, "apply", "preview.csv")
    reached = killed_all_the_way(previewed, "apply", "preview.csv", total=total)
    assert any(before < count < before + len(NUMBERS) for count in reached), "no kill hit the work"
    applied = books(quiet)
    assert books(previewed) == applied

    db = open_ledger(quiet)
    (batch,) = db.execute("SELECT DISTINCT batch FROM event WHERE batch <> ''").fetchone()
    db.close()
    before = events(quiet)
    total = statements(quiet, "undo", batch)
    reached = killed_all_the_way(previewed, "undo", batch, total=total)
    assert any(before < count < before + len(NUMBERS) for count in reached), "no kill hit the work"
    assert books(previewed) == books(quiet) != applied
