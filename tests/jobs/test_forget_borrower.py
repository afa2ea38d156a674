"""A borrower who is forgotten: nothing of the person where no guard keeps it, the rest hidden, the books as before."""

import shutil
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from contact_maker import message, queue
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    borrower,
    close,
    dump,
    execute,
    faults,
    file_of,
    net_entries,
    new_ledger,
    open_loan,
    paid,
    repayment,
    sent_back,
    stamp,
    take,
)

from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.mask import HIDDEN
from loancli.jobs.classify import classify
from loancli.jobs.declare_revenue import Declaration, declare_revenue
from loancli.jobs.forget_borrower import forget
from loancli.ledger import borrowers, contacts, erasure, loans, receipts
from loancli.ledger.connect import Connection, open_ledger, trial, writing

DUE = date(2026, 2, 5)
TODAY = stamp(DUE + 9 * DAY, actor="clerk")
PHONE, ALIAS, HELD, PROMISED = "19977755533", "kanarie@example.com", "CANARY-HOLD", "CANARY-PROMISE"
NAME = "金丝雀"
WHY = "asked on 2026-02-13, letter 17"


def lend(db: Connection, loan_id: str, borrower_id: str) -> int:
    """A loan of one instalment; what it asks for."""
    open_loan(db, loan_id, borrower_id=borrower_id, periods=1)
    return loans.instalment_amounts(db)[loan_id][0]


@pytest.fixture(scope="module")
def kept(tmp_path_factory) -> Path:
    """B1, whose loan is paid by a payment in their name, with a hold, a promise and revenue; so B2; B3 has nothing."""
    folder = tmp_path_factory.mktemp("forget")
    made = new_ledger(folder, is_durable=False)
    with writing(made):
        person = borrower("B1", name=NAME, phone=PHONE, aliases=(ALIAS, "另名"))
        borrowers.add(made, [person, borrower("B2"), borrower("B3", name="路人丙", phone="19911100022")])
        of = {"from_on": OPENED_ON, "to_on": None, "actor": "clerk"}
        contacts.add_hold(made, borrower_id="B1", kind="hardship_review", note=HELD, **of)
        contacts.add_hold(made, borrower_id="B2", kind="hardship_review", note="of another", **of)
    for loan_id, borrower_id in (("LN000001", "B1"), ("LN000002", "B2")):
        due_fen = lend(made, loan_id, borrower_id)
        with writing(made):
            promise = {"made_on": OPENED_ON, "due_on": DUE, "amount_fen": due_fen, "actor": "clerk"}
            contacts.add_promise(
                made, loan_id=loan_id, borrower_id=borrower_id, note=PROMISED * (borrower_id == "B1"), **promise
            )
        party = NAME if borrower_id == "B1" else "借款人B2"
        take(made, alipay([repayment(DUE, due_fen, party=party)]), name=f"{loan_id}.csv")
    take(made, alipay([paid(OPENED_ON, 7_000, party="顾客甲", note="面一碗")]), borrower_id="B1", name="revenue.csv")
    close(made, DUE + DAY)
    assert [row[0] for row in made.execute("SELECT status FROM position ORDER BY loan_id")] == ["settled", "settled"]
    made.close()
    return folder / "books.db"


@pytest.fixture
def db(kept, tmp_path) -> Connection:
    made = open_ledger(Path(shutil.copy(kept, tmp_path / "books.db")))
    made.execute("PRAGMA synchronous = 0")
    return made


def forgotten(db: Connection, borrower_id: str = "B1", *, reason: str = WHY):
    with writing(db):
        return forget(db, borrower_id, reason=reason, stamp=TODAY)


def test_the_person_is_gone_and_the_books_are_as_before(db):
    before, entries = dump(db), net_entries(db, with_day=True)
    found = forgotten(db)
    assert found.is_new
    assert found.erased == {
        "name": 1, "phone": 1, "aliases": 2, "hold_notes": 1, "promise_notes": 1, "queued_messages": 0
    }  # fmt: skip
    assert found.kept == {"payments": 1, "statement_rows": 1, "messages": 0}
    person = borrowers.one(db, "B1")
    assert (person.is_forgotten, person.name, person.phone, person.aliases) == (True, "", "", ())
    after = dump(db)
    changed = {table for table in before if after[table] != before[table]}
    assert changed == {"borrower", "alias", "hold", "promise", "file"}  # of files there is one more: the record
    assert net_entries(db, with_day=True) == entries
    assert faults(db) == []
    assert borrowers.one(db, "B2").name == "借款人B2"
    assert [hold["note"] for hold in contacts.holds(db)] == ["", "of another"]


def test_no_byte_of_what_was_erased_is_left_in_the_files(db, tmp_path):
    """The name stands in what the bank told of the payment, which is kept; the rest must not be found at all."""
    path = file_of(db)
    erased = [word.encode() for word in (PHONE, ALIAS, "另名", HELD, PROMISED)]
    assert all(word in path.read_bytes() for word in erased)
    forgotten(db)
    assert erasure.wipe(db)
    found = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert [word for word in erased if word in found] == []
    assert found.count(NAME.encode()) == 1
    assert faults(db) == []


def test_what_was_let_go_before_is_gone_as_well(db, tmp_path):
    """A name that was put right once lies in the free space of a page until the file is written anew."""
    db.execute("PRAGMA secure_delete = OFF")
    execute(db, "INSERT INTO alias VALUES ('B1', 'CANARY-ALIAS')")
    execute(db, "DELETE FROM alias WHERE alias = 'CANARY-ALIAS'")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert b"CANARY-ALIAS" in file_of(db).read_bytes()
    forgotten(db)
    erasure.wipe(db)
    assert b"CANARY-ALIAS" not in b"".join(each.read_bytes() for each in tmp_path.iterdir())


def test_a_borrower_without_loans_leaves_nothing_but_the_number(db, tmp_path):
    with writing(db):
        forget(db, "B3", reason=WHY, stamp=TODAY)
    erasure.wipe(db)
    found = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert "路人丙".encode() not in found
    assert b"19911100022" not in found
    assert faults(db) == []


def test_traces_are_told_where_another_reads(db):
    forgotten(db)
    with closing(open_ledger(file_of(db))) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM txn").fetchone()
        db.execute("PRAGMA busy_timeout = 20")
        assert not erasure.wipe(db)
        reader.rollback()
    assert erasure.wipe(db)


def test_who_erased_what_when_and_why_is_on_record_under_a_digest(db):
    forgotten(db)
    record = erasure.record_of(db, "B1")
    assert (record["by"], record["reason"], record["at"][:10]) == ("clerk", WHY, "2026-02-14")
    assert record["erased"]["aliases"] == 2
    assert erasure.record_of(db, "B2") is None
    assert not any(word in str(record) for word in (NAME, PHONE, ALIAS, HELD))
    db.execute("DROP TRIGGER file_is_final")
    execute(db, f"UPDATE file SET actor = 'nobody' WHERE format = '{erasure.RECORD}'")
    assert [each for each in faults(db) if "forgotten" in each and "not what was written" in each]


def test_a_second_time_nothing_more_is_written(db):
    forgotten(db)
    before = dump(db)
    found = forgotten(db, reason="again")
    assert (found.is_new, found.erased, found.kept["payments"]) == (False, {}, 1)
    assert dump(db) == before


def test_a_trial_tells_the_same_and_leaves_everything(db):
    before = dump(db)
    with trial(db):
        found = forget(db, "B1", reason=WHY, stamp=TODAY)
    assert dump(db) == before
    assert forgotten(db) == found


def test_nobody_is_forgotten_who_is_not_there(db):
    with pytest.raises(NotFoundError, match="no borrower 'B9'"):
        forgotten(db, "B9")


# While anything is open


def refused(db: Connection, match: str) -> None:
    before = dump(db)
    with pytest.raises(RefusedError, match=match):
        forgotten(db)
    assert dump(db) == before


def test_an_open_loan_keeps_the_person_known(db):
    open_loan(db, "LN000003", borrower_id="B1", start_on=DUE)
    refused(db, "loan LN000003 of borrower B1 is active")


def test_a_payment_that_bounces_opens_the_loan_again(db):
    [row] = receipts.listing(db, loan_id="LN000001")
    bounced = repayment(DUE, row["amount_fen"], row["external_id"], party=NAME)
    take(db, alipay([bounced, sent_back(bounced, DUE + 2 * DAY)]), name="bounced.csv")
    refused(db, "loan LN000001 of borrower B1 is active")


def test_money_of_the_borrower_that_is_held_is_paid_back_first(db):
    take(db, alipay([repayment(DUE + DAY, 400, note="LN000001")]), name="more.csv")
    refused(db, "loan LN000001 holds 4.00 of the borrower's money")


@pytest.mark.parametrize(
    "changes", [{"party": NAME}, {"account": ALIAS, "party": "某人"}, {"party": "某人", "note": "LN000001 LN000002"}]
)
def test_money_that_waits_and_may_be_theirs_is_placed_first(db, changes):
    take(db, alipay([repayment(DUE + DAY, 123, **changes)]), name="waits.csv")
    refused(db, r"payment \d+ \(1.23\) waits for a person")


def test_money_of_others_that_waits_does_not_matter(db):
    take(db, alipay([repayment(DUE + DAY, 123, party="某人")]), name="waits.csv")
    assert forgotten(db).is_new


@pytest.mark.parametrize("kind", ["complaint_open", "dispute", "legal", "lawyer_represents"])
def test_a_matter_that_is_open_keeps_its_evidence(db, kind):
    with writing(db):
        hold = contacts.add_hold(db, borrower_id="B1", kind=kind, note="", from_on=DUE, to_on=None, actor="clerk")
    refused(db, rf"hold {hold} \({kind}\) is open.*hold lift {hold}")
    with writing(db):
        contacts.lift_hold(db, hold, on=TODAY.on, told="over")
    assert forgotten(db).is_new


# What stays is hidden


def test_a_payment_of_theirs_tells_no_name_any_more(db):
    def shown(loan_id):
        return [(row["counterparty"], row["item"]) for row in receipts.listing(db, loan_id=loan_id)]

    assert shown("LN000001") == [(NAME, "转账")]
    forgotten(db)
    assert shown("LN000001") == [(HIDDEN, HIDDEN)]
    assert shown("LN000002") == [("借款人B2", "转账")]


def test_the_same_money_in_another_export_is_hidden_too(db):
    [row] = receipts.listing(db, loan_id="LN000001")
    execute(
        db,
        f"INSERT INTO ruling SELECT id, 'same_money', NULL, {row['payment_id']} FROM txn WHERE owner = 'B1'",
    )
    forgotten(db)
    theirs = {row["payment_id"], *(each[0] for each in db.execute("SELECT id FROM txn WHERE owner = 'B1'"))}
    assert erasure.hidden_payments(db) == theirs


def test_messages_tell_no_number_and_no_text_any_more_and_those_queued_do_not_leave(db):
    queue(db, [message(1, DUE, due_on=DUE), message(2, DUE, due_on=DUE, borrower=2)])
    assert [row["phone"] for row in contacts.messages(db)] != [HIDDEN, HIDDEN]
    found = forgotten(db)
    assert (found.erased["queued_messages"], found.kept["messages"]) == (1, 1)
    assert found.contacts_kept_until == DUE.replace(year=DUE.year + 5)
    first, second = contacts.messages(db)
    assert (first["phone"], first["text"], first["state"]) == (HIDDEN, HIDDEN, "cancelled")
    assert HIDDEN not in second["text"]
    assert second["state"] == "queued"


# And nothing new comes in


def test_nothing_is_added_to_a_number_that_was_forgotten(db):
    forgotten(db)
    declared = Declaration(
        borrower_id="B1", amount_fen=1, from_on=DUE, to_on=DUE, evidence="x", revenue_class="possible"
    )
    [row] = [each[0] for each in db.execute("SELECT id FROM txn WHERE owner = 'B1'")]
    for act in (
        lambda: open_loan(db, "LN000009", borrower_id="B1", start_on=DUE),
        lambda: take(db, alipay([paid(DUE, 1)]), borrower_id="B1", name="new.csv"),
        lambda: declare_revenue(db, declared, stamp=TODAY, as_of=DUE),
        lambda: classify(db, "B1", [row], "excluded", why="x", stamp=TODAY),
        lambda: borrowers.add(db, [borrower("B1", name=NAME, phone=PHONE)]),
    ):
        before = dump(db)
        with pytest.raises(RefusedError, match="borrower B1 was forgotten"):
            act()
        assert dump(db) == before


def test_money_that_comes_later_waits_for_a_person(db):
    forgotten(db)
    take(db, alipay([repayment(DUE + DAY, 123, party=NAME), repayment(DUE + DAY, 321, party="")]), name="late.csv")
    assert [row["state"] for row in receipts.listing(db)] == ["placed", "placed", "suspense", "suspense"]
    assert faults(db) == []
