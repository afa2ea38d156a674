"""Backup, restore, doctor and forget as people type them: what they say, in both languages, and what they leave."""

import csv
import io
import json
import shutil
import sqlite3
from contextlib import closing

import pytest


@pytest.fixture
def old(desk):
    """A desk whose ledger's end is missing, with a backup of it."""
    desk.done("ledger", "backup", "kept.db")
    with desk.ledger.open("r+b") as file:
        file.truncate(100_000)
    return desk


# backup and restore


def test_a_backup_is_told_with_the_ends_of_its_chains(desk):
    told = desk.done("ledger", "backup", "kept.db", "--format", "json")
    found = told.json()
    assert (found["file"], found["loans"] > 5, found["open_on"]) == ("kept.db", True, "2026-03-01")
    assert {len(found[name]) for name in found if name.endswith("_sha")} == {64}
    assert told.err == f"kept.db: a whole and proved copy of {desk.ledger}\n"
    assert (desk.folder / "kept.db").stat().st_mode & 0o077 == 0
    again = desk.done("--lang", "zh", "ledger", "backup", "kept.db", "--replace", "--format", "csv")
    [row] = csv.DictReader(io.StringIO(again.out))
    assert row["entry_sha"] == found["entry_sha"]
    assert again.err == f"kept.db：{desk.ledger} 的完整副本，已核验\n"
    assert desk.run("--ledger", "kept.db", "loan", "list").out == desk.run("loan", "list").out


def test_a_backup_that_is_tried_leaves_nothing(desk):
    with desk.unchanged():
        told = desk.done("ledger", "backup", "kept.db", "--dry-run")
    assert "nothing was written" in told.err


def test_what_a_backup_may_not_do_is_told_with_what_to_do(desk):
    desk.done("ledger", "backup", "kept.db")
    (desk.folder / "notes.txt").write_text("mine")
    with desk.unchanged():
        for words, says in (
            (("kept.db",), "kept.db: exists already; choose another name, or write over an older backup"),
            ((desk.ledger,), f"{desk.ledger}: is the ledger itself"),
            (("notes.txt", "--replace"), "notes.txt: is not an earlier backup of this ledger"),
            (("nowhere/kept.db",), "nowhere/kept.db: there is no folder nowhere"),
        ):
            told = desk.run("ledger", "backup", *words)
            assert (told.code, told.out) == (3, "")
            assert told.err.startswith(f"error: {says}")


def test_a_damaged_ledger_is_told_and_restored_and_kept(old):
    before = old.ledger.read_bytes()
    with old.unchanged():
        told = old.run("loan", "list")
    assert told.code == 6
    assert f"loancli --ledger {old.ledger} doctor" in told.err
    drill = old.done("ledger", "restore", "kept.db", "--dry-run", "--format", "json")
    assert drill.json()["kept_aside"] is None
    assert old.ledger.read_bytes() == before
    told = old.done("ledger", "restore", "kept.db", "--format", "json")
    aside = old.folder / "books.db.damaged-20260301T100000"
    assert told.json()["kept_aside"] == str(aside)
    assert aside.read_bytes() == before
    assert "its open day is 2026-03-01: import and close again what came after" in told.err
    assert checked(old)[:2] == (0, "ok")
    with old.unchanged():
        told = old.run("ledger", "restore", "kept.db")
    assert told.code == 3
    assert "is sound, and stays as it is" in told.err
    zh = old.done("--lang", "zh", "--ledger", "other.db", "ledger", "restore", "kept.db")
    assert zh.err.startswith("other.db：已由 kept.db 恢复并核验")


@pytest.mark.parametrize("how", ["foreign", "newer", "text", "cut", "schema", "in use"])
def test_a_file_that_is_no_backup_is_refused_with_a_sentence(desk, how):
    file = desk.folder / "kept.db"
    shutil.copy(desk.ledger, file)
    with closing(sqlite3.connect(file)) as db:
        changes = {"foreign": "PRAGMA application_id = 1", "newer": "PRAGMA user_version = 99"}
        db.execute({**changes, "schema": "DROP VIEW coverage"}.get(how, "SELECT 1"))
    if how == "text":
        file.write_text("notes", encoding="utf-8")
    elif how == "cut":
        file.write_bytes(file.read_bytes()[:5000])
    elif how == "in use":
        (desk.folder / "kept.db-journal").write_bytes(b"")
    says = {
        "foreign": "SQLite file of another program",
        "newer": "written by a newer loancli (schema 99",
        "text": "is no SQLite file",
        "cut": "its end is missing (5000 of",
        "schema": "another program changed the schema (- view coverage)",
        "in use": "a ledger in use and no backup",
    }
    files = desk.files()
    told = desk.run("--ledger", "new.db", "ledger", "restore", "kept.db")
    assert (told.code, told.out) == (3, "")
    assert told.err.startswith("error: kept.db: ")
    assert says[how] in told.err
    assert desk.files() == files


def test_what_is_refused_is_told_in_chinese(desk):
    assert desk.run("ledger", "restore", "none.db", lang="zh").err == "错误：none.db：没有这个文件\n"
    desk.done("ledger", "backup", "kept.db")
    told = desk.run("ledger", "backup", "kept.db", lang="zh")
    assert told.err == "错误：kept.db：文件已存在；请换一个名称，或用 --replace 覆盖同一账本较早的备份\n"
    told = desk.run("ledger", "restore", "kept.db", lang="zh")
    assert told.err.startswith(f"错误：{desk.ledger}：完好无损，保持不动")


# doctor


def checked(desk, lang="en"):
    told = desk.run("doctor", "--format", "json", lang=lang)
    found = {row["check"]: (row["state"], row["detail"]) for row in json.loads(told.out)}
    return told.code, *found["ledger"]


DAMAGES = {
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:9_000]), "en", "its end is missing (9000 of"),
    "text": (lambda path: path.write_bytes(b"notes"), "zh", "不是 SQLite 文件"),
    "empty": (lambda path: path.write_bytes(b""), "en", "is empty"),
    "gone": (lambda path: path.rename(f"{path}-wal"), "zh", "账本不见了"),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_doctor_says_what_is_wrong_with_the_ledger_and_what_to_do(desk, how):
    desk.done("ledger", "backup", "kept.db")
    damage, lang, says = DAMAGES[how]
    damage(desk.ledger)
    code, state, detail = checked(desk, lang)
    assert (code, state) == (78, "bad")
    assert says in detail
    assert f"loancli --ledger {desk.ledger} ledger restore" in detail
    desk.done("ledger", "restore", "kept.db")


def test_doctor_names_what_another_program_changed(desk):
    with closing(sqlite3.connect(desk.ledger)) as db:
        db.execute("DROP TRIGGER event_stays")
    with desk.unchanged():
        code, state, detail = checked(desk)
    assert (code, state) == (78, "bad")
    assert "another program changed the schema (- trigger event_stays)" in detail


def test_doctor_finds_a_page_that_no_command_has_read_yet(desk):
    with closing(sqlite3.connect(desk.ledger)) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'refusal'").fetchone()[0]
    with desk.ledger.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\x55" * 4096)
    assert desk.run("loan", "list").code == 0
    code, state, detail = checked(desk)
    assert (code, state) == (78, "bad")
    assert f"the file is damaged (Page {page}: " in detail
    told = desk.run("ledger", "backup", "kept.db")
    assert told.code == 6
    assert "is damaged" in told.err


def test_doctor_notes_a_second_name(desk):
    (desk.folder / "second.db").hardlink_to(desk.ledger)
    assert checked(desk)[:2] == (0, "note")


# forget


def test_a_borrower_is_forgotten_with_a_reason_and_a_list(desk):
    name, phone, alias = "金丝雀", "19977755533", "kanarie@example.com"
    desk.done("borrower", "add", "B0099", "--name", name, "--phone", phone, "--alias", alias)
    words = ("borrower", "forget", "B0099", "--reason", "letter 17")
    with desk.unchanged():
        tried = desk.done(*words, "--dry-run", "--format", "json")
    told = desk.done(*words, "--format", "json")
    assert told.json() == tried.json()
    assert [(row["data"], row["count"], row["outcome"]) for row in told.json()] == [
        (name, 1, "erased") for name in ("name", "phone", "aliases")
    ]
    assert "backups, exports and files for the SMS vendor made before still name the person" in told.err
    data = desk.ledger.read_bytes()
    assert not any(word.encode() in data for word in (name, phone, alias))
    shown = desk.run("borrower", "show", "B0099", "--unmask", "--format", "json").json()
    assert (shown["name"], shown["phone"], shown["aliases"], shown["files"]) == (None, "", [], 0)
    assert (shown["forgotten_by"], shown["forgotten_reason"]) == ("analyst", "letter 17")
    assert shown["forgotten_at"].startswith("2026-03-01T")
    with desk.unchanged():
        again = desk.done(*words)
        assert "was forgotten before" in again.err
        told = desk.run("loan", "open", "--borrower", "B0099", "--product", "equal-instalments", "--principal", "9000")
    assert (told.code, "was forgotten" in told.err) == (3, True)
    desk.done("ledger", "check")


def test_the_list_is_in_words_for_people(desk):
    desk.done("borrower", "add", "B0099", "--name", "金丝雀")
    lines = desk.done("--lang", "zh", "borrower", "forget", "B0099", "--reason", "来信").out.splitlines()
    assert lines[0].split("\t") == ["data", "count", "outcome", "until_on", "why"]
    assert len(lines) == 2
    assert lines[1].split("\t") == ["姓名", "1", "已删除", "", "账目不需要"]


def test_nobody_is_forgotten_without_a_reason_or_with_a_loan(desk):
    with desk.unchanged():
        assert desk.run("borrower", "forget", "B0001").code == 2
        told = desk.run("borrower", "forget", "B0001", "--reason", " ")
        assert (told.code, "--reason: say why" in told.err) == (2, True)
        told = desk.run("borrower", "forget", "B0001", "--reason", "asked")
        assert (told.code, told.out) == (3, "")
        assert "a borrower is forgotten when nothing is open any more" in told.err
        assert desk.run("borrower", "forget", "nobody", "--reason", "asked").code == 4


# who decided, and why


def test_a_person_who_places_money_or_lifts_a_hold_may_say_why(desk):
    [waiting, *_] = desk.run("payment", "unmatched", "--format", "json").json()
    desk.done("payment", "match", waiting["payment_id"], "LN000001", "--reason", "phoned the payer")
    [row] = [
        row
        for row in desk.run("payment", "list", "--loan", "LN000001", "--format", "json").json()
        if row["payment_id"] == waiting["payment_id"]
    ]
    assert row["reason"] == "by analyst: phoned the payer"
    with closing(sqlite3.connect(desk.ledger)) as db:
        [event] = db.execute("SELECT actor, payload FROM event ORDER BY id DESC LIMIT 1").fetchall()
    assert (event[0], json.loads(event[1])["reason"]) == ("analyst", "phoned the payer")
    [hold] = desk.run("hold", "list", "--format", "json").json()
    desk.done("--actor", "chief", "hold", "lift", hold["hold_id"], "--reason", "settled by mail")
    [lifted] = desk.run("hold", "list", "--all", "--format", "json").json()
    assert lifted["note"] == "wrong amount; lifted by chief because settled by mail"
    desk.done("ledger", "check")
