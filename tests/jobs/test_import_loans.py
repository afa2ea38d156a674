"""A portfolio that is taken over lives as if it had been here from its first day, or is refused with both figures."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import (
    DAY,
    alipay,
    borrower,
    close,
    dump,
    faults,
    new_ledger,
    open_loan,
    outstanding,
    paid,
    repayment,
    stamp,
    take,
    timeless,
)
from terms import AGEING, CALENDAR, SCHEDULES, line_product, product, revenue_product

from loancli.core.errors import Problem
from loancli.core.event import EventKind
from loancli.core.money import yuan
from loancli.core.rates import DayCount
from loancli.jobs.import_loans import Imported, Portfolio, import_loans
from loancli.jobs.settle import gather
from loancli.ledger import borrowers, journal, loans
from loancli.ledger.connect import Connection, writing
from loancli.plan.ceilings import read_ceilings
from loancli.plan.product import BreathingSpace, Pays, Trigger
from loancli.servicing.life import Life, life
from loancli.servicing.portfolio_file import LOAN_COLUMNS, PAYMENT_COLUMNS, read_loans, read_past

START = date(2025, 9, 10)
CUT = date(2026, 3, 16)  # the portfolio comes on this day
CEILINGS = read_ceilings(
    *((SCHEDULES / "policies" / name).read_text(encoding="utf-8") for name in ("ceilings.toml", "lpr.csv"))
)
PRODUCTS = {
    each.code: each
    for each in (
        product(),
        product(code="days", day_count=DayCount.ACT_360, periods=6),
        product(code="dear", annual_rate_ppm=300_000),
        line_product(code="line"),
        revenue_product(code="share"),
        revenue_product(
            code="breathes",
            breathing_space=BreathingSpace(
                pays=Pays(), extends=True, periods_max=3, a_year_max=2, trigger=Trigger(below_ppm=500_000, windows=2)
            ),
        ),
    )
}
Row = dict[str, Any]


def loan(loan_id: str = "L1", left_fen: int = 1_200_000, **changes: Any) -> Row:
    plain = {"loan_id": loan_id, "borrower_id": "B1", "product": "plain", "principal": "12000.00", "signed_on": START}
    return {**plain, "outstanding": yuan(left_fen), **changes}


def pay(on: date, fen: int, loan_id: str = "L1", **changes: Any) -> Row:
    return {"loan_id": loan_id, "paid_on": on, "amount": yuan(fen), **changes}


def table(rows: Sequence[Row], columns: Sequence[str]) -> list[tuple[int, list[str]]]:
    cells = [[str(row.get(column, "")) for column in columns] for row in rows]
    return list(enumerate(cells, start=2))


def portfolio(loans: Sequence[Row], past: Sequence[Row] = ()) -> tuple[Portfolio, list[Problem]]:
    rows, wrong = read_loans(LOAN_COLUMNS, table(loans, LOAN_COLUMNS), "l.csv", PRODUCTS.__getitem__)
    found, others = read_past(PAYMENT_COLUMNS, table(past, PAYMENT_COLUMNS), "p.csv")
    return Portfolio("l.csv", *rows, "p.csv", found), wrong + others


def bring(
    db: Connection, loans: Sequence[Row], past: Sequence[Row] = (), *, on: date = CUT, keep_going: bool = True
) -> Imported:
    asked, wrong = portfolio(loans, past)
    assert [problem for problem in wrong if problem.column is None] == []
    with writing(db):
        return import_loans(
            db,
            asked,
            calendar=CALENDAR,
            ceilings=CEILINGS,
            ageing=AGEING,
            stamp=stamp(on),
            is_all_or_nothing=not keep_going,
        )


def told(done: Imported) -> list[str]:
    return [str(problem) for problem in done.refused]


def new_books(folder: Any, *, opened_on: date = CUT, name: str = "books.db") -> Connection:
    db = new_ledger(folder, opened_on=opened_on, name=name, is_durable=False)
    with writing(db):
        borrowers.add(db, [borrower("B1"), borrower("B2")])
    return db


@pytest.fixture
def db(tmp_path) -> Connection:
    return new_books(tmp_path)


def lived(db: Connection, loan_id: str = "L1", day: date = CUT) -> Life:
    return life(*gather(db, [loan_id])[loan_id], day)


# As if it had been here


def test_a_loan_comes_with_its_past_and_goes_on_from_there(db):
    past = [pay(date(2025, 10, 10), 106_619), pay(date(2025, 11, 12), 106_715)]  # 0.96 of it penalty
    left_fen = 1_200_000 - 94_619 - 95_565
    done = bring(db, [loan(left_fen=left_fen)], past)
    assert told(done) == []
    assert (done.sums["plain"].new, done.sums["plain"].late, done.sums["plain"].paid_fen) == (1, 1, 213_334)
    at_day = lived(db)
    assert [state.paid_on for state in at_day.instalments[:3]] == [date(2025, 10, 10), date(2025, 11, 12), None]
    assert at_day.position.principal_outstanding_fen == left_fen == outstanding(db, "L1")
    assert AGEING.standing(at_day).days_past_due == (CUT - date(2025, 12, 10)).days
    assert faults(db) == []
    close(db, CUT + 40 * DAY)
    take(db, alipay([repayment(CUT + 41 * DAY, 500_000, note="L1")]))
    assert outstanding(db, "L1") < left_fen
    assert faults(db) == []


@pytest.mark.parametrize("code", ["plain", "days", "share", "breathes"])
def test_it_is_the_same_loan_as_if_it_had_been_signed_and_paid_here(code, tmp_path):
    """Events, instalments and position; what is booked differs only in the day it was booked on."""
    revenue = [paid(START + (number * 13 - 120) * DAY, 90_000 + 7_777 * (number % 5) - 9_000 * (number == 20))
               for number in range(24)]  # fmt: skip
    weak = [each for each in revenue if not date(2025, 12, 1) <= each.on <= date(2026, 1, 31)]
    period = (START - 130 * DAY, CUT - DAY)
    payments = [repayment(date(2025, 10 + number, 20), 60_000 + number * 10_000, note="L1") for number in range(3)]

    here = new_books(tmp_path, opened_on=START, name="here.db")
    take(here, alipay(weak, period=period), borrower_id="B1", on=CUT)
    open_loan(here, "L1", terms=PRODUCTS[code], start_on=START)
    take(here, alipay(payments), on=CUT)
    close(here, CUT - DAY)
    there = new_books(tmp_path, name="there.db")
    take(there, alipay(weak, period=period), borrower_id="B1")
    rows = [pay(each.on, each.amount_fen) for each in payments]
    done = bring(there, [loan(left_fen=lived(here).position.principal_outstanding_fen, product=code)], rows)

    assert told(done) == []
    one, other = lived(here), lived(there)
    assert one.instalments == other.instalments
    assert one.position == other.position
    found = [
        sorted(
            (event.kind.value, event.effective_on, repr(event.payload))
            for event in journal.events_of(books, ["L1"])["L1"]
            if event.kind not in {EventKind.PAYMENT_RECEIVED, EventKind.DISBURSED}
        )
        for books in (here, there)
    ]
    assert found[0] == found[1]
    if code == "breathes":
        assert any(kind == EventKind.BREATHING_SPACE_GRANTED.value for kind, *_ in found[0])
    for books in (here, there):
        close(books, CUT + 60 * DAY)
        assert faults(books) == []
    assert lived(here, day=CUT + 60 * DAY).position == lived(there, day=CUT + 60 * DAY).position


@given(
    amounts=st.lists(st.tuples(st.integers(0, 180), st.integers(1, 250_000)), max_size=6),
    code=st.sampled_from(["plain", "days"]),
    off_fen=st.integers(-3, 3),
)
@settings(max_examples=25)
def test_it_is_taken_if_and_only_if_its_life_comes_to_what_is_stated(tmp_path_factory, amounts, code, off_fen):
    db = new_books(tmp_path_factory.mktemp("import"))
    past = [pay(START + after * DAY, fen) for after, fen in amounts]
    probe = bring(db, [loan("P1", 0, product=code)], [row | {"loan_id": "P1"} for row in past])
    given_fen = 0
    if probe.refused:
        given_fen = int(str(probe.refused[0]).split(" give ")[1].split(" ")[0].replace(",", "").replace(".", ""))
    stated_fen = max(0, given_fen + off_fen)
    done = bring(db, [loan(left_fen=stated_fen, product=code)], past)
    why = (
        f"l.csv:2:outstanding: {yuan(stated_fen)} is stated, but the contract and what was paid give"
        f" {yuan(given_fen)} on {CUT}; correct the row, or what was paid"
    )
    assert told(done) == ([] if stated_fen == given_fen else [why])
    assert faults(db) == []


def test_what_was_paid_as_agreed_needs_no_list_of_payments(db):
    done = bring(db, [loan(left_fen=1_200_000 - 94_619 - 95_565 - 96_521, paid_until=date(2025, 12, 31))])
    assert told(done) == []
    states = lived(db).instalments
    assert [state.paid_on for state in states[:4]] == [*(state.due_on for state in states[:3]), None]
    assert done.sums["plain"].paid_fen == 3 * 106_619


def test_a_line_comes_with_its_draws(db):
    later = START + 50 * DAY
    past = [pay(START, 300_000, kind="draw"), pay(START + 40 * DAY, 100_000), pay(later, 50_000, kind="draw")]
    at_most = bring(db, [loan(left_fen=0, product="line", principal="5000")], past)
    [problem] = told(at_most)
    assert problem.startswith("l.csv:2:outstanding: 0.00 is stated, but the contract and what was paid give 2,5")
    given = problem.split(" give ")[1].split(" ")[0]
    assert told(bring(db, [loan(product="line", principal="5000", outstanding=given)], past)) == []
    assert lived(db).position.free_fen == 500_000 - outstanding(db, "L1")


# The same again, in any order, or not at all


def rows_of_three() -> tuple[list[Row], list[Row]]:
    loans = [
        loan("L1", 1_200_000 - 94_619),
        loan("L2", 1_200_000 - 94_619 - 95_565, borrower_id="B2", paid_until=date(2025, 11, 30)),
        loan("L3", 1_200_000, signed_on=date(2026, 3, 1)),
    ]
    return loans, [pay(date(2025, 10, 10), 50_000), pay(date(2025, 10, 10), 50_000), pay(date(2025, 10, 10), 6_619)]


def test_the_same_files_again_change_nothing_on_the_day_and_later(db):
    loans, past = rows_of_three()
    assert bring(db, loans, past).sums["plain"].new == 3
    before = dump(db)
    again = bring(db, loans, past)
    assert dump(db) == before
    assert (again.sums["plain"].new, again.sums["plain"].same, told(again)) == (0, 3, [])
    assert again.sums["plain"].outstanding_fen == 3_600_000 - 284_803
    close(db, CUT + 9 * DAY)
    take(db, alipay([repayment(CUT + 5 * DAY, 60_000, note="L1")]))
    before = dump(db)
    assert bring(db, loans, past, on=CUT + 10 * DAY).sums["plain"].same == 3
    assert dump(db) == before


@given(order=st.permutations(range(3)), past_order=st.permutations(range(3)), split=st.integers(0, 3))
@settings(max_examples=10)
def test_in_whatever_order_and_parts_the_rows_come_the_books_are_the_same(tmp_path_factory, order, past_order, split):
    loans, past = rows_of_three()
    folder = tmp_path_factory.mktemp("import")
    plain, other = new_books(folder, name="plain.db"), new_books(folder, name="other.db")
    bring(plain, loans, past)
    mixed, mixed_past = [loans[at] for at in order], [past[at] for at in past_order]
    for part in (mixed[:split], mixed[split:]):
        ids = {row["loan_id"] for row in part}
        bring(other, part, [row for row in mixed_past if row["loan_id"] in ids])
    without_ids = [
        {table: sorted(row[1:] if table in {"event", "entry", "posting"} else row for row in rows)
         for table, rows in timeless(books).items() if table not in {"posting", "terms"}}
        for books in (plain, other)
    ]  # fmt: skip
    assert without_ids[0] == without_ids[1]
    assert faults(other) == []


def test_all_or_nothing_looks_at_every_row_and_writes_none_after_a_bad_one(db):
    loans, past = rows_of_three()
    loans[0]["outstanding"] = "1"
    before = dump(db)
    done = bring(db, loans, past, keep_going=False)
    assert [problem.row for problem in done.refused] == [2]
    assert done.sums["plain"].new == 2
    assert dump(db) == before


REFUSED = {
    "an unknown borrower": (loan(borrower_id="B9"), [], "l.csv:2:borrower_id: there is no borrower 'B9'"),
    "more than the product lends": (loan(principal="0"), [], "l.csv:2:principal: 0.00 yuan is not allowed"),
    "too many periods": (loan(periods="601"), [], "l.csv:2:periods: 601 is not allowed"),
    "a first due day before the start": (loan(first_due_on=START), [], f"l.csv:2:first_due_on: {START}"),
    "signed later": (loan(signed_on=CUT + DAY), [], f"l.csv:2:signed_on: {CUT + DAY} is after {CUT}"),
    "paid before it was signed": (loan(), [pay(START - DAY, 1)], f"p.csv:2:paid_on: {START - DAY} is not between"),
    "paid later": (loan(), [pay(CUT + DAY, 1)], f"p.csv:2:paid_on: {CUT + DAY} is not between"),
    "paid twice over": (
        loan(paid_until=date(2025, 12, 1)),
        [pay(date(2025, 11, 1), 1)],
        "p.csv:2:paid_on: 2025-11-01 is not after paid_until 2025-12-01",
    ),
    "paid until a day to come": (loan(paid_until=CUT + DAY), [], f"l.csv:2:paid_until: {CUT + DAY} is after {CUT}"),
    "drawn on a loan": (loan(), [pay(START, 1, kind="draw")], "p.csv:2:kind: plain is no credit line"),
    "a payment that cannot be read": (loan(), [pay(START, 0)], "l.csv:2:loan_id: what was paid on it cannot all"),
    "a payment of nobody": (loan(), [pay(START, 1, "L9")], "p.csv:2:loan_id: there is no such loan in l.csv"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_row_that_cannot_be_is_refused_where_it_stands(what, db):
    row, past, why = REFUSED[what]
    done = bring(db, [row], past)
    assert [problem for problem in told(done) if problem.startswith(why)], told(done)
    if "nobody" not in what:
        assert journal.events_of(db, ["L1"])["L1"] == []


@pytest.mark.parametrize(
    ("row", "past"),
    [
        (loan(left_fen=1_105_381, periods="11"), [pay(START + 30 * DAY, 106_619)]),
        (loan(left_fen=1_105_381), [pay(START + 30 * DAY, 106_618)]),
        (loan(left_fen=1_105_381), []),
        (loan(left_fen=1_105_381), [pay(START + 30 * DAY, 106_619), pay(CUT, 1)]),
        (loan(left_fen=1_105_382), [pay(START + 30 * DAY, 106_619)]),
    ],
    ids=["other terms", "another payment", "no payment", "one more payment", "another outstanding"],
)
def test_a_loan_that_is_there_is_not_changed_by_another_file(row, past, db):
    assert told(bring(db, [loan(left_fen=1_105_381)], [pay(START + 30 * DAY, 106_619)])) == []
    before = dump(db)
    [problem] = told(bring(db, [row], past))
    assert problem.startswith("l.csv:2:loan_id: is there already")
    assert dump(db) == before


def test_a_loan_above_its_ceiling_is_taken_and_told(db):
    done = bring(db, [loan(product="dear"), loan("L2", product="dear", signed_on=date(2015, 3, 4)), loan("L3")])
    assert told(done) == []
    assert done.dear == ["L1"]  # for 2015 no ceiling is known


def test_a_window_that_the_books_have_not_closed_is_asked_for(tmp_path):
    db = new_books(tmp_path, opened_on=date(2026, 1, 25))
    [problem] = told(bring(db, [loan(product="share")]))
    assert problem.startswith("l.csv:2: instalment 5 falls due by 2026-03-16, but the books are open at 2026-01-25")


def test_a_payment_of_the_past_is_no_receipt_that_waits(db):
    """What was imported is not in the lender's exports of this ledger: the questions about receipts leave it alone."""
    bring(db, *rows_of_three())
    assert db.execute("SELECT count(*) FROM receipt").fetchone() == (0,)
    assert faults(db) == []


def test_an_export_that_shows_a_payment_of_the_past_does_not_count_it_again(db):
    past = [pay(date(2025, 10, 10), 106_619)]
    left_fen = 1_200_000 - 94_619
    assert told(bring(db, [loan(left_fen=left_fen)], past)) == []
    shown = [repayment(date(2025, 10, 10), 106_619, "A", note="L1"), repayment(CUT, 5, "B", note="L1")]
    report = take(db, alipay(shown))
    assert (report.placed.placed_count, report.placed.suspense_count) == (0, 2)
    assert outstanding(db, "L1") == left_fen
    assert told(bring(db, [loan(left_fen=left_fen)], past, on=CUT + DAY)) == []  # another day, the same files
    close(db, CUT)
    take(db, alipay([repayment(CUT + DAY, 107_000, "C", note="L1")]))
    assert outstanding(db, "L1") < left_fen
    assert faults(db) == []


def test_the_day_up_to_which_the_past_of_a_line_came_is_known_as_well(db):
    rows = [pay(START, 500_000, kind="draw")]
    assert told(bring(db, [loan(product="line", left_fen=500_000)], rows, on=START + DAY)) == []
    assert loans.past_until(db) == {"L1": START + DAY}
