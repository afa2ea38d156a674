"""The file: made once and whole, opened only when it is ours and as we left it, written all or nothing."""

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path

import pytest
from ledger_maker import CHECKOUT, OPENED_ON, dump, execute, file_of, new_ledger, open_loan

from loancli.core.errors import BusyError, InputError, LedgerError, NotFoundError
from loancli.ledger import connect, days
from loancli.ledger.connect import DIGESTS, SCHEMA, create, open_ledger, reading, schema_digest, trial, writing
from loancli.servicing.bookings import ACCOUNTS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with a loan, closed."""
    db = new_ledger(tmp_path)
    open_loan(db)
    db.close()
    return tmp_path / "books.db"


@contextlib.contextmanager
def foreign(path: Path):
    """Another program's connection: no settings of ours."""
    db = sqlite3.connect(path, isolation_level=None)
    try:
        yield db
    finally:
        db.close()


# making


def test_a_new_ledger_is_open_on_its_first_day_and_holds_the_accounts(tmp_path):
    db = new_ledger(tmp_path, opened_on=date(2024, 2, 29))
    assert days.open_day(db) == date(2024, 2, 29)
    assert {code: (kind, meaning) for code, kind, meaning in db.execute("SELECT code, kind, meaning FROM account")} == (
        ACCOUNTS
    )


def test_only_its_owner_reads_the_ledger_and_its_side_files(tmp_path):
    before = os.umask(0)
    try:
        db = new_ledger(tmp_path)
        open_loan(db)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"books.db": 0o600, "books.db-wal": 0o600, "books.db-shm": 0o600}


@pytest.mark.parametrize("content", [b"", b"notes of mine", None], ids=["empty", "text", "ledger"])
def test_no_file_is_ever_overwritten(path, content):
    if content is not None:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        create(path, opened_on="2026-01-01", accounts=ACCOUNTS)
    assert path.read_bytes() == before


def test_a_link_to_nowhere_is_not_followed(tmp_path):
    link = tmp_path / "books.db"
    link.symlink_to(tmp_path / "elsewhere.db")
    with pytest.raises(InputError, match="exists already"):
        create(link, opened_on="2026-01-01", accounts=ACCOUNTS)
    assert not (tmp_path / "elsewhere.db").exists()


def test_a_ledger_needs_its_folder(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        create(tmp_path / "nowhere" / "books.db", opened_on="2026-01-01", accounts=ACCOUNTS)


def test_a_failed_creation_leaves_no_file(tmp_path):
    with pytest.raises(sqlite3.IntegrityError):
        create(tmp_path / "books.db", opened_on="2026-01-01", accounts={"cash": ("pocket", "no such kind")})
    assert list(tmp_path.iterdir()) == []


def test_of_two_that_create_at_once_one_is_refused(tmp_path):
    path = tmp_path / "books.db"
    start = threading.Barrier(4)
    outcomes = []

    def run():
        start.wait()
        try:
            create(path, opened_on="2026-01-01", accounts=ACCOUNTS)
            outcomes.append("made")
        except InputError:
            outcomes.append("refused")

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "refused", "refused", "refused"]
    assert days.open_day(open_ledger(path)) == date(2026, 1, 1)
    assert [file.name for file in tmp_path.iterdir() if not file.name.startswith("books.db")] == []


CREATE_AND_DIE = """
import os, sqlite3, sys
from pathlib import Path
from loancli.ledger import connect
from loancli.servicing.bookings import ACCOUNTS
steps = int(sys.argv[2])
class Dying(sqlite3.Connection):
    def execute(self, *args):
        global steps
        steps -= 1
        if steps < 0:
            os._exit(9)
        return super().execute(*args)
real = sqlite3.connect
connect.sqlite3.connect = lambda *args, **kwargs: real(*args, **kwargs, factory=Dying)
connect.create(Path(sys.argv[1]), opened_on="2026-01-01", accounts=ACCOUNTS)
"""


@pytest.mark.parametrize("steps", [0, 9, 12, 17, 25])
def test_creating_again_after_a_crash_gives_a_whole_ledger(tmp_path, steps):
    path = tmp_path / "books.db"
    died = subprocess.run(
        [sys.executable, "-c", CREATE_AND_DIE, str(path), str(steps)], env={"PYTHONPATH": str(CHECKOUT / "src")}
    )
    assert died.returncode == 9
    create(path, opened_on="2026-01-01", accounts=ACCOUNTS)
    assert days.open_day(open_ledger(path)) == date(2026, 1, 1)


# opening


def test_settings_are_those_that_the_decision_names(path):
    db = open_ledger(path)
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "mmap_size": 0,
        "temp_store": 2,
        "cache_size": -65_536,
        "busy_timeout": 10_000,
    }
    assert {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted} == wanted


def test_a_setting_that_does_not_hold_is_no_ledger(path, monkeypatch):
    monkeypatch.setitem(connect._SETTINGS, "synchronous", 1)
    monkeypatch.setitem(connect._SETTINGS, "cell_size_check", 7)  # reads back as 1
    with pytest.raises(LedgerError, match="cell_size_check"):
        open_ledger(path)


def test_another_programs_journal_mode_is_set_back(path):
    with foreign(path) as db:
        assert db.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)
    assert open_ledger(path).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_no_ledger_there_is_not_found_and_none_is_made(tmp_path):
    with pytest.raises(NotFoundError, match="init"):
        open_ledger(tmp_path / "books.db")
    assert list(tmp_path.iterdir()) == []


def test_the_digest_in_the_code_is_that_of_the_schema(path):
    assert schema_digest(open_ledger(path)) == DIGESTS[SCHEMA]


def test_a_foreign_database_is_refused_untouched(tmp_path):
    path = tmp_path / "books.db"
    with foreign(path) as db:
        db.execute("CREATE TABLE diary (day TEXT)")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="another program"):
        open_ledger(path)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_untouched(path):
    with foreign(path) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="newer"):
        open_ledger(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("size", [0, 1, 100, 1024, 4096, 8192, 20_000])
def test_a_truncated_ledger_is_refused(path, size):
    assert path.stat().st_size > 20_000
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(LedgerError):
        open_ledger(path)


def test_a_text_file_is_refused(tmp_path):
    path = tmp_path / "books.db"
    path.write_text("交易时间,金额\n" * 500, encoding="utf-8")
    with pytest.raises(LedgerError, match="not a database"):
        open_ledger(path)


TAMPERINGS = [
    "DROP TRIGGER entry_stays",
    "DROP TRIGGER event_extends_chain",
    "CREATE TRIGGER sly AFTER INSERT ON posting BEGIN SELECT 1; END",
    "CREATE TABLE extra (x)",
    "DROP INDEX posting_debit",
    "ALTER TABLE posting ADD COLUMN extra TEXT",
    "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'amount_fen > 0', 'amount_fen > -9')",
    "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'posting_is_final'",
]


@pytest.mark.parametrize("sql", TAMPERINGS)
def test_a_schema_that_another_program_changed_is_refused(path, sql):
    with foreign(path) as db:
        db.executescript(sql)
    with pytest.raises(LedgerError, match="schema was changed"):
        open_ledger(path)


# writing


def test_what_fails_inside_a_transaction_leaves_nothing(path):
    db = open_ledger(path)
    before = dump(db)
    with pytest.raises(sqlite3.IntegrityError):
        execute(db, "INSERT INTO setting VALUES ('half', 'written')", "INSERT INTO setting VALUES ('half', 'again')")
    assert dump(db) == before


def test_a_commit_that_fails_leaves_nothing_and_the_connection_usable(path):
    db = open_ledger(path)
    before = dump(db)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        execute(db, "PRAGMA defer_foreign_keys = ON", "INSERT INTO alias VALUES ('nobody', 'x')")
    assert dump(db) == before
    with writing(db):
        db.execute("INSERT INTO setting VALUES ('next', 'works')")


def test_a_trial_leaves_nothing(path):
    db = open_ledger(path)
    before = dump(db)
    with trial(db):
        db.execute("INSERT INTO setting VALUES ('tried', 'x')")
        assert db.execute("SELECT value FROM setting WHERE name = 'tried'").fetchone() == ("x",)
    assert dump(db) == before


@pytest.mark.parametrize("way", [writing, trial])
def test_a_second_writer_is_told_that_the_ledger_is_busy(path, way):
    first, second = open_ledger(path), open_ledger(path)
    second.execute("PRAGMA busy_timeout = 20")
    with writing(first), pytest.raises(BusyError, match="another command"), way(second):
        pass
    with way(second):
        pass


def test_readers_go_on_while_one_writes(path):
    first, second = open_ledger(path), open_ledger(path)
    with writing(first):
        first.execute("INSERT INTO setting VALUES ('new', 'x')")
        assert second.execute("SELECT count(*) FROM setting").fetchone() == (1,)
    assert second.execute("SELECT count(*) FROM setting").fetchone() == (2,)


def test_a_reader_stays_at_one_moment_while_others_write(path):
    first, second = open_ledger(path), open_ledger(path)
    count = "SELECT count(*) FROM setting"
    with reading(first):
        assert first.execute(count).fetchone() == (1,)
        execute(second, "INSERT INTO setting VALUES ('new', 'x')")
        assert first.execute(count).fetchone() == (1,)
    assert first.execute(count).fetchone() == (2,)
    with writing(first), reading(first):
        assert first.execute(count).fetchone() == (2,)
    execute(first, "INSERT INTO setting VALUES ('newer', 'x')")


def test_a_full_disk_changes_nothing(path):
    db = open_ledger(path)
    before = dump(db)
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        execute(db, *[f"INSERT INTO setting VALUES ('s{number}', '{'x' * 500}')" for number in range(5_000)])
    assert dump(db) == before
    db.execute("PRAGMA max_page_count = 1000000")
    with writing(db):
        db.execute("INSERT INTO setting VALUES ('room', 'again')")


def test_the_maker_opens_the_day_it_says(path):
    db = open_ledger(path)
    assert (days.open_day(db), file_of(db)) == (OPENED_ON, path)
