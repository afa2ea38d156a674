"""A backup is whole and proved, or not there; a restore puts back what was proved, and overwrites nothing sound."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    balance,
    borrower,
    close,
    dump,
    execute,
    faults,
    file_of,
    new_ledger,
    open_loan,
    paid,
    repayment,
    stamp,
    take,
)
from older_ledgers import as_schema
from sizes import size

from loancli.core.errors import BusyError, InputError, LedgerError, RefusedError
from loancli.jobs.keep_ledger import back_up, restore
from loancli.ledger import backups, borrowers
from loancli.ledger.connect import SCHEMA, open_ledger, writing
from loancli.ledger.whole import alone

DUE = date(2026, 2, 5)
TODAY = stamp(DUE + 9 * DAY)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A ledger with a loan, payments placed and waiting, revenue, closed days."""
    folder = tmp_path_factory.mktemp("keep")
    db = new_ledger(folder, is_durable=False)
    open_loan(db)
    take(db, alipay([repayment(DUE, 106_619, note="LN000001"), repayment(DUE, 300)]))
    take(db, alipay([paid(OPENED_ON, 7_000)]), borrower_id="B1")
    close(db, OPENED_ON + 3 * DAY)
    db.close()
    return folder / "books.db"


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "books.db"))


def backed_up(path: Path, to: Path, *, replaces: bool = False, is_trial: bool = False):
    with closing(open_ledger(path)) as db:
        return back_up(db, path, to, replaces=replaces, is_trial=is_trial)


def books_of(path: Path):
    """What stands in a ledger or a backup, but for the seal that a backup has."""
    with closing(open_ledger(path)) as db:
        assert faults(db) == []
        return unsealed(db)


def unsealed(db):
    found = dump(db)
    return {**found, "setting": [row for row in found["setting"] if row[0] != backups.SEAL]}


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


# backup


def test_a_backup_holds_the_books_in_a_file_that_needs_no_other(path, tmp_path):
    to = tmp_path / "backup.db"
    copied = backed_up(path, to)
    assert names(tmp_path) == ["backup.db", "books.db"]
    with closing(sqlite3.connect(f"{to.as_uri()}?mode=ro", uri=True)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert names(tmp_path) == ["backup.db", "books.db"]
    assert to.stat().st_mode & 0o777 == 0o600
    assert copied.size_bytes == to.stat().st_size
    assert copied.open_on == OPENED_ON + 4 * DAY
    with closing(open_ledger(path)) as db:
        assert copied.heads == backups.heads(db)
        assert copied.counts["loan"] == 1
    assert books_of(to) == books_of(path)


def test_a_backup_holds_what_is_committed_and_no_more_while_another_writes(path, tmp_path):
    with closing(open_ledger(path)) as writer:
        execute(writer, "INSERT INTO setting VALUES ('committed', 'x')")  # in the -wal alone
        with writing(writer):
            writer.execute("INSERT INTO setting VALUES ('half', 'x')")
            backed_up(path, tmp_path / "backup.db")
    with closing(open_ledger(tmp_path / "backup.db")) as db:
        assert db.execute("SELECT name FROM setting WHERE value = 'x'").fetchall() == [("committed",)]


def test_backups_of_a_ledger_that_is_written_to_hold_a_moment_of_it_each(path, tmp_path):
    """Every entry that was acknowledged before a backup began is in it, and it is proved."""
    done = threading.Event()
    count = 0

    def write() -> None:
        nonlocal count
        with closing(open_ledger(path)) as db:
            while not done.is_set():
                day = OPENED_ON + count % 20 * DAY
                take(db, alipay([paid(day, 100 + count)]), borrower_id="B1", name=f"{count}.csv")
                count += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(6):
            before = count
            backed_up(path, tmp_path / f"{number}.db")
            with closing(open_ledger(tmp_path / f"{number}.db")) as db:
                assert db.execute("SELECT count(*) FROM file").fetchone()[0] >= 2 + before
                assert faults(db) == []
    finally:
        done.set()
        thread.join()
    assert count > 6


def test_what_is_written_while_the_copy_is_made_belongs_to_the_next_one(path, tmp_path, monkeypatch):
    def meanwhile(db):
        found = _heads(db)
        monkeypatch.undo()
        with closing(open_ledger(path)) as other:
            take(other, alipay([paid(OPENED_ON, 1)]), borrower_id="B1", name="meanwhile.csv")
        return found

    monkeypatch.setattr(backups, "heads", meanwhile)
    before = books_of(path)
    backed_up(path, tmp_path / "backup.db")
    assert books_of(tmp_path / "backup.db") == before != books_of(path)


def test_a_trial_backup_proves_and_leaves_no_file(path, tmp_path):
    assert backed_up(path, tmp_path / "backup.db", is_trial=True).counts["loan"] == 1
    assert names(tmp_path) == ["books.db"]


@pytest.mark.parametrize("replaces", [False, True])
def test_the_ledger_is_no_place_for_its_backup(path, tmp_path, replaces):
    (tmp_path / "link.db").symlink_to(path)
    os.link(path, tmp_path / "second.db")
    before = path.read_bytes()
    for name in ("books.db", "link.db", "second.db"):
        with pytest.raises(RefusedError, match="is the ledger itself"):
            backed_up(path, tmp_path / name, replaces=replaces)
    assert path.read_bytes() == before


def test_a_backup_is_written_over_only_when_asked_and_only_if_it_is_an_earlier_one_of_the_ledger(path, tmp_path):
    to = tmp_path / "backup.db"
    backed_up(path, to)
    with pytest.raises(InputError, match=r"exists already; choose another name, or .* --replace"):
        backed_up(path, to)
    with closing(open_ledger(path)) as db:
        take(db, alipay([paid(OPENED_ON, 9_000)]), borrower_id="B1", name="more.csv")
    backed_up(path, to, replaces=True)
    assert books_of(to) == books_of(path)
    backed_up(path, tmp_path / "new.db", replaces=True)
    assert books_of(tmp_path / "new.db") == books_of(path)


def other_event(db):
    open_loan(db, "LN000009", borrower_id="B9")


def other_file(db):
    take(db, alipay([paid(OPENED_ON, 1)]), borrower_id="B1", name="other.csv")


def other_day(db):
    close(db, OPENED_ON + 4 * DAY)


def other_borrower(db):
    with writing(db):
        borrowers.add(db, [borrower("B7")])


@pytest.mark.parametrize("change", [other_event, other_file, other_day, other_borrower])
def test_a_ledger_that_holds_anything_else_is_no_backup_to_write_over(path, made, tmp_path, change):
    other = Path(shutil.copy(made, tmp_path / "other.db"))
    with closing(open_ledger(other)) as db:
        change(db)
    before = other.read_bytes()
    with pytest.raises(RefusedError, match="not an earlier backup of this ledger"):
        backed_up(path, other, replaces=True)
    assert other.read_bytes() == before
    assert names(tmp_path) == ["books.db", "other.db"]


@pytest.mark.parametrize("content", [b"", b"notes of mine"])
def test_what_is_no_backup_is_not_written_over(path, tmp_path, content):
    other = tmp_path / "other.db"
    other.write_bytes(content)
    with pytest.raises(RefusedError, match="not an earlier backup"):
        backed_up(path, other, replaces=True)
    with pytest.raises(RefusedError, match="no regular file"):
        backed_up(path, tmp_path, replaces=True)
    assert other.read_bytes() == content


def test_a_ledger_in_use_is_not_written_over(path, tmp_path):
    backed_up(path, tmp_path / "backup.db")
    with closing(open_ledger(tmp_path / "backup.db")) as db:
        db.execute("SELECT 1 FROM setting").fetchall()
        with pytest.raises(InputError, match=r"backup.db-wal: is left of a ledger"):
            backed_up(path, tmp_path / "backup.db", replaces=True)


def test_books_that_do_not_check_are_not_backed_up(path, tmp_path):
    with closing(open_ledger(path)) as db:
        execute(db, "UPDATE position SET credit_fen = credit_fen + 1")
    with pytest.raises(LedgerError, match=r"the books do not check: credit in the books.*loancli ledger check"):
        backed_up(path, tmp_path / "backup.db")
    assert names(tmp_path) == ["books.db"]


def test_a_ledger_with_a_damaged_page_is_not_backed_up(path, tmp_path):
    with closing(sqlite3.connect(path)) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'hold'").fetchone()[0]
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x55" * 4096)
    with pytest.raises(LedgerError, match="is damaged"):
        backed_up(path, tmp_path / "backup.db")
    assert names(tmp_path) == ["books.db"]


def test_a_copy_that_is_not_what_was_copied_gets_no_name(path, tmp_path, monkeypatch):
    monkeypatch.setattr(backups, "copy", lambda db, made: {**_copy(db, made), "entry": "00"})
    with pytest.raises(LedgerError, match="not what was copied"):
        backed_up(path, tmp_path / "backup.db")
    assert names(tmp_path) == ["books.db"]


_copy, _heads = backups.copy, backups.heads


# restore


@pytest.fixture
def backup(path, tmp_path) -> Path:
    (tmp_path / "kept").mkdir()
    backed_up(path, tmp_path / "kept" / "backup.db")
    return tmp_path / "kept" / "backup.db"


def restored(backup: Path, ledger: Path, *, is_trial: bool = False):
    return restore(backup, ledger, stamp=TODAY, is_trial=is_trial)


def test_a_backup_is_restored_where_there_is_no_ledger(path, backup, tmp_path):
    before, data = books_of(path), backup.read_bytes()
    found = restored(backup, tmp_path / "new.db")
    assert (found.path, found.aside) == (tmp_path / "new.db", None)
    assert books_of(tmp_path / "new.db") == before
    assert backup.read_bytes() == data
    assert names(tmp_path) == ["books.db", "kept", "new.db"]
    with closing(open_ledger(tmp_path / "new.db")) as db:  # and the work goes on
        close(db, DUE)
        assert faults(db) == []
        assert balance(db, "suspense") == -300


def test_a_drill_proves_the_backup_and_leaves_nothing(backup, tmp_path):
    assert restored(backup, tmp_path / "new.db", is_trial=True).counts["loan"] == 1
    assert names(tmp_path) == ["books.db", "kept"]


def test_a_backup_of_an_earlier_schema_is_brought_up(path, tmp_path):
    with closing(open_ledger(path)) as db:
        as_schema(4, db, tmp_path / "old.db")
        before = (tmp_path / "old.db").read_bytes()
        assert restored(tmp_path / "old.db", tmp_path / "new.db").schema == SCHEMA
        with closing(open_ledger(tmp_path / "new.db")) as new:
            assert dump(new)["entry"] == dump(db)["entry"]
    assert (tmp_path / "old.db").read_bytes() == before


@pytest.mark.parametrize("how", ["truncated", "page", "schema", "text", "books"])
def test_a_damaged_ledger_is_kept_aside(path, backup, tmp_path, how):
    before = books_of(path)
    if how == "truncated":
        os.truncate(path, 50_000)
    elif how == "page":
        with path.open("r+b") as file:
            file.seek(20 * 4096)
            file.write(bytes(4096))
    elif how == "schema":
        with closing(sqlite3.connect(path)) as db:
            db.execute("DROP TRIGGER entry_stays")
    elif how == "text":
        path.write_text("not a ledger any more")
    else:
        with closing(open_ledger(path)) as db:
            execute(db, "UPDATE position SET credit_fen = 5")
    data = path.read_bytes()
    assert restored(backup, path, is_trial=True).aside is None
    assert path.read_bytes() == data
    found = restored(backup, path)
    assert found.aside == tmp_path / "books.db.damaged-20260214T090000"
    assert found.aside.read_bytes() == data
    assert books_of(path) == before
    with pytest.raises(RefusedError, match="is sound"):
        restored(backup, path)


def test_the_wal_of_a_damaged_ledger_goes_with_it(path, backup, tmp_path):
    before = books_of(path)
    path.write_text("damaged")
    Path(f"{path}-wal").write_text("of the damaged one")
    aside = restored(backup, path).aside
    assert Path(f"{aside}-wal").read_text() == "of the damaged one"
    assert books_of(path) == before


def test_what_is_sound_or_not_ours_stays(path, backup, tmp_path):
    with pytest.raises(RefusedError, match="is sound, and stays as it is"):
        restored(backup, path)
    foreign = tmp_path / "foreign.db"
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE diary (day TEXT)")
    newer = Path(shutil.copy(path, tmp_path / "newer.db"))
    with closing(sqlite3.connect(newer)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    link = tmp_path / "link.db"
    link.symlink_to("nowhere.db")
    before = {each: each.read_bytes() for each in (path, foreign, newer)}
    for each in (foreign, newer, link, tmp_path):
        with pytest.raises(RefusedError, match="stays as it is"):
            restored(backup, each)
    assert {each: each.read_bytes() for each in before} == before
    assert not (tmp_path / "nowhere.db").exists()


def test_what_is_left_of_another_ledger_is_not_mixed_with_the_restored_one(path, backup, tmp_path):
    (tmp_path / "new.db-wal").write_text("left")
    aside = restored(backup, tmp_path / "new.db").aside
    assert Path(f"{aside}-wal").read_text() == "left"
    assert books_of(tmp_path / "new.db") == books_of(path)


def test_a_backup_whose_books_do_not_check_is_not_restored(backup, tmp_path):
    with closing(open_ledger(backup)) as db:
        backups.unseal(db)
        execute(db, "UPDATE position SET credit_fen = 5")
    with pytest.raises(LedgerError, match=r"backup.db: the books do not check"):
        restored(backup, tmp_path / "new.db")
    assert names(tmp_path) == ["books.db", "kept"]


@pytest.mark.parametrize(
    "sql", ["UPDATE borrower SET name = '别人'", "DELETE FROM alias", "INSERT INTO setting VALUES ('a', 'b')"]
)
def test_what_no_chain_covers_is_under_the_seal(backup, tmp_path, sql):
    with closing(open_ledger(backup)) as db:
        execute(db, "INSERT INTO alias VALUES ('B1', 'other')")
        backups.seal(db)
    restored(backup, tmp_path / "new.db")
    with closing(open_ledger(backup)) as db:
        execute(db, sql)
        db.execute("PRAGMA journal_mode = DELETE")
    with pytest.raises(RefusedError, match="is not what it was when the backup was made"):
        restored(backup, tmp_path / "newer.db")
    backed_up(backup, tmp_path / "again.db")  # which is the way on
    restored(tmp_path / "again.db", tmp_path / "newer.db")


@pytest.fixture(scope="module")
def whole(made, tmp_path_factory) -> Path:
    """A backup, to be read and not changed."""
    path = tmp_path_factory.mktemp("whole") / "backup.db"
    backed_up(made, path)
    return path


@given(place=st.integers(0, 2**32), bit=st.integers(0, 7))
@settings(max_examples=size(60, 3_000))
def test_a_backup_with_a_flipped_bit_is_refused_or_gives_the_very_same_books(whole, place, bit):
    content = whole.read_bytes()
    at = place % len(content)
    with TemporaryDirectory() as name:
        backup, ledger = Path(name) / "backup.db", Path(name) / "books.db"
        backup.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        try:
            restored(backup, ledger)
        except (LedgerError, RefusedError):
            assert names(Path(name)) == ["backup.db"]
            return
        assert books_of(ledger) == books_of(whole)


@given(place=st.integers(0, 2**32))
@settings(max_examples=size(25, 500))
def test_a_backup_that_is_cut_anywhere_is_refused(whole, place):
    content = whole.read_bytes()
    with TemporaryDirectory() as name:
        backup = Path(name) / "backup.db"
        backup.write_bytes(content[: place % len(content)])
        with pytest.raises((LedgerError, RefusedError)):
            restored(backup, Path(name) / "books.db")
        assert names(Path(name)) == ["backup.db"]


def test_two_restores_into_one_folder_do_not_meet(path, backup, tmp_path):
    with alone(tmp_path), pytest.raises(BusyError, match="another command"):
        restored(backup, tmp_path / "new.db")


# A process that dies at any step that it takes with files


STEPS = ("fsync", "link", "rename", "replace", "unlink")


def died(steps: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that dies before its step of that number; False if it was done with fewer."""
    pid = os.fork()
    if pid == 0:
        try:
            for name in STEPS:
                _limit(name)
            _left[0] = steps
            work()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in {0, 9}
    return code == 9


_left = [0]


def _limit(name: str) -> None:
    real = getattr(os, name)

    def limited(*args, **kwargs):
        _left[0] -= 1
        if _left[0] < 0:
            os._exit(9)
        return real(*args, **kwargs)

    setattr(os, name, limited)


def test_a_backup_that_dies_at_any_step_is_whole_or_not_there(path, tmp_path):
    (tmp_path / "kept").mkdir()
    to = tmp_path / "kept" / "backup.db"
    backed_up(path, to)
    old = books_of(to)
    with closing(open_ledger(path)) as db:
        take(db, alipay([paid(OPENED_ON, 9_000)]), borrower_id="B1", name="more.csv")
    new = books_of(path)
    steps = 0
    found = []
    while died(steps, lambda: backed_up(path, to, replaces=True)):
        steps += 1
        found.append(books_of(to))
    assert steps >= 3
    assert found[0] == old
    assert all(each in (old, new) for each in found)
    assert books_of(to) == new
    assert names(to.parent) == ["backup.db"]


def test_a_restore_that_dies_at_any_step_loses_nothing_and_can_be_run_again(path, backup, tmp_path):
    before = books_of(path)
    steps = 0
    while True:
        path.write_text("damaged")
        Path(f"{path}-wal").write_text("its wal")
        for aside in tmp_path.glob("books.db.damaged-*"):
            aside.unlink()
        has_died = died(steps, lambda: restored(backup, path))
        found = {each.name: each.read_bytes() for each in tmp_path.glob("books.db*")}
        assert [*found.values()].count(b"damaged") == [*found.values()].count(b"its wal") == 1
        if found.get("books.db") == b"damaged":
            assert "books.db-wal" in found
        elif "books.db" in found:
            assert "books.db-wal" not in found
        if not has_died:
            break
        if found.get("books.db") in {None, b"damaged"}:
            restored(backup, path)
        assert books_of(path) == before
        steps += 1
    assert steps >= 5
    assert [each for each in names(tmp_path) if each.startswith(".")] == []


def test_the_maker_names_its_file(path):
    with closing(open_ledger(path)) as db:
        assert file_of(db) == path
