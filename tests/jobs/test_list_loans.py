"""Loans as they stand on a day are what their lives say, however they are filtered, sorted and summed."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_maker import DAY, OPENED_ON, alipay, borrower, close, draw, new_ledger, open_loan, repayment, stamp, take
from terms import AGEING, CALENDAR, line_product, product, revenue_product

from loancli.core.rates import DayCount
from loancli.jobs.close_day import close_day
from loancli.jobs.know_borrowers import features_on
from loancli.jobs.list_loans import Totals, loans_on
from loancli.jobs.settle import gather
from loancli.ledger import borrowers, days, loan_list, loans
from loancli.ledger.connect import Connection, trial, writing
from loancli.ledger.loan_list import COLUMNS, Wanted
from loancli.plan.product import Kind, Penalty
from loancli.servicing.life import life

OPEN_ON = date(2026, 5, 14)
LOANS = (
    ("LN000001", "B1", product(code="equal", lender_kind="bank", day_count=DayCount.ACT_360), OPENED_ON),
    ("LN000002", "B1", product(code="equal", lender_kind="bank", day_count=DayCount.ACT_360), date(2026, 1, 20)),
    ("LN000003", "B2", product(code="last", kind=Kind.INTEREST_FIRST, penalty=Penalty(grace_days=3)), OPENED_ON),
    ("LN000004", "B2", line_product(code="line"), OPENED_ON),
    ("LN000005", "B3", revenue_product(code="share"), OPENED_ON),
    ("LN000006", "B3", product(code="short", lender_kind="unlicensed", periods=2), date(2026, 2, 2)),
    ("LN000007", "B3", product(code="short", lender_kind="unlicensed", periods=2), date(2026, 2, 2)),
    ("LN000008", "B3", product(code="equal", lender_kind="bank", day_count=DayCount.ACT_360), date(2026, 5, 14)),
)
REPAYMENTS = [
    repayment(date(2026, 2, 5), 106_000, note="LN000001"),  # a few yuan less than the first instalment
    repayment(date(2026, 2, 20), 53_307, note="LN000002"),
    repayment(date(2026, 3, 9), 12_000, note="LN000003"),
    repayment(date(2026, 3, 20), 300_000, note="LN000004"),
    repayment(date(2026, 4, 2), 2_000_000, note="LN000006"),
    repayment(date(2026, 5, 14), 500, note="LN000002"),
]
LAX = replace(AGEING, past_due=replace(AGEING.past_due, due_min_fen=1_000))


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Loans of every kind that list differently, up to the open day OPEN_ON."""
    made = new_ledger(tmp_path_factory.mktemp("ledger"), is_durable=False)
    with writing(made):
        borrowers.add(made, [borrower("B1"), borrower("B2"), borrower("B3")])
    for loan_id, borrower_id, terms, start_on in LOANS:
        open_loan(made, loan_id, borrower_id=borrower_id, terms=terms, start_on=start_on)
    draw(made, OPENED_ON + 3 * DAY, 250_000, "LN000004")
    take(made, alipay(REPAYMENTS), on=OPEN_ON)
    close(made, OPEN_ON - DAY)
    yield made
    made.close()


def listed(db: Connection, day: date, *, ageing: Any = AGEING) -> list[dict[str, Any]]:
    return loans_on(db, day, Wanted(), ageing)[0]


def lived(db: Connection, day: date, ageing: Any) -> list[dict[str, Any]]:
    """The list as the lives give it, without any SQL."""
    rows = []
    for loan_id, (contract, events) in gather(db, loans.loan_ids(db)).items():
        if contract.signed_on > day:
            continue
        at_day = life(contract, events, day)
        position = at_day.position
        standing = ageing.standing(at_day)
        late_days, bucket, asset_class = standing.days_past_due, standing.bucket, standing.asset_class
        rows.append({
            "loan_id": loan_id,
            "borrower_id": contract.borrower_id,
            "name": f"借款人{contract.borrower_id}",
            "product_code": contract.product.code,
            "principal_fen": contract.principal_fen,
            "signed_on": contract.signed_on.isoformat(),
            "status": position.status,
            "principal_outstanding_fen": position.principal_outstanding_fen,
            "next_due_on": position.next_due_on and position.next_due_on.isoformat(),
            "next_due_fen": position.next_due_fen,
            "due_fen": position.due_fen + position.penalty_accrued_fen,
            "credit_fen": position.credit_fen,
            "days_past_due": late_days,
            "bucket": bucket,
            "asset_class": asset_class and asset_class.value,
            "class_why": "",
            "restructured_on": None,
            "observed_until": None,
        })  # fmt: skip
    return rows


@pytest.mark.parametrize("ageing", [AGEING, LAX], ids=["every fen", "from 10 yuan"])
@given(back=st.integers(-130, 60).filter(bool))
@settings(max_examples=40)
def test_on_any_other_day_the_list_is_what_the_lives_say(db: Connection, ageing: Any, back: int) -> None:
    day = OPEN_ON + back * DAY
    assert listed(db, day, ageing=ageing) == lived(db, day, ageing)


def test_on_the_open_day_only_what_falls_due_on_it_is_not_due_yet(db: Connection) -> None:
    day = days.open_day(db)
    for row, told in zip(listed(db, day), lived(db, day, AGEING), strict=True):
        if row["next_due_on"] == day.isoformat():
            told |= {name: row[name] for name in ("next_due_on", "next_due_fen", "due_fen", "credit_fen", "status")}
        assert row == told


def test_the_book_holds_every_case(db: Connection) -> None:
    """Else the laws above would say little."""
    rows = listed(db, OPEN_ON)
    assert {row["status"] for row in rows} >= {"active", "settled", "open"}
    assert {row["bucket"] for row in rows} >= {"M0", "M3", "M4"}
    assert {row["asset_class"] for row in rows} == {"normal", "special_mention", "substandard", None}
    strict, lax = (
        {row["loan_id"]: row["days_past_due"] for row in listed(db, OPEN_ON, ageing=rules)} for rules in (AGEING, LAX)
    )
    assert (strict["LN000001"], lax["LN000001"]) == (98, 70)
    assert listed(db, OPEN_ON - DAY, ageing=LAX)[0]["days_past_due"] == 69


DAYS = st.sampled_from([None, date(2026, 1, 20), date(2026, 2, 2), date(2026, 5, 20), date(2026, 6, 5)])


def some(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=2, unique=True).map(tuple)


WANTED = st.builds(
    Wanted,
    products=some("equal", "short", "line"),
    statuses=some("active", "settled", "open", "signed"),
    buckets=some("M0", "M2", "M4"),
    asset_classes=some("normal", "special_mention", "substandard"),
    borrower_id=st.sampled_from([None, "B1", "B3"]),
    is_late=st.booleans(),
    signed_from=DAYS,
    signed_to=DAYS,
    due_from=DAYS,
    due_to=DAYS,
    sort=st.sampled_from(COLUMNS),
    is_descending=st.booleans(),
    limit=st.sampled_from([None, 1, 3, 100]),
)


def matches(row: dict[str, Any], wanted: Wanted) -> bool:
    def within(day: str | None, from_on: date | None, to_on: date | None) -> bool:
        if day is None:
            return not (from_on or to_on)
        return (from_on is None or from_on.isoformat() <= day) and (to_on is None or day <= to_on.isoformat())

    return (
        (not wanted.products or row["product_code"] in wanted.products)
        and (not wanted.statuses or row["status"] in wanted.statuses)
        and (not wanted.buckets or row["bucket"] in wanted.buckets)
        and (not wanted.asset_classes or row["asset_class"] in wanted.asset_classes)
        and wanted.borrower_id in {None, row["borrower_id"]}
        and (not wanted.is_late or row["days_past_due"] > 0)
        and within(row["signed_on"], wanted.signed_from, wanted.signed_to)
        and within(row["next_due_on"], wanted.due_from, wanted.due_to)
    )


@given(wanted=WANTED, back=st.sampled_from([0, 0, -20, 9]))
@settings(max_examples=120)
def test_what_is_listed_is_what_matches_in_the_order_asked_for(db: Connection, wanted: Wanted, back: int) -> None:
    day = OPEN_ON + back * DAY
    rows, totals = loans_on(db, day, wanted, AGEING)
    every = [row for row in listed(db, day) if matches(row, wanted)]
    known = sorted((row for row in every if row[wanted.sort] is not None), key=lambda row: row["loan_id"])
    known.sort(key=lambda row: row[wanted.sort], reverse=wanted.is_descending)
    ordered = known + [row for row in every if row[wanted.sort] is None]
    assert rows == ordered[: wanted.limit]
    assert totals.loans == len(every)
    assert totals.outstanding_fen == sum(row["principal_outstanding_fen"] for row in every)
    assert totals.due_fen == sum(row["due_fen"] for row in every)
    assert totals.late_loans == sum(row["days_past_due"] > 0 for row in every)
    bad_fen = [row["principal_outstanding_fen"] for row in every if row["asset_class"] == "substandard"]
    assert totals.non_performing_fen == sum(bad_fen)


@pytest.mark.parametrize("is_descending", [False, True])
@pytest.mark.parametrize("column", ["next_due_on", "asset_class"])
def test_what_is_not_known_comes_last_in_either_direction(db: Connection, column: str, is_descending: bool) -> None:
    rows = loans_on(db, OPEN_ON, Wanted(sort=column, is_descending=is_descending), AGEING)[0]
    known = [row[column] is not None for row in rows]
    assert known == sorted(known, reverse=True)
    assert False in known


def test_nothing_is_left_behind_in_the_connection(db: Connection) -> None:
    for _ in range(2):
        assert loans_on(db, OPEN_ON + 9 * DAY, Wanted(borrower_id="B9"), AGEING) == ([], Totals(0, 0, 0, 0, 0, 0))
    assert db.execute("SELECT count(*) FROM temp.sqlite_schema").fetchone() == (0,)
    assert not db.in_transaction


def test_where_nothing_happened_and_no_penalty_grows_no_life_is_computed(db: Connection) -> None:
    """What was recorded of the open day before it was open, and what happens later, is not in the stored positions."""
    day = days.open_day(db)
    recorded_before = {"LN000002", "LN000008"}  # its payment, and its payout
    late = {row["loan_id"] for row in listed(db, day) if row["days_past_due"]}
    assert set(loan_list.not_stored_on(db, day, Wanted(), is_open=True)) == recorded_before | late
    assert set(loan_list.not_stored_on(db, day + DAY, Wanted(), is_open=False)) == recorded_before | late
    assert len(recorded_before | late) < len(loans.loan_ids(db))
    assert "LN000001" in loan_list.not_stored_on(db, date(2026, 6, 5), Wanted(), is_open=False)
    assert len(loan_list.not_stored_on(db, OPENED_ON + DAY, Wanted(), is_open=False)) == 4


# The line of a closed day, and features, tell the same


@pytest.mark.parametrize("ageing", [AGEING, LAX], ids=["every fen", "from 10 yuan"])
def test_the_line_of_a_closed_day_is_the_list_of_that_day(db: Connection, ageing: Any) -> None:
    with trial(db):
        line = close_day(db, OPEN_ON, calendar=CALENDAR, ageing=ageing, stamp=stamp(OPEN_ON + DAY))
        rows, totals = loans_on(db, OPEN_ON, Wanted(), ageing)
        assert rows == lived(db, OPEN_ON, ageing)
    assert line["active_loans"] == sum(row["status"] == "active" for row in rows)
    assert line["outstanding_fen"] == sum(row["principal_outstanding_fen"] for row in rows)
    assert line["par30_ppm"] == totals.at_risk_ppm > 0
    for name, column in (("late", "bucket"), ("classes", "asset_class")):
        groups: dict[str, dict[str, int]] = {}
        for row in rows:
            if row["days_past_due"] and row[column]:
                group = groups.setdefault(row[column], {"loans": 0, "outstanding_fen": 0})
                group["loans"] += 1
                group["outstanding_fen"] += row["principal_outstanding_fen"]
        assert line[name] == groups


@pytest.mark.parametrize("ageing", [AGEING, LAX], ids=["every fen", "from 10 yuan"])
def test_segments_see_the_same_days_and_buckets(db: Connection, ageing: Any) -> None:
    told = {row["loan_id"]: row for row in listed(db, OPEN_ON, ageing=ageing)}
    for one in features_on(db, OPEN_ON, ageing):
        row = told[one.loan_id]
        assert (one.days_past_due, one.bucket) == (row["days_past_due"], row["bucket"])
        if one.loan_id != "LN000002":  # features do not know what was recorded of the open day before it was open
            assert one.due_fen == row["due_fen"]
