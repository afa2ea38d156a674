"""Many plans changed at once: applied as previewed or refused, finished after a stop, undone to what was before."""

import hashlib
from dataclasses import replace
from datetime import date

import pytest
from ledger_maker import DAY, OPENED_ON, close, dump, faults, new_ledger, open_loan, stamp
from terms import CALENDAR, SCHEDULES, product, revenue_product

from loancli.core.errors import NotFoundError
from loancli.jobs import adjust_batch
from loancli.jobs.adjust_batch import Wanted, apply, batch_of, preview, undo, undoing
from loancli.jobs.adjust_loan import Rules, adjust
from loancli.jobs.settle import gather
from loancli.ledger import journal
from loancli.ledger.connect import writing
from loancli.plan.ceilings import read_ceilings
from loancli.servicing.life import life

CEILINGS = read_ceilings(
    *((SCHEDULES / "policies" / name).read_text(encoding="utf-8") for name in ("ceilings.toml", "lpr.csv"))
)
RULES = Rules(calendar=CALENDAR, ceilings=CEILINGS, products={}, stamp=stamp(OPENED_ON))
COUNT = 7


@pytest.fixture
def db(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    for number in range(1, COUNT + 1):
        open_loan(db, loan_id=f"LN{number:06d}", terms=product(), principal_fen=1_200_000 + number)
    return db


def wanted(text="extend 3", loans=range(1, COUNT + 1)):
    return [Wanted(row=row, loan_id=f"LN{row:06d}", text=text, on=OPENED_ON) for row in loans]


def previewed(db, rows=None):
    """The rows as the file of a preview has them."""
    return [replace(done.wanted, fingerprint=done.fingerprint) for done in preview(db, rows or wanted(), RULES)]


def lengths(db):
    loan_ids = [f"LN{number:06d}" for number in range(1, COUNT + 1)]
    return [len(life(*known, OPENED_ON).instalments) for known in gather(db, loan_ids).values()]


def test_a_preview_writes_nothing_and_apply_does_what_it_said(db):
    before = dump(db)
    rows = previewed(db)
    assert dump(db) == before
    done = list(apply(db, rows, RULES))
    assert [each.fingerprint for each in done] == [each.fingerprint for each in rows]
    assert lengths(db) == [15] * COUNT
    assert faults(db) == []


WORDS = ("extend 3", "respread 5", "respread 1", "rate 6%", "defer 1", "breathe 1 interest", "reage 6")  # a loan each


@pytest.mark.parametrize("days", [0, 12, 31, 70])
def test_a_batch_leaves_the_books_that_the_same_changes_leave_one_by_one(tmp_path, days):
    on = OPENED_ON + days * DAY
    rules = replace(RULES, stamp=stamp(on))
    together, singly = (new_ledger(tmp_path, name=name, is_durable=False) for name in ("together.db", "singly.db"))
    for db in (together, singly):
        for number in range(1, COUNT + 1):
            open_loan(db, loan_id=f"LN{number:06d}", terms=product(), principal_fen=1_200_000 + number)
        if days:
            close(db, on - DAY)
    asked = [replace(each, text=text, on=on) for each, text in zip(wanted(), WORDS, strict=True)]
    rows = [replace(each.wanted, fingerprint=each.fingerprint) for each in preview(together, asked, rules)]
    rows = [each for each in rows if each.fingerprint]  # nothing may be overdue yet, to be spread anew
    assert len(rows) >= COUNT - 2
    assert not any(each.refusal for each in apply(together, rows, rules))
    for row in rows:
        with writing(singly):
            adjust(singly, row.loan_id, row.text, on, rules)
    books = [dump(db, without=("batch", "sha", "previous_sha")) for db in (together, singly)]
    assert books[0] == books[1]
    assert faults(together) == []
    assert not any(refusal for _, refusal in undo(together, batch_of(rows), stamp=stamp(on)))
    assert faults(together) == []


def test_a_loan_that_is_in_a_batch_twice_is_settled_with_both_changes(db):
    asked = [*wanted("rate 6%", [1]), *wanted("extend 3", [1])]
    rows = [replace(each.wanted, fingerprint=each.fingerprint) for each in preview(db, asked, RULES)]
    assert not any(each.refusal for each in apply(db, rows, RULES))
    assert faults(db) == []


def test_a_fingerprint_is_of_the_loan_the_day_and_all_that_the_event_says(db):
    (done,) = preview(db, wanted(loans=[3]), RULES)
    said = journal.canonical([done.wanted.loan_id, OPENED_ON.isoformat(), done.found.event.payload, 0])
    assert done.fingerprint == hashlib.sha256(said.encode()).hexdigest()[:16]


def test_the_same_batch_twice_does_nothing(db):
    rows = previewed(db)
    list(apply(db, rows, RULES))
    before = dump(db)
    assert all(each.is_there for each in apply(db, rows, RULES))
    assert dump(db) == before


def test_a_row_that_was_not_previewed_or_has_changed_since_is_refused_and_the_others_go_on(db):
    rows = previewed(db)
    with writing(db):
        adjust(db, "LN000002", "rate 6%", OPENED_ON, RULES)
    rows[4] = replace(rows[4], fingerprint="")
    refusals = {each.wanted.loan_id: each.refusal for each in apply(db, rows, RULES) if each.refusal}
    assert refusals == {
        "LN000002": "the loan, or this row, is not as it was previewed; preview it again",
        "LN000005": "it was not previewed; preview it again",
    }
    assert lengths(db) == [15, 12, 15, 15, 12, 15, 15]


def test_a_batch_that_was_stopped_between_chunks_is_finished_by_running_it_again(db, monkeypatch):
    monkeypatch.setattr(adjust_batch, "CHUNK", 2)
    rows = previewed(db)
    work = apply(db, rows, RULES)
    next(work)
    work.close()
    assert lengths(db) == [15, 15, 12, 12, 12, 12, 12]
    again = list(apply(db, rows, RULES))
    assert [each.is_there for each in again] == [True, True, False, False, False, False, False]
    assert lengths(db) == [15] * COUNT
    assert [row["events"] for row in journal.batches(db, "adjust/")] == [COUNT]


def test_undo_gives_every_loan_the_plan_it_had(db):
    loan_ids = [f"LN{number:06d}" for number in range(1, COUNT + 1)]
    before = [life(*known, date(2027, 6, 1)) for known in gather(db, loan_ids).values()]
    rows = previewed(db)
    list(apply(db, rows, RULES))
    close(db, OPENED_ON + 40 * DAY)
    assert [refusal for _, refusal in undo(db, batch_of(rows), stamp=stamp(OPENED_ON + 41 * DAY))] == [""] * COUNT
    assert [life(*known, date(2027, 6, 1)) for known in gather(db, loan_ids).values()] == before
    assert faults(db) == []
    assert list(undo(db, batch_of(rows), stamp=stamp(OPENED_ON + 41 * DAY))) == []


def test_undo_leaves_what_a_later_change_rests_on_and_says_so(db):
    rows = previewed(db)
    list(apply(db, rows, RULES))
    with writing(db):
        adjust(db, "LN000003", "rate 6%", OPENED_ON + DAY, replace(RULES, stamp=stamp(OPENED_ON + DAY)))
    told = {event.loan_id: refusal for event, refusal in undoing(db, batch_of(rows))}
    assert told["LN000003"] == f"'rate 6%' of {OPENED_ON + DAY} rests on it; void that first"
    assert {refusal for loan_id, refusal in told.items() if loan_id != "LN000003"} == {""}
    list(undo(db, batch_of(rows), stamp=stamp(OPENED_ON + DAY)))
    assert lengths(db) == [12, 12, 15, 12, 12, 12, 12]


def test_undo_leaves_a_plan_on_which_an_instalment_was_fixed(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=revenue_product(code="share"), principal_fen=1_200_000)
    rows = [replace(each.wanted, fingerprint=each.fingerprint) for each in preview(db, wanted(loans=[1]), RULES)]
    list(apply(db, rows, RULES))
    close(db, OPENED_ON + 40 * DAY)
    ((_, refusal),) = undoing(db, batch_of(rows))
    assert refusal == "instalment 1 was fixed on it; change the plan again instead"


def test_a_change_that_was_undone_is_made_again_after_another_preview(db):
    rows = previewed(db)
    list(apply(db, rows, RULES))
    list(undo(db, batch_of(rows), stamp=stamp(OPENED_ON)))
    assert lengths(db) == [12] * COUNT
    assert all("preview it again" in each.refusal for each in apply(db, rows, RULES))
    assert lengths(db) == [12] * COUNT
    assert not any(each.refusal or each.is_there for each in apply(db, previewed(db), RULES))
    assert lengths(db) == [15] * COUNT
    assert faults(db) == []


def test_what_is_due_is_waived_in_bulk_once_and_given_back_by_undo(db):
    late_on = OPENED_ON + 70 * DAY
    close(db, late_on - DAY)
    rules = replace(RULES, stamp=stamp(late_on))
    asked = [replace(each, text="waive penalty", on=late_on) for each in wanted()]
    owed = {each: life(*known, late_on).position for each, known in gather(db, [w.loan_id for w in asked]).items()}
    rows = [replace(done.wanted, fingerprint=done.fingerprint) for done in preview(db, asked, rules)]
    for done in apply(db, rows, rules):
        position = owed[done.wanted.loan_id]
        assert done.found.event.payload["amount_fen"] == position.penalty_accrued_fen + position.penalty_due_fen > 0
    left = [life(*known, late_on).position for known in gather(db, list(owed)).values()]
    assert {position.penalty_due_fen + position.penalty_accrued_fen for position in left} == {0}
    assert all(done.is_there for done in apply(db, rows, rules))
    assert faults(db) == []
    assert [refusal for _, refusal in undo(db, batch_of(rows), stamp=stamp(late_on))] == [""] * COUNT
    assert {each: life(*known, late_on).position for each, known in gather(db, list(owed)).items()} == owed
    assert faults(db) == []


def test_unknown_loans_and_wrong_words_are_refused_row_by_row(db):
    rows = [*wanted(loans=[1]), *wanted("grow 3", [2]), *wanted(loans=[99])]
    told = [each.refusal for each in preview(db, rows, RULES)]
    assert told[0] == ""
    assert told[1].startswith("'grow 3' is not a change")
    assert told[2] == "there is no loan 'LN000099'; see: loancli loan list"
    with pytest.raises(NotFoundError, match="there is no batch 'adjust/none'"):
        list(undoing(db, "adjust/none"))


def test_a_batch_is_named_by_what_it_says_in_any_order(db):
    rows = previewed(db)
    assert batch_of(rows) == batch_of(rows[::-1])
    assert batch_of(rows) != batch_of(rows[1:])
