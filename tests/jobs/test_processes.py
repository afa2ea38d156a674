"""`python -m loancli` itself, from the first import on: several at once, killed while files get their names.

The same commands at every call of the disk, at any moment and in greater numbers: tests/faults.
"""

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from ledger_maker import (
    CHECKOUT,
    DAY,
    OPENED_ON,
    alipay,
    close,
    dump,
    faults,
    new_ledger,
    open_loan,
    paid,
    repayment,
    take,
    timeless,
)
from terms import revenue_product

from loancli.core.rates import DayCount
from loancli.ledger import days
from loancli.ledger.backups import SEAL
from loancli.ledger.connect import open_ledger
from loancli.plan.product import Frequency

THROUGH = OPENED_ON + 90 * DAY
NOW = f"{THROUGH + 9 * DAY}T09:30:00+08:00"
WEEKLY = revenue_product(code="weekly", frequency=Frequency(days=7), day_count=DayCount.ACT_365F)
NUMBERS = range(1, 25)
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(CHECKOUT / "src"),
    "LOANCLI_NOW": NOW,
    "LC_ALL": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def command(path: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "loancli", "-q", "-L", str(path), "--actor", "test", *words]


def start(path: Path, *words: str, limit: int | None = None) -> subprocess.Popen[bytes]:
    def limited() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.Popen(
        command(path, *words),
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=limited,
    )


def run(path: Path, *words: str, limit: int | None = None) -> tuple[int, str]:
    process = start(path, *words, limit=limit)
    _, told = process.communicate(timeout=60)
    return process.returncode, told.decode()


def killed(path: Path, *words: str, after: float, begun: str = "") -> bool:
    """Start a command and kill it so many seconds after it began to write; False if it was done before.

    It began when the ledger has a -wal, or when a file is there whose path fits the pattern `begun`.
    """
    folder, name = os.path.split(begun or f"{path}-wal")
    process = start(path, *words)
    while not any(Path(folder).glob(name)) and process.poll() is None:
        time.sleep(0.002)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """24 loans, a third of them revenue share, with revenue and repayments of three months to come."""
    folder = tmp_path_factory.mktemp("processes")
    db = new_ledger(folder, is_durable=False)
    for number in NUMBERS:
        changes = {"terms": WEEKLY, "periods": 20} if number % 3 == 0 else {}
        open_loan(db, f"LN{number:06d}", borrower_id=f"B{number}", principal_fen=1_200_000, **changes)
    for number in NUMBERS:
        if number % 3 == 0:
            rows = [paid(OPENED_ON + day * DAY, 30_000 + number * day) for day in range(60)]
            take(db, alipay(rows), borrower_id=f"B{number}")
    take(
        db,
        alipay(
            [
                repayment(OPENED_ON + (11 * number + 31 * turn) % 90 * DAY, 106_619, note=f"LN{number:06d}")
                for number in NUMBERS
                for turn in range(3)
            ]
        ),
    )
    db.close()
    return folder / "books.db"


@pytest.fixture(scope="module")
def undisturbed(made, tmp_path_factory) -> dict[str, list[tuple[object, ...]]]:
    """The books after closing all days in one go."""
    path = Path(shutil.copy(made, tmp_path_factory.mktemp("undisturbed") / "books.db"))
    db = open_ledger(path)
    close(db, THROUGH, on=THROUGH + 9 * DAY)
    found = timeless(db)
    db.close()
    return found


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "books.db"))


def checked(path: Path) -> dict[str, list[tuple[object, ...]]]:
    db = open_ledger(path)
    assert faults(db) == []
    found = timeless(db)
    found["setting"] = [row for row in found["setting"] if row[0] != SEAL]  # which only a backup has
    db.close()
    return found


CLOSE = ("day", "close", "--through", THROUGH.isoformat())


def test_several_processes_at_once_close_each_day_exactly_once(path, undisturbed):
    processes = [start(path, *CLOSE) for _ in range(3)]
    told = [(process.communicate(timeout=60)[1].decode(), process.returncode) for process in processes]
    assert [code for _, code in told] == [0, 0, 0], told
    assert checked(path) == undisturbed


def test_an_init_that_is_killed_can_be_run_again(tmp_path):
    dice = random.Random(3)
    path = tmp_path / "books.db"
    for _ in range(4):
        process = start(path, "init")
        time.sleep(dice.uniform(0.15, 0.45))
        process.kill()
        process.communicate()
        if path.exists():
            open_ledger(path).close()
            path.unlink()
    assert run(path, "init")[0] == 0
    db = open_ledger(path)
    assert days.open_day(db) == date.fromisoformat(NOW[:10])
    assert faults(db) == []
    before = dump(db)
    assert run(path, "init")[0] == 3
    assert dump(db) == before
    db.close()


def test_a_backup_that_is_killed_leaves_no_half_file_and_the_ledger_as_it_was(path, tmp_path):
    dice = random.Random(11)
    to = tmp_path / "kept" / "backup.db"
    to.parent.mkdir()
    before = checked(path)
    kills = 0
    for turn in range(5):
        for left in to.parent.glob(".backup.db.*"):
            left.rename(left.with_name(f".backup.db.left{left.suffix}"))  # so that the next one is seen to begin
        words = ("ledger", "backup", str(to), "--replace")
        kills += killed(path, *words, after=dice.uniform(0, 0.1), begun=f"{to.parent}/.backup.db.[!l]*.new")
        assert len([*to.parent.glob(".backup.db.*.new")]) <= 1  # the next one sweeps what the last one left
        if to.exists():
            assert checked(to) == before, turn
    assert kills >= 2
    assert checked(path) == before
    assert run(path, "ledger", "backup", str(to), "--replace")[0] == 0
    assert [each.name for each in to.parent.iterdir()] == ["backup.db"]
    assert checked(to) == before


def test_a_restore_that_is_killed_can_be_run_again_and_loses_neither_ledger(path, tmp_path):
    dice = random.Random(12)
    to = tmp_path / "kept" / "backup.db"
    to.parent.mkdir()
    before = checked(path)
    assert run(path, "ledger", "backup", str(to))[0] == 0
    damaged = b"damaged, and kept"
    kills = 0
    for _ in range(3):
        path.write_bytes(damaged)
        for left in tmp_path.glob(".books.db.*"):
            left.unlink()
        words = ("ledger", "restore", str(to))
        kills += killed(path, *words, after=dice.uniform(0, 0.1), begun=f"{tmp_path}/.books.db.*.new")
        if path.exists() and path.read_bytes() != damaged:
            assert checked(path) == before
        elif not path.exists():
            assert any(each.read_bytes() == damaged for each in tmp_path.glob("books.db.damaged-*"))
    assert kills >= 1
    path.write_bytes(damaged)
    assert run(path, "ledger", "restore", str(to))[0] == 0
    assert checked(path) == before
    assert [*tmp_path.glob(".*.new*")] == []


@pytest.mark.parametrize("room", [0, 65_536, 300_000])
def test_a_backup_that_runs_out_of_disk_leaves_no_file(path, tmp_path, room):
    to = tmp_path / "kept" / "backup.db"
    to.parent.mkdir()
    before = checked(path)
    code, told = run(path, "ledger", "backup", str(to), limit=room)
    assert code == 3, told
    assert told.startswith("error: ")
    assert "Traceback" not in told
    assert [*to.parent.iterdir()] == []
    code, told = run(tmp_path / "new.db", "ledger", "restore", str(path), limit=room)
    assert code == 3, told
    assert told.startswith("error: ")
    assert not (tmp_path / "new.db").exists()
    assert checked(path) == before
    assert run(path, "ledger", "backup", str(to))[0] == 0
    assert checked(to) == before


def test_backups_at_once_to_one_name_leave_one_whole_file(path, tmp_path):
    (tmp_path / "kept").mkdir()
    words = ("ledger", "backup", str(tmp_path / "kept" / "backup.db"))
    processes = [start(path, *words) for _ in range(3)]
    told = [(process.communicate(timeout=60)[1].decode(), process.returncode) for process in processes]
    assert sorted(code for _, code in told) == [0, 3, 3], told
    assert checked(tmp_path / "kept" / "backup.db") == checked(path)
    assert [each.name for each in (tmp_path / "kept").iterdir()] == ["backup.db"]


def test_backups_during_a_close_are_moments_of_it(path, undisturbed, tmp_path):
    process = start(path, *CLOSE)
    count = 0
    while process.poll() is None:
        count += 1
        assert run(path, "ledger", "backup", str(tmp_path / f"backup-{count}.db")) == (0, "")
    process.communicate(timeout=30)
    assert process.returncode == 0
    last = tmp_path / f"backup-{count}.db"
    assert run(last, *CLOSE) == (0, "")  # goes on from the moment that it holds
    assert checked(last) == checked(path) == undisturbed


def test_a_reader_sees_sound_books_at_every_moment_of_a_close(path):
    process = start(path, *CLOSE)
    looks = 0
    until = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < until:
        db = open_ledger(path)
        assert faults(db) == []
        looks += 1
        db.close()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert looks > 1


def test_the_moment_of_the_clock_lies_after_the_days_that_are_closed():
    assert date.fromisoformat(NOW[:10]) - timedelta(days=1) > THROUGH
