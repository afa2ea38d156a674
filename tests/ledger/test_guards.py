"""The schema's guards (RELIABILITY §4.4): what they refuse us, and what is found after a foreign program."""

import shutil
import sqlite3
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
    close,
    dump,
    execute,
    faults,
    new_ledger,
    open_loan,
    paid,
    repayment,
    take,
    tampered,
)
from sizes import size

from loancli.core.entry import Entry, Leg
from loancli.jobs.prove import prove
from loancli.ledger import checks, health, journal
from loancli.ledger.connect import open_ledger

FEBRUARY = date(2026, 2, 5)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A ledger in which every guarded table has rows: payments placed and waiting, closed days, a later status."""
    folder = tmp_path_factory.mktemp("guards")
    db = new_ledger(folder, is_durable=False)
    open_loan(db)
    unsure = paid(OPENED_ON, 5_000, status="等待确认收货")
    take(db, alipay([unsure, paid(OPENED_ON, 7_000)]), borrower_id="B1")
    take(db, alipay([unsure._replace(status="交易成功")]), borrower_id="B1")
    take(db, alipay([repayment(FEBRUARY, 106_619, note="LN000001"), repayment(OPENED_ON, 300)]))
    close(db, FEBRUARY)
    assert faults(db) == []
    db.close()
    return folder / "books.db"


@pytest.fixture
def path(made, tmp_path) -> Path:
    return Path(shutil.copy(made, tmp_path / "books.db"))


GUARDED = ("event", "entry", "posting", "day", "terms", "loan", "plan_row", "file", "txn", "txn_status", "account")


@pytest.mark.parametrize("table", GUARDED)
def test_a_guarded_row_cannot_be_changed_deleted_or_replaced(path, table):
    db = open_ledger(path)
    before = dump(db)
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    assert before[table]
    attacks = [
        f"DELETE FROM {table}",
        *[f"UPDATE {table} SET {column} = {column}" for column in columns],
        *[f"UPDATE OR REPLACE {table} SET {column} = {column}" for column in columns[:2]],
        f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE true LIMIT 1",
        f"REPLACE INTO {table} SELECT * FROM {table} WHERE true LIMIT 1",
    ]
    for sql in attacks:
        with pytest.raises(sqlite3.IntegrityError):
            execute(db, sql)
        assert dump(db) == before, sql


ENTRY = (
    "INSERT INTO entry SELECT max(id) + {step}, '{key}', NULL, '{kind}', 'attack', '{value_on}', '{booked_on}',"
    " {reverses}, {last_leg}, {previous}, {sha} FROM entry"
)
HEAD = "(SELECT sha FROM entry ORDER BY id DESC LIMIT 1)"


def entry(**changes: object) -> str:
    plain = {
        "step": 1,
        "key": "attack",
        "kind": "attack",
        "value_on": "2026-02-06",
        "booked_on": "2026-02-06",
        "reverses": "NULL",
        "last_leg": 0,
        "previous": HEAD,
        "sha": "randomblob(32)",
    }
    return ENTRY.format(**plain | changes)


def leg(number: object = 0, *, debit: object = 1, credit: object = 4, fen: object = 100, of: str = "max(id)") -> str:
    return f"INSERT INTO posting SELECT {of}, {number}, {debit}, {credit}, {fen} FROM entry"


def event(
    *,
    step: int = 1,
    key: str = "attack",
    loan_id: str = "LN000001",
    effective_on: str = "2026-02-06",
    previous: str = "(SELECT sha FROM event ORDER BY id DESC LIMIT 1)",
) -> str:
    return (
        f"INSERT INTO event SELECT max(id) + {step}, '{key}', '{loan_id}', 'x', '{effective_on}', '', '', '', '{{}}',"
        f" {previous}, randomblob(32) FROM event"
    )


ATTACKS = {
    "an entry without legs": [entry()],
    "an entry with too few legs": [entry(last_leg=1), leg(0)],
    "a leg beyond the last": [entry(), leg(0), leg(1)],
    "legs out of order": [entry(last_leg=1), leg(1), leg(0)],
    "a leg twice": [entry(), leg(0), leg(0)],
    "a later leg on an old entry": [leg(1, of="1")],
    "a later leg on the newest entry": [leg(1)],
    "a negative amount": [entry(), leg(fen=-100)],
    "an amount of zero": [entry(), leg(fen=0)],
    "an amount beyond all money": [entry(), leg(fen=100_000_000_000_001)],
    "half a fen": [entry(), leg(fen=0.5)],
    "the same account on both sides": [entry(), leg(debit=1, credit=1)],
    "an unknown account": [entry(), leg(debit=99)],
    "a second reversal": [entry(kind="reversal", reverses="(SELECT reverses FROM entry WHERE reverses > 0)"), leg()],
    "a reversal of nothing": [entry(kind="reversal"), leg()],
    "a reversal of itself": [entry(kind="reversal", reverses="max(id) + 1"), leg()],
    "another kind that reverses": [entry(reverses=1), leg()],
    "an impossible value date": [entry(value_on="2026-02-30"), leg()],
    "an impossible booking date": [entry(booked_on="2026-13-01"), leg()],
    "a date that is none": [entry(value_on="2026-2-1"), leg()],
    "a repeated key": [entry(key="LN000001/disbursed:payout/LN000001/2026-01-05/1"), leg()],
    "an empty key": [entry(key=""), leg()],
    "a gap in the ids": [entry(step=2), leg()],
    "an id again": [entry(step=0), leg()],
    "a wrong previous hash": [entry(previous="randomblob(32)"), leg()],
    "a previous hash of long ago": [entry(previous="(SELECT sha FROM entry WHERE id = 1)"), leg()],
    "a hash too short": [entry(sha="randomblob(31)"), leg()],
    "an entry in a closed day": [entry(booked_on="2026-02-05"), leg()],
    "an entry before the open day": [entry(booked_on="2026-01-01"), leg()],
    "a loan that is none": [entry().replace("NULL, 'attack'", "'LN999999', 'attack'"), leg()],
    "a day twice": [
        "INSERT INTO day SELECT day, closed_at, actor, totals, entry_sha, event_sha, randomblob(32) FROM day"
    ],
    "a day left out": [
        "INSERT INTO day SELECT date(max(day), '+2 days'), '', '', '{}', x'', x'', randomblob(32) FROM day"
    ],
    "an event with a gap": [event(step=2)],
    "an event on another chain": [event(previous="zeroblob(32)")],
    "an event of an impossible day": [event(effective_on="2026-02-30")],
    "an event of no loan": [event(loan_id="LN999999")],
    "an event again": [event(key="payout/LN000001")],
    "an account more": ["INSERT OR REPLACE INTO account VALUES (1, 'clearing:alipay', 'income', 'stolen')"],
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_books_refuse(path, attack):
    db = open_ledger(path)
    before = dump(db)
    with pytest.raises(sqlite3.IntegrityError):
        execute(db, *ATTACKS[attack])
    assert dump(db) == before


GUARDLESS = {
    **ATTACKS,
    **{f"no rows of {table}": [f"DELETE FROM {table}"] for table in GUARDED},
    "a trigger dropped": ["DROP TRIGGER entry_stays"],
    "the schema written by hand": [
        "PRAGMA writable_schema = ON",
        "DELETE FROM sqlite_schema WHERE name = 'entry_stays'",
    ],
    "a leg that is replaced": ["INSERT OR REPLACE INTO posting VALUES (1, 0, 1, 4, 5)"],
    "checks switched off": ["PRAGMA ignore_check_constraints = ON", entry(), leg(fen=-100)],
}


@pytest.mark.parametrize("attack", GUARDLESS)
def test_a_program_that_keeps_no_setting_of_ours_is_refused_or_found(path, attack):
    with closing(sqlite3.connect(path, isolation_level=None)) as foreign:
        try:
            for sql in ("BEGIN", *GUARDLESS[attack], "COMMIT"):
                foreign.execute(sql)
        except sqlite3.IntegrityError:
            foreign.rollback()
            with closing(open_ledger(path)) as db:
                assert faults(db) == []
            return
    if not health.faults(path):
        with closing(open_ledger(path)) as db:
            assert faults(db)


def test_the_attacks_miss_by_their_fault_alone(path):
    db = open_ledger(path)
    execute(db, entry(last_leg=1), leg(0), leg(1))
    execute(db, event())
    assert [found for found in faults(db) if "entry chain" in found]  # not refused, but seen


def test_a_negative_amount_is_refused_even_where_checks_are_off(path):
    db = open_ledger(path)
    db.execute("PRAGMA ignore_check_constraints = ON")
    for sql in (
        "INSERT INTO posting VALUES (1, 0, 1, 4, -5)",
        "INSERT OR REPLACE INTO posting VALUES (1, 0, 1, 4, -5)",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            execute(db, sql)


CHANGES = {
    "event": ["effective_on = '2026-02-04'", "payload = '{}'", "payload = 'x'", "loan_id = 'y'", "kind = 'z'",
              "actor = 'x'", "recorded_at = 'x'", "batch = 'x'", "key = 'x'", "sha = randomblob(32)"],
    "entry": ["value_on = '2026-02-04'", "booked_on = '2026-02-04'", "loan_id = NULL", "cause = 'x'",
              "key = key || 'x'",
              "previous_sha = randomblob(32)"],
    "posting": ["amount_fen = amount_fen + 1", "debit = 3", "credit = 13"],
    "day": ["totals = '{}'", "closed_at = 'x'", "actor = 'x'", "entry_sha = x'00'", "event_sha = x'00'"],
    "loan": ["principal_fen = 1", "signed_on = '2026-01-01'", "maturity_number = 3", "product_code = 'x'"],
    "plan_row": ["principal_fen = principal_fen + 1", "due_on = '2026-12-31'", "interest_fen = 0", "fee_fen = 7",
                 "from_on = '2026-01-01'", "reason = 'x'"],
    "terms": ["json = json || ' '", "json = replace(json, '120000', '240000')"],
    "txn": ["amount_fen = 1", "occurred_at = '2026-01-06T00:00:00+08:00'", "direction = 'out'", "counterparty = 'x'",
            "revenue_class = 'sure'", "owner = 'x'", "note = 'x'", "file_id = 1", "file_id = 9"],
    "txn_status": ["status = 'x'", "status_class = 'closed'", "money_moved = 0",
                   "revenue_class = 'excluded'", "line = 9"],
    "file": ["name = 'x'", "from_on = '2025-01-01'", "new_count = 9", "actor = 'x'", "owner = 'x'", "warnings = '[1]'",
             "is_whole = 0", "to_on = '2026-12-31'"],
    "daily_revenue": ["amount_fen = amount_fen + 1", "row_count = 9", "revenue_class = 'possible'",
                      "day = '2026-01-06'"],
    "receipt": ["state = 'reversed'", "state = 'suspense'", "state = 'double'"],
    "receipt_part": ["loan_id = 'x'", "amount_fen = amount_fen - 1", "event_key = 'payout/LN000001'"],
    "position": ["principal_outstanding_fen = 5", "credit_fen = 1", "status = 'settled'", "next_moment_on = NULL",
                 "product_code = 'x'", "since_on = 'x'", "since_on = '9999-12-31'", "since_on = '2026-01-06'"],
    "turnover": ["debit_fen = debit_fen + 1", "credit_fen = credit_fen + 1", "day = '2026-01-04'",
                 "day_by = 'x'", "account = 14"],
    "instalment": ["paid_principal_fen = 0", "due_on = '2026-12-31'", "is_due = 0"],
    "account": ["code = code || ':x'"],
}  # fmt: skip


ONE = {
    "event": "id = 2",
    "entry": "loan_id <> ''",
    "posting": "entry_id = 2",
    "day": "day = '2026-01-20'",
    "plan_row": "number = 3",
    "file": "id = 2",
    "txn": "id = 4",
    "daily_revenue": "revenue_class = 'sure'",
    "receipt": "state = 'placed'",
    "instalment": "number = 1",
    "account": "code = 'loan:principal'",
    "turnover": "(day_by, account, day) = ('value', 4, '2026-01-05')",
}


@pytest.mark.parametrize(("table", "change"), [(table, change) for table in CHANGES for change in CHANGES[table]])
def test_a_changed_row_is_found(path, table, change):
    sql = f"UPDATE {table} SET {change} WHERE {ONE.get(table, 'true')}"
    db = tampered(path, f"PRAGMA ignore_check_constraints = ON; {sql}")
    assert faults(db)


GONE = {
    "event": "id = 2",
    "entry": "id = 3",
    "posting": "entry_id = 2",
    "day": "day = '2026-01-20'",
    "loan": "true",
    "plan_row": "number = 12",
    "terms": "true",
    "txn": "id = 4",
    "txn_status": "true",
    "file": "id = 1",
    "daily_revenue": "true",
    "receipt": "state = 'suspense'",
    "receipt_part": "true",
    "position": "true",
    "instalment": "number = 1",
    "turnover": "account = 4",
}


@pytest.mark.parametrize("table", GONE)
def test_a_missing_row_is_found(path, table):
    assert faults(tampered(path, f"DELETE FROM {table} WHERE {GONE[table]}"))


def test_a_missing_tail_of_the_journal_is_found(path):
    db = tampered(
        path,
        "DELETE FROM posting WHERE entry_id = (SELECT max(id) FROM entry);"
        "DELETE FROM entry WHERE id = (SELECT max(id) FROM entry)",
    )
    assert [found for found in faults(db) if "closed days" in found]


ADDED = {
    "a leg": "INSERT INTO posting VALUES (1, 1, 1, 4, 100)",
    "revenue": "INSERT INTO daily_revenue VALUES ('B1', '2026-01-07', 'alipay', 'sure', 100, 1, 0)",
    "what moved on a day": "INSERT INTO turnover VALUES ('booking', 1, '2026-01-07', 5, 5)",
    "a receipt": "INSERT INTO receipt VALUES (1, 'placed', '', '[]')",
    "a part of a receipt": "INSERT INTO receipt_part SELECT txn_id, 2, loan_id, 5, 'payout/LN000001' FROM receipt_part",
    "a statement row": "INSERT INTO txn SELECT 99, key || '!', owner, channel, line, occurred_at, amount_fen,"
    " direction, money_moved, external_id, merchant_order_id, counterparty, counterparty_account, kind, item, method,"
    " status, status_class, note, refund_of, revenue_class, revenue_rule, file_id, trade_id, fee_milli_fen"
    " FROM txn WHERE id = 1",
}


@pytest.mark.parametrize("what", ADDED)
def test_an_added_row_is_found(path, what):
    assert faults(tampered(path, ADDED[what]))


def test_a_journal_that_was_written_anew_with_right_links_does_not_fit_the_closed_days(path):
    # The foreign program knows how links are made: it gives one payment's entry another amount and renews the chain.
    db = sqlite3.connect(path, isolation_level=None)
    triggers = db.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    db.execute("UPDATE posting SET amount_fen = amount_fen + 1 WHERE entry_id = 1")
    previous = bytes(32)
    columns = "id, key, loan_id, kind, cause, value_on, booked_on, reverses, last_leg"
    for row in db.execute(f"SELECT {columns} FROM entry ORDER BY id").fetchall():
        legs = db.execute(
            "SELECT entry_id, leg, debit, credit, amount_fen FROM posting WHERE entry_id = ? ORDER BY leg", (row[0],)
        ).fetchall()
        sha = journal.chained(previous, *row, legs)
        db.execute("UPDATE entry SET previous_sha = ?, sha = ? WHERE id = ?", (previous, sha, row[0]))
        previous = sha
    for _, text in triggers:
        db.execute(text)
    db.close()
    db = open_ledger(path)
    questions = dict(checks.chain_failures(db))
    assert questions["the entry chain is whole"] == []
    assert questions["closed days are as they were closed"]


def test_an_entry_that_a_foreign_program_books_in_a_closed_day_is_found(path):
    db = sqlite3.connect(path, isolation_level=None)
    guard = db.execute("SELECT sql FROM sqlite_schema WHERE name = 'entry_is_booked_on_an_open_day'").fetchone()[0]
    db.execute("DROP TRIGGER entry_is_booked_on_an_open_day")
    leg = Leg(debit="clearing:bank", credit="income:fee", amount_fen=100)
    late = Entry(key="late", loan_id="", kind="late", cause="late", value_on=FEBRUARY, legs=(leg,))
    journal.book(db, [late], booked_on=FEBRUARY)
    db.execute(guard)
    db.close()
    db = open_ledger(path)
    assert faults(db) == ["nothing was booked in a day after it was closed: key late, booked_on 2026-02-05"]


UNREADABLE = {
    "no JSON": "UPDATE setting SET value = '{' WHERE name LIKE 'pairs%'",
    "no day": "UPDATE plan_row SET due_on = '2026-02-3x' WHERE number = 1",
    "no text": "UPDATE account SET code = CAST(x'6c6fb1' AS TEXT) WHERE id = 4",
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_value_that_cannot_be_read_is_an_answer_and_no_crash(path, what):
    assert faults(tampered(path, UNREADABLE[what]))


def test_an_account_that_has_another_name_or_side_is_found(path):
    db = tampered(
        path,
        "UPDATE account SET code = 'loan:principal_' WHERE code = 'loan:principal';"
        "UPDATE account SET kind = 'asset' WHERE code = 'suspense'",
    )
    found = {answer for question, answers in prove(db) if question.startswith("accounts are") for answer in answers}
    assert found == {"loan:principal", "loan:principal_", "suspense"}


DIGESTED = ("event", "entry", "posting", "day", "loan", "plan_row", "file", "txn", "txn_status", "position")


@given(place=st.integers(0, 2**32), bit=st.integers(0, 7))
@settings(max_examples=size(40, 5_000))
def test_no_flipped_bit_changes_what_is_under_a_digest_without_a_word(made, place, bit):
    content = made.read_bytes()
    at = place % len(content)
    with TemporaryDirectory() as name:
        path = Path(name) / "books.db"
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :])
        if health.faults(path):
            return
        with closing(open_ledger(path)) as db, closing(open_ledger(made)) as whole:
            if not faults(db):
                found, before = dump(db), dump(whole)
                assert [table for table in DIGESTED if found[table] != before[table]] == []


def test_the_first_broken_row_is_named(path):
    db = tampered(path, "UPDATE posting SET amount_fen = amount_fen + 1 WHERE entry_id IN (2, 5)")
    answers = dict(checks.chain_failures(db))["the entry chain is whole"]
    assert len(answers) == 1
    assert answers[0].startswith("entry 2 (")


def test_the_books_are_sound_to_begin_with(path):
    db = open_ledger(path)
    assert faults(db) == []
    assert checks.counts(db)["day"] == (FEBRUARY - OPENED_ON + DAY).days
