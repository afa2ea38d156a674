"""Each way in which a ledger's file can be unusable has its own name, and looking changes nothing."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from ledger_maker import CHECKOUT, new_ledger, open_loan

from loancli.core.errors import LedgerError
from loancli.ledger.connect import SCHEMA, open_ledger
from loancli.ledger.health import Fault, faults
from loancli.texts import LANGS, catalogue, say


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("health")
    db = new_ledger(folder)
    open_loan(db)
    db.close()
    return folder / "books.db"


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "books.db"))


def sql(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(script)


def overwritten(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "not_sqlite": lambda path: path.write_text("交易时间,金额\n" * 500, encoding="utf-8"),
    "truncated": lambda path: os.truncate(path, 100_000),
    "pages": lambda path: overwritten(path, 3 * 4096, b"\x55" * 4096),
    "schema": lambda path: sql(path, "DROP TRIGGER entry_stays"),
}
OTHERS = {
    "foreign": lambda path: sql(path, "PRAGMA application_id = 252006673"),
    "newer": lambda path: sql(path, f"PRAGMA user_version = {SCHEMA + 1}"),
}


def test_a_sound_ledger_has_no_fault(path):
    assert faults(path) == []
    assert faults(path.with_name("none.db")) == []


@pytest.mark.parametrize("code", [*DAMAGES, *OTHERS])
def test_what_is_wrong_is_named_and_nothing_is_touched(path, code):
    (DAMAGES | OTHERS)[code](path)
    before = path.read_bytes()
    [fault] = faults(path)
    assert fault.code == code
    assert fault.is_damage == (code in DAMAGES)
    assert not fault.is_note
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["books.db"]
    if code != "pages":  # a page is only noticed when it is read
        with pytest.raises(LedgerError):
            open_ledger(path)


@pytest.mark.parametrize("size", [1, 15, 16, 99])
def test_a_file_that_ends_within_its_head_is_damaged(path, size):
    os.truncate(path, size)
    [fault] = faults(path)
    assert fault.is_damage


def test_no_page_is_lost_without_a_word(path):
    """Zeroes over any page of a file in which every page holds something."""
    sql(path, "VACUUM")
    whole = path.read_bytes()
    pages = range(1, len(whole) // 4096)
    assert len(pages) > 50
    for page in pages:
        path.write_bytes(whole[: page * 4096] + bytes(4096) + whole[(page + 1) * 4096 :])
        assert [fault.code for fault in faults(path)] in (["pages"], ["schema"]), page


@pytest.mark.parametrize(
    ("script", "objects"),
    [
        ("DROP TRIGGER entry_stays", "- trigger entry_stays"),
        ("CREATE TABLE extra (x)", "+ table extra"),
        ("DROP INDEX posting_debit; CREATE INDEX posting_debit ON posting (debit)", "≠ index posting_debit"),
        ("PRAGMA user_version = 0", "user_version 0"),
    ],
)
def test_what_was_changed_in_the_schema_is_named(path, script, objects):
    sql(path, script)
    [fault] = faults(path)
    assert fault.values["objects"] == objects


def test_of_many_changes_the_first_are_named(path):
    sql(path, "".join(f"CREATE TABLE extra{number} (x);" for number in range(9)))
    [fault] = faults(path)
    assert str(fault.values["objects"]).count("+ table") == 5
    assert str(fault.values["objects"]).endswith("…")


def test_a_wal_that_was_left_is_a_note_and_nothing_is_lost(path):
    code = (
        "import os, sys; from pathlib import Path; from loancli.ledger.connect import open_ledger, writing\n"
        "db = open_ledger(Path(sys.argv[1]))\n"
        "with writing(db): db.execute(\"INSERT INTO setting VALUES ('kept', 'x')\")\n"
        "os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], env={"PYTHONPATH": str(CHECKOUT / "src")}, check=False)
    [fault] = faults(path)
    assert (fault.code, fault.is_note, fault.is_damage) == ("wal_left", True, False)
    with closing(open_ledger(path)) as db:
        assert db.execute("SELECT value FROM setting WHERE name = 'kept'").fetchone() == ("x",)


def test_a_ledger_that_is_gone_from_beside_its_wal_is_told(path):
    path.rename(path.with_name("books.db-wal"))
    [fault] = faults(path)
    assert (fault.code, fault.is_damage) == ("only_wal", True)


def test_a_second_name_is_a_note(path):
    os.link(path, path.with_name("second.db"))
    [fault] = faults(path)
    assert (fault.code, fault.is_note, fault.values["names"]) == ("links", True, 2)


def test_a_folder_is_no_ledger(tmp_path):
    [fault] = faults(tmp_path)
    assert fault.code == "no_file"


def test_every_fault_has_its_sentence():
    values = dict.fromkeys(
        ("ledger", "wal", "owner", "place", "bytes", "whole", "schema", "known", "detail", "objects"), 1
    )
    for lang in LANGS:
        for code in catalogue(lang)["health"]:
            assert say(f"health.{code}", lang, **values, names=2)
    assert {*DAMAGES, *OTHERS, "only_wal", "no_file", "unreadable", "wal_rights", "read_only", "wal_left", "links"} == (
        catalogue("en")["health"].keys()
    )


# Rights. Root may everything, so these run as nobody where the tests run as root.


@pytest.fixture
def shared(made):
    """A copy of the ledger in a folder that others may enter, and what a person without rights there finds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        path = Path(shutil.copy(made, folder / "books.db"))
        path.chmod(0o666)
        yield path
        folder.chmod(0o700)


def as_others(path: Path) -> list[str]:
    """What a process of another user finds: the faults, the number of loans, and whether it may write."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            told = [" ".join(fault.code for fault in faults(path))]
            try:
                with closing(open_ledger(path)) as db:
                    told.append(str(db.execute("SELECT count(*) FROM loan").fetchone()[0]))
                    db.execute("INSERT INTO setting VALUES ('by', 'others')")
                    told.append("written")
            except (sqlite3.OperationalError, PermissionError) as error:
                told.append(getattr(error, "sqlite_errorname", "not permitted"))
            os.write(theirs, "\n".join(told).encode())
        finally:
            os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        told = pipe.read()
    os.waitpid(pid, 0)
    return told.split("\n")


def test_who_may_write_finds_nothing(shared):
    assert as_others(shared) == ["", "1", "written"]


@pytest.mark.parametrize("place", ["folder", "file", "both"])
def test_what_cannot_be_written_can_be_read_and_nothing_is_left_beside_it(shared, place):
    if place != "folder":
        shared.chmod(0o444)
    if place != "file":
        shared.parent.chmod(0o555)
    assert as_others(shared) == ["read_only", "1", "SQLITE_READONLY"]
    assert [each.name for each in shared.parent.iterdir()] == ["books.db"]


def test_a_ledger_that_may_not_be_read_is_told(shared):
    shared.chmod(0)
    assert as_others(shared) == ["unreadable", "not permitted"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file that belongs to another")
def test_a_wal_of_another_user_is_told(shared):
    with closing(open_ledger(shared)) as db:
        db.execute("INSERT INTO setting VALUES ('in', 'the wal')")
        for suffix in ("-wal", "-shm"):
            Path(f"{shared}{suffix}").chmod(0o600)
        assert as_others(shared)[0].split() == ["wal_rights", "wal_left"]


def test_a_fault_is_a_value():
    assert Fault(code="empty") == Fault(code="empty", values={})
