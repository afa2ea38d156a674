"""Instalments that fall due as planned, many at once: the same ledger, row by row and link by link, as life by life."""

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from ledger_maker import DAY, borrower, close, dump, faults, new_ledger, open_loan, stamp
from lives import (
    ORDINARY,
    bounced,
    charged,
    contract_for,
    coupon,
    forgiving,
    own_rows,
    paused,
    payment,
    payout,
    products,
)
from sizes import size
from terms import product, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.event import Event
from loancli.core.loan import LoanRecord
from loancli.core.rates import DayCount
from loancli.jobs import close_day
from loancli.jobs.settle import settle
from loancli.ledger import borrowers, days, journal, loans
from loancli.ledger.connect import Connection, writing
from loancli.plan.product import Allocation, BreathingSpace, Fee, FixedFee, Kind, Pays, Penalty, Product
from loancli.plan.product_json import to_json
from loancli.servicing.contract import Contract

OPENED_ON = [date(2024, 4, 29), date(2024, 9, 9), date(2025, 2, 3), date(2025, 6, 25)]  # before and amid days off
SPAN = 40  # days that are closed


@contextmanager
def counted(*, is_allowed: bool = True):
    """How many loans took turns; none, where that is not allowed."""
    real = close_day.turns_of
    found: Counter[str] = Counter()

    def counting(db, loan_ids, day):
        turns = real(db, loan_ids, day) if is_allowed else []
        found.update("due" if each.is_due else "ended" for each in turns)
        return turns

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(close_day, "turns_of", counting)
        yield found


def sign(db: Connection, loan_id: str, contract: Contract) -> None:
    loans.add(
        db,
        LoanRecord(
            loan_id=loan_id,
            borrower_id="B1",
            product_code=contract.product.code,
            terms_json=to_json(contract.product),
            principal_fen=contract.principal_fen,
            signed_on=contract.signed_on,
            maturity_number=contract.maturity_number,
            rows=contract.rows,
        ),
    )


def own(loan_id: str, event: Event) -> Event:
    """The event, of this loan, with the keys that it names."""
    names = {"event_key", "payment_key", "rests_on"}
    payload = {name: f"{loan_id}/{value}" if name in names else value for name, value in event.payload.items()}
    return replace(event, key=f"{loan_id}/{event.key}", loan_id=loan_id, payload=payload)


def live(db: Connection, portfolio: list[tuple[list[Event], Contract, int]]) -> None:
    """Sign the loans, tell each event so many days late, and close the days."""
    first_on = days.open_day(db)
    arriving: dict[date, list[Event]] = {}
    ids = []
    with writing(db):
        borrowers.add(db, [borrower("B1")])
        for number, (events, contract, late) in enumerate(portfolio, start=1):
            ids.append(f"LN{number:06d}")
            sign(db, ids[-1], contract)
            for event in events:
                told_on = max(first_on, event.effective_on + late * DAY)
                arriving.setdefault(told_on, []).append(own(ids[-1], event))
        settle(db, ids)
    for number in range(SPAN):
        on = first_on + number * DAY
        if arrived := arriving.get(on):
            with writing(db):
                journal.record(db, arrived, recorded_at=stamp(on).text)
                settle(db, sorted({event.loan_id for event in arrived}))
        close(db, on)


@st.composite
def told_lives(draw: st.DrawFn, opened_on: date) -> tuple[list[Event], Contract, int]:
    """A loan of a borrower who mostly pays as planned, what happens to it, and how many days late that is told."""
    signed_on = opened_on - draw(st.integers(0, 75)) * DAY
    periods = draw(st.integers(1, 6))
    terms = draw(products([kind for kind in ORDINARY if kind is not Kind.CREDIT_LINE]))
    if draw(st.integers(0, 3)) == 0:  # a grace beyond the next period
        terms = replace(terms, penalty=replace(terms.penalty, grace_days=40))
    if terms.day_count in {DayCount.ACT_ACT, DayCount.THIRTY_360} and draw(st.integers(0, 3)):
        terms = replace(terms, day_count=DayCount.ACT_365F)  # else most loans of a close would be looked at every day
    shares = draw(own_rows(terms, signed_on, periods)) if terms.kind is Kind.CUSTOM else ()
    principal_fen = draw(st.integers(100_000, 20_000_000))
    try:
        contract = contract_for(terms, principal_fen, signed_on, periods=periods, own_rows=shares)
    except InputError:  # two due days would meet after a long holiday, or rounding leaves nothing for the last
        reject()
    events = [payout(contract)]
    for row in contract.rows:
        after, percent = draw(st.sampled_from([*[(0, 100)] * 9, (2, 100), (-3, 100), (0, 60), (-5, 130), (0, 0)]))
        if row.due_on < opened_on + SPAN * DAY and row.due_fen * percent >= 100:
            paid = payment(row.due_on + after * DAY, row.due_fen * percent // 100, f"p{row.number}")
            events.append(paid)
            if draw(st.integers(0, 9)) == 0:
                events.append(bounced(paid, paid.effective_on + draw(st.integers(0, 20)) * DAY))
    if draw(st.integers(0, 5)) == 0:
        on = signed_on + draw(st.integers(0, 75)) * DAY
        events.append(draw(forgiving(on, "e1", st.integers(1, 20_000))))
    return events, contract, draw(st.sampled_from([1, 1, 1, 0, 4, -9]))


@settings(max_examples=size(8, 240))
@given(st.data(), st.sampled_from(OPENED_ON))
def test_the_ledger_is_the_same_as_when_each_loan_lives(data, opened_on):
    portfolio = data.draw(st.lists(told_lives(opened_on), min_size=8, max_size=8))
    dumps = []
    for is_allowed in (True, False):
        with TemporaryDirectory() as folder, counted(is_allowed=is_allowed) as found:
            db = new_ledger(Path(folder), opened_on=opened_on, is_durable=False)
            live(db, portfolio)
            dumps.append(dump(db))
            assert is_allowed or not found
            db.close()
    assert dumps[0] == dumps[1]


# one loan: from 2026-01-05 monthly, the second due day a Thursday


DUE, SECOND = date(2026, 2, 5), date(2026, 3, 5)
SIGNED, MOVED = date(2026, 1, 7), date(2026, 2, 9)  # the period ends on a Saturday
LEVEL_FEN = 106_661  # of 12,000 yuan over a year at 12 %, by days
EVEN = product(day_count=DayCount.ACT_360)


@pytest.fixture
def db(tmp_path) -> Connection:
    return new_ledger(tmp_path, is_durable=False)


def recorded(db: Connection, on: date, *events: Event) -> None:
    with writing(db):
        journal.record(db, [replace(each, loan_id="LN000001") for each in events], recorded_at=stamp(on).text)
        settle(db, ["LN000001"])


def test_a_loan_that_pays_as_planned_takes_turn_after_turn(db):
    open_loan(db, terms=EVEN)
    with counted() as found:
        for number in range(1, 13):
            due_on = db.execute("SELECT next_due_on, next_due_fen FROM position").fetchone()
            close(db, date.fromisoformat(due_on[0]))
            on = days.open_day(db)
            recorded(db, on, payment(on - DAY, due_on[1], f"p{number}"))
    assert found == {"due": 12}
    assert db.execute("SELECT status, next_moment_on FROM position").fetchall() == [("settled", None)]
    assert faults(db) == []


@pytest.mark.parametrize("grace_days", [3, 40])  # beyond the end of the next period, on a Saturday as well
def test_a_due_day_that_was_moved_comes_in_two_turns(db, grace_days):
    open_loan(db, terms=replace(EVEN, roll=Roll.FOLLOWING, penalty=Penalty(grace_days=grace_days)), start_on=SIGNED)
    with counted() as found:
        close(db, MOVED - DAY)
        assert found == {"ended": 1}
        close(db, MOVED)
    assert found == {"ended": 1, "due": 1}
    assert faults(db) == []


@pytest.mark.parametrize("number", [0, 1])
def test_interest_and_fees_are_booked_under_the_key_that_a_life_gives(db, number):
    fee = Fee(name="every", amount_fen=2_000, due_with="every")
    open_loan(db, terms=replace(EVEN, annual_rate_ppm=(120_000, 0)[number], fees=(fee,)))
    with counted() as found:
        close(db, DUE)
    assert found == {"due": 1}
    [entry] = [entry for entry, _ in journal.entries_of(db, ["LN000001"])["LN000001"] if entry.kind == "due"]
    assert (entry.key, entry.cause, entry.value_on) == (f"LN000001/due:1/{DUE}/1", "due:1", DUE)
    interest = [("loan:interest_due", "income:interest", 12_400)]
    fees = [("loan:fee_due", "income:fee", 2_000)]
    assert [(leg.debit, leg.credit, leg.amount_fen) for leg in entry.legs] == [*(interest, [])[number], *fees]


NOT_ORDINARY: dict[str, tuple[Product, list[Event]]] = {
    "nothing was paid": (EVEN, []),
    "a part is unpaid": (EVEN, [payment(DUE, 100_000)]),
    "money waits": (EVEN, [payment(DUE, 150_000)]),
    "principal was prepaid inside the period": (
        replace(EVEN, allocation=Allocation(surplus="principal")),
        [payment(DUE + DAY, 500_000)],
    ),
    "money is told ahead": (EVEN, [payment(DUE, LEVEL_FEN), payment(SECOND, 100_000, "p2")]),
    "a fee was charged": (EVEN, [payment(DUE, LEVEL_FEN), charged(DUE, 500)]),
    "a coupon pays interest": (EVEN, [payment(DUE, LEVEL_FEN), coupon(DUE)]),
    "interest is paused": (EVEN, [payment(DUE, LEVEL_FEN), paused(DUE, DUE + 3 * DAY)]),
    "days differ": (replace(EVEN, day_count=DayCount.ACT_ACT), [payment(DUE, 200_000)]),
    "revenue decides": (revenue_product(), []),
    "the fee is fixed": (replace(EVEN, annual_rate_ppm=0, fixed_fee=FixedFee(amount_fen=60_000)), []),
}


@pytest.mark.parametrize(("terms", "events"), NOT_ORDINARY.values(), ids=NOT_ORDINARY)
def test_of_anything_else_only_its_life_tells(db, terms, events):
    open_loan(db, terms=terms)
    close(db, DUE)
    recorded(db, DUE + DAY, *events)
    with counted() as found:
        close(db, SECOND)
    assert not found
    assert faults(db) == []


MOVING = replace(EVEN, roll=Roll.FOLLOWING)
HARDLY = BreathingSpace(pays=Pays(part_ppm=50_000), extends=True, periods_max=1, a_year_max=1, at_start=1)


@pytest.mark.parametrize(
    ("terms", "events"),
    [
        (replace(MOVING, annual_rate_ppm=0, fixed_fee=FixedFee(amount_fen=60_000)), []),
        (replace(MOVING, kind=Kind.FLAT, allocation=Allocation(surplus="principal")), [payment(SIGNED + DAY, 400_000)]),
        (replace(EVEN, roll=Roll.PRECEDING), []),
        (replace(MOVING, breathing_space=HARDLY), []),
    ],
    ids=["the fee is fixed", "flat interest after a prepayment", "due before the period ends", "interest is carried"],
)
def test_nor_is_it_told_around_a_due_day_that_was_moved(db, terms, events):
    open_loan(db, terms=terms, start_on=SIGNED)
    close(db, SIGNED + DAY)
    recorded(db, SIGNED + 2 * DAY, *events)
    with counted() as found:
        close(db, MOVED)
    assert not found
    assert faults(db) == []
