"""An event of a loan is recorded once, shown before it is booked, and told late it changes no closed day."""

from dataclasses import replace
from datetime import date

import pytest
from ledger_maker import (
    DAY,
    OPENED_ON,
    alipay,
    balance,
    close,
    dump,
    faults,
    net_entries,
    new_ledger,
    open_loan,
    outstanding,
    repayment,
    stamp,
    take,
    take_back,
    tell,
)
from terms import AGEING

from loancli.core.errors import NotFoundError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.jobs.list_loans import loans_on
from loancli.jobs.record_event import work_out
from loancli.ledger import journal, portfolio
from loancli.ledger.connect import trial
from loancli.ledger.loan_list import Wanted

LOAN = "LN000001"
LATE = date(2026, 4, 20)  # two instalments are overdue


@pytest.fixture
def books(tmp_path):
    """A loan of 12,000.00 of which nothing was paid, closed up to the day before LATE."""
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db)
    close(db, LATE - DAY)
    yield db
    db.close()


def event(kind: EventKind, on: date, key: str = "e1", **payload) -> Event:
    return Event(key=key, loan_id=LOAN, kind=kind, effective_on=on, payload=payload, actor="test")


def fee(on: date, amount_fen: int = 5_000, key: str = "e1") -> Event:
    return event(EventKind.FEE_CHARGED, on, key, amount_fen=amount_fen, name="court")


def waiver(on: date, amount_fen: int, key: str = "w1", part: str = "penalty") -> Event:
    return event(EventKind.AMOUNT_WAIVED, on, key, amount_fen=amount_fen, part=part, reason="flood")


def lost(on: date) -> Event:
    return event(EventKind.WRITTEN_OFF, on, "lost", reason="closed")


def pay(db, on: date, amount_fen: int):
    row = repayment(on, amount_fen, note=LOAN)
    take(db, alipay([row]))
    return row


def booked_on_closed_days(db):
    return db.execute("SELECT * FROM entry WHERE booked_on < ? ORDER BY id", (LATE.isoformat(),)).fetchall()


def test_an_event_is_recorded_once_however_often_it_is_told(books):
    assert tell(books, fee(LATE), today=LATE) is not None
    before = dump(books)
    assert tell(books, fee(LATE), today=LATE) is None
    assert dump(books) == before
    assert faults(books) == []


def test_the_same_key_with_other_content_is_refused(books):
    tell(books, fee(LATE), today=LATE)
    before = dump(books)
    with pytest.raises(RefusedError, match="recorded already, with other content"):
        tell(books, fee(LATE, 6_000), today=LATE)
    assert dump(books) == before


@pytest.mark.parametrize("on", [LATE, LATE - 20 * DAY, date(2026, 2, 5)])
@pytest.mark.parametrize("kind", ["fee", "waiver", "pause", "lost"])
def test_what_was_shown_is_what_is_booked_and_closed_days_stay(books, kind, on):
    new = {
        "fee": fee(on),
        "waiver": waiver(on, 1, part="interest"),
        "pause": event(EventKind.INTEREST_PAUSED, on - 9 * DAY, to_on=on.isoformat(), reason="flood"),
        "lost": lost(on),
    }[kind]
    with trial(books):
        shown = work_out(books, new, stamp=stamp(LATE))
    days = booked_on_closed_days(books)
    closed = books.execute("SELECT * FROM day").fetchall()
    count = books.execute("SELECT count(*) FROM entry").fetchone()[0]

    tell(books, new, today=LATE)

    assert booked_on_closed_days(books) == days
    assert books.execute("SELECT * FROM day").fetchall() == closed
    entries = [entry for entry, _ in journal.entries_of(books, [LOAN])[LOAN]]
    new_count = books.execute("SELECT count(*) FROM entry").fetchone()[0] - count
    assert tuple(entries[len(entries) - new_count :]) == shown.entries
    assert [row["principal_outstanding_fen"] for row in loans_on(books, LATE, Wanted(), AGEING)[0]] == [
        shown.after.position.principal_outstanding_fen
    ]
    assert faults(books) == []


def test_told_late_it_books_what_it_would_have_in_time(tmp_path):
    in_time, late = (new_ledger(tmp_path, name=f"{name}.db", is_durable=False) for name in ("in_time", "late"))
    news = [waiver(date(2026, 3, 10), 100, part="interest"), fee(date(2026, 3, 10)), lost(date(2026, 4, 1))]
    for db in (in_time, late):
        open_loan(db)
    for new in news:
        close(in_time, new.effective_on - DAY)
        tell(in_time, new, today=new.effective_on)
    close(late, LATE - DAY)
    for new in reversed(news[:2]):
        tell(late, new, today=LATE)
    tell(late, news[2], today=LATE)
    for db in (in_time, late):
        close(db, LATE + 5 * DAY)
        assert faults(db) == []
    lines = [{key: fen for key, fen in net_entries(db).items() if "accrual" not in key[1]} for db in (in_time, late)]
    assert lines[0] == lines[1]


def test_a_correction_names_the_event_that_it_is_made_for(books):
    pay(books, LATE - 5 * DAY, 30_000)
    before = books.execute("SELECT max(id) FROM entry").fetchone()[0]
    pay(books, LATE - 15 * DAY, 20_000)  # pays the interest that the other one paid until now
    late = journal.events_of(books, [LOAN])[LOAN][-1]
    corrected = books.execute("SELECT key FROM entry WHERE id > ? AND reverses IS NOT NULL", (before,)).fetchall()
    assert corrected
    assert {key.partition("~")[2] for (key,) in corrected} == {late.key}
    assert faults(books) == []


def test_of_two_late_payments_of_one_file_each_correction_names_the_one_before_its_day(books):
    pay(books, LATE - 10 * DAY, 30_000)
    pay(books, LATE - 2 * DAY, 30_000)
    before = books.execute("SELECT max(id) FROM entry").fetchone()[0]
    first, second = (repayment(LATE - ago * DAY, 20_000, note=LOAN) for ago in (15, 5))
    take(books, alipay([first, second]))
    late = {event.effective_on: event.key for event in journal.events_of(books, [LOAN])[LOAN][-2:]}
    assert sorted(late) == [LATE - 15 * DAY, LATE - 5 * DAY]
    corrected = books.execute(
        "SELECT value_on, key FROM entry WHERE id > ? AND reverses IS NOT NULL ORDER BY value_on", (before,)
    ).fetchall()
    assert [(value_on, key.partition("~")[2]) for value_on, key in corrected] == [
        ((LATE - 10 * DAY).isoformat(), late[LATE - 15 * DAY]),
        ((LATE - 2 * DAY).isoformat(), late[LATE - 5 * DAY]),
    ]
    assert faults(books) == []


def test_a_void_restores_the_books_and_a_void_of_it_the_event(books):
    before = net_entries(books)
    tell(books, lost(LATE), today=LATE)
    assert balance(books, "loan:principal") == 0
    assert portfolio.feature_rows(books, LATE, due_min_fen=1) == []  # nobody is asked to pay what is written off
    after = net_entries(books)
    void = take_back(books, LOAN, "lost", today=LATE)
    assert net_entries(books) == before
    assert outstanding(books) == 1_200_000
    take_back(books, LOAN, void.events[0].key, today=LATE)
    assert net_entries(books) == after
    assert faults(books) == []


def test_what_was_voided_is_recorded_anew_under_another_key(books):
    tell(books, fee(LATE), today=LATE)
    take_back(books, LOAN, "e1", today=LATE)
    again = tell(books, fee(LATE), today=LATE)
    assert again.events[0].key == "e1#2"
    assert tell(books, fee(LATE), today=LATE) is None
    assert [each.amount_fen for each in again.after.movements if each.cause.startswith("charged")] == []
    assert again.after.position.next_due_fen == again.before.position.next_due_fen + 5_000


def test_a_key_of_another_loan_is_refused(books):
    tell(books, fee(LATE), today=LATE)
    open_loan(books, "LN000002", start_on=LATE)
    with pytest.raises(RefusedError, match="recorded already, of another loan"):
        tell(books, replace(fee(LATE), loan_id="LN000002"), today=LATE)


def test_a_payment_of_an_export_recovers_what_is_written_off(books):
    tell(books, lost(LATE), today=LATE)
    pay(books, LATE, 100_000)  # of the day itself: it comes before the write-off
    assert balance(books, "income:recovered") == 0
    pay(books, LATE + DAY, 70_000)
    close(books, LATE + DAY)
    assert balance(books, "income:recovered") == -70_000
    assert faults(books) == []


def test_a_payment_before_the_payout_waits_as_credit_for_the_first_instalment(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, start_on=OPENED_ON + 5 * DAY)  # signed for a day to come
    close(db, OPENED_ON)
    row = repayment(OPENED_ON, 50_000, note=LOAN)
    take(db, alipay([row]))
    assert balance(db, "suspense") == -50_000  # the loan is not there yet: a person decides
    assert faults(db) == []


def test_an_unknown_loan_or_event_is_not_found(books):
    stranger = Event(
        key="x", loan_id="LN9", kind=EventKind.WRITTEN_OFF, effective_on=LATE, payload={"reason": "x"}, actor="test"
    )
    with pytest.raises(NotFoundError, match="LN9"):
        tell(books, stranger, today=LATE)
    with pytest.raises(NotFoundError, match="no event 'x'"):
        take_back(books, LOAN, "x", today=LATE)
    pay(books, LATE, 100)
    [key] = [key for (key,) in books.execute("SELECT key FROM event WHERE kind = 'payment_received'")]
    with pytest.raises(RefusedError, match="payment export"):
        take_back(books, LOAN, key, today=LATE)
