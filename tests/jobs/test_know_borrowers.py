"""Features and the gate's facts, each number worked out by hand.

The loans: 12,000 yuan, twelve times 1,000 yuan of principal, 1 % interest a month on what is left: 1,120, 1,110, 1,100,
1,090 yuan … on the 5th of each month from February. Penalty: 18 % a year / 360 = 50 fen a day on 1,000 yuan.
"""

from dataclasses import asdict, replace
from datetime import date
from itertools import count

import pytest
from contact_maker import LIMITS, instant, message
from ledger_maker import (
    DAY,
    alipay,
    borrower,
    close,
    new_ledger,
    open_loan,
    paid,
    repayment,
    sent_back,
    take,
    take_inside,
)
from terms import AGEING, product

from loancli.jobs.know_borrowers import HOLD_KINDS, facts_for_gate, features_on
from loancli.ledger import borrowers, contacts
from loancli.ledger.connect import Connection, writing
from loancli.outreach.features import Features
from loancli.outreach.policy import Hold, Refusal, refusal
from loancli.plan.product import Kind

TERMS = product(kind=Kind.EQUAL_PRINCIPAL)
TODAY = date(2026, 5, 5)  # the fourth due day
REPAYMENTS = [
    # B1: on time, 5 days late with 2.50 of penalty, 15 days late with 7.50
    repayment(date(2026, 2, 5), 112_000, note="LN000001"),
    repayment(date(2026, 3, 10), 111_250, note="LN000001"),
    repayment(date(2026, 4, 20), 110_750, note="LN000001"),
    # B2: April is not paid
    repayment(date(2026, 2, 5), 112_000, note="LN000002"),
    repayment(date(2026, 3, 4), 111_000, note="LN000002"),
    # B3: all paid, and 600 yuan ahead
    repayment(date(2026, 2, 1), 112_000, note="LN000003"),
    repayment(date(2026, 3, 5), 111_000, note="LN000003"),
    repayment(date(2026, 4, 5), 110_000, note="LN000003"),
    repayment(date(2026, 4, 30), 60_000, note="LN000003"),
    # B4: signed on 6 April; the first instalment is paid ahead, to the fen
    repayment(date(2026, 4, 30), 112_000, note="LN000004"),
    # B5: settled
    repayment(date(2026, 2, 5), 101_000, note="LN000005"),
]


def ledger(folder, *, in_time: bool) -> Connection:
    """On the morning of the due day: repayments known day by day, or all read this morning."""
    db = new_ledger(folder, is_durable=False)
    with writing(db):
        borrowers.add(db, [borrower("B4", phone="0571-8888 6666")])
    for number in (1, 2, 3):
        open_loan(db, f"LN{number:06d}", borrower_id=f"B{number}", terms=TERMS)
    open_loan(db, "LN000004", borrower_id="B4", terms=TERMS, start_on=date(2026, 4, 6))
    open_loan(db, "LN000005", borrower_id="B5", terms=TERMS, principal_fen=100_000, periods=1)
    if in_time:
        take(db, alipay(REPAYMENTS), on=TODAY)
    close(db, TODAY - DAY)
    if not in_time:
        take(db, alipay(REPAYMENTS), on=TODAY)
    return db


@pytest.fixture(scope="module", params=[True, False], ids=["known in time", "read this morning"])
def known(request, tmp_path_factory) -> dict[str, Features]:
    db = ledger(tmp_path_factory.mktemp("ledger"), in_time=request.param)
    found = {one.loan_id: one for one in features_on(db, TODAY, AGEING)}
    db.close()
    return found


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Connection:
    return ledger(tmp_path_factory.mktemp("ledger"), in_time=True)


@pytest.fixture
def undone(db):
    """The ledger, inside a transaction that is taken back."""
    db.execute("BEGIN")
    yield db
    db.rollback()


def features(db: Connection, loan_id: str, day: date = TODAY) -> Features:
    return next(one for one in features_on(db, day, AGEING) if one.loan_id == loan_id)


def some(one: Features, *names: str) -> tuple[object, ...]:
    return tuple(getattr(one, name) for name in names)


MONEY = ("days_past_due", "days_to_due", "due_fen", "next_due_fen", "due_30d_fen", "outstanding_fen", "bucket")


def test_only_active_loans_have_features(known):
    assert list(known) == ["LN000001", "LN000002", "LN000003", "LN000004"]


def test_on_the_due_day_it_is_due_today_and_not_late(known):
    assert some(known["LN000001"], *MONEY) == (0, 0, 109_000, 109_000, 109_000, 900_000, "M0")


def test_late_since_april_and_due_again_today(known):
    # 1,100 of April, 15.00 of penalty for 30 days, and today's 1,090
    assert some(known["LN000002"], *MONEY) == (30, 0, 220_500, 109_000, 220_500, 1_000_000, "M1")


def test_credit_covers_a_part_of_what_falls_due(known):
    # The principal is not asked for: what the credit pays of it is booked today, by whoever settles the loan first.
    assert some(known["LN000003"], *MONEY[:5]) == (0, 0, 49_000, 49_000, 49_000)


def test_credit_covers_the_whole_next_instalment(known):
    assert some(known["LN000004"], *MONEY) == (0, 1, 0, 0, 0, 1_200_000, "M0")


def test_records_of_paying(known):
    names = ("on_time_rate_ppm", "self_cure_rate_ppm", "months_on_book")
    assert some(known["LN000001"], *names) == (333_333, 500_000, 4)
    assert some(known["LN000002"], *names) == (666_666, 0, 4)
    assert some(known["LN000003"], *names) == (1_000_000, None, 4)
    assert some(known["LN000004"], *names) == (None, None, 0)  # a day is missing to the month


def test_what_is_late_grows_by_the_day_without_a_booking(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=TERMS)
    found = {}
    for days in (-1, 0, 1, 2, 7, 8):
        day = date(2026, 2, 5) + days * DAY
        close(db, day - DAY)
        found[days] = some(features(db, "LN000001", day), "days_past_due", "due_fen", "self_cure_rate_ppm")
    assert found == {
        -1: (0, 0, None),
        0: (0, 112_000, None),
        1: (1, 112_050, None),  # it may still be put right in time
        2: (2, 112_100, None),
        7: (7, 112_350, None),
        8: (8, 112_400, 0),
    }
    day += 2 * DAY
    close(db, day - DAY)
    take(db, alipay([repayment(day, 500, note="LN000001")]))  # ten days' penalty is paid with it
    assert features(db, "LN000001", day).due_fen == 112_000
    close(db, day)
    assert features(db, "LN000001", day + DAY).due_fen == 112_050


def test_being_late_now_does_not_spoil_a_record_of_self_cure(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=TERMS)
    take(db, alipay([repayment(date(2026, 2, 12), 112_350, note="LN000001")]), on=date(2026, 3, 6))  # the 7th day
    close(db, date(2026, 3, 5))
    one = features(db, "LN000001", date(2026, 3, 6))
    assert some(one, "days_past_due", "on_time_rate_ppm", "self_cure_rate_ppm") == (1, 0, 1_000_000)


@pytest.mark.parametrize(("days", "bucket"), [(0, "M0"), (1, "M1"), (30, "M1"), (31, "M2"), (180, "M6"), (181, "M6+")])
def test_buckets(undone, days, bucket):
    undone.execute(
        "UPDATE position SET oldest_unpaid_due_on = date(?, ?) WHERE loan_id = 'LN000002'",
        (str(TODAY), f"-{days} days"),
    )
    assert features(undone, "LN000002").bucket == bucket


def test_thirty_days_ahead_are_thirty(undone):
    for days, expected_fen in ((30, 112_000), (31, 0)):
        undone.execute(
            "UPDATE instalment SET due_on = date(?, ?) WHERE loan_id = 'LN000004' AND number = 1",
            (str(TODAY), f"+{days} days"),
        )
        undone.execute("UPDATE instalment SET due_on = '2027-12-31' WHERE loan_id = 'LN000004' AND number > 1")
        undone.execute("UPDATE position SET credit_fen = 0 WHERE loan_id = 'LN000004'")
        one = features(undone, "LN000004")
        assert some(one, "days_to_due", "next_due_fen", "due_30d_fen") == (days, 112_000, expected_fen)


# revenue

SALES = [(date(2026, 5, 3), 100_000), (date(2026, 4, 27), 70_000), (date(2026, 4, 26), 50_000),
         (date(2026, 4, 4), 30_000), (date(2026, 4, 3), 20_000), (date(2026, 2, 3), 10_000),
         (date(2026, 2, 2), 5_000)]  # fmt: skip
REVENUE = ("has_revenue_data", "revenue_7d_fen", "revenue_30d_fen", "revenue_90d_fen")


def revenue(db: Connection, rows, *period: date) -> tuple[object, ...]:
    take_inside(db, alipay(rows, period=period), borrower_id="B1", on=TODAY)
    return some(features(db, "LN000001"), *REVENUE)


def test_revenue_windows_end_with_the_last_day_known(undone):
    rows = [paid(on, amount_fen) for on, amount_fen in SALES]
    rows.append(sent_back(rows[1], date(2026, 4, 28), 1_000))
    assert revenue(undone, rows, date(2026, 1, 1), date(2026, 5, 3)) == (True, 169_000, 249_000, 279_000)
    one = features(undone, "LN000001")
    assert one.revenue_trend_ppm == (2 * 249_000 - 30_000) * 1_000_000 // 30_000
    assert one.ability_ppm == 249_000 * 1_000_000 // 109_000
    assert not features(undone, "LN000002").has_revenue_data


@pytest.mark.parametrize(("until", "is_known"), [(date(2026, 3, 21), True), (date(2026, 3, 20), False)])
def test_revenue_that_ended_long_ago_says_nothing(undone, until, is_known):
    found = revenue(undone, [paid(until, 500)], date(2026, 1, 1), until)
    assert found == ((True, 500, 500, 500) if is_known else (False, 0, 0, 0))


@pytest.mark.parametrize(("since", "is_known"), [(date(2026, 4, 5), True), (date(2026, 4, 6), False)])
def test_revenue_of_less_than_a_month_is_not_a_poor_month(undone, since, is_known):
    found = revenue(undone, [paid(date(2026, 5, 1), 500)], since, date(2026, 5, 4))
    assert found == ((True, 500, 500, 500) if is_known else (False, 0, 0, 0))


def test_an_export_of_this_morning_counts_up_to_yesterday(undone):
    rows = [paid(TODAY, 7_000), paid(TODAY - DAY, 500)]
    assert revenue(undone, rows, date(2026, 1, 1), TODAY) == (True, 500, 500, 500)


# contacts, promises, holds


def add_contacts(db: Connection, *found: tuple[str, str | None]) -> None:
    """Rows of the outbox as they ended: (state, day of the contact)."""
    if contacts.run(db, "old") is None:
        contacts.add_run(db, batch="old", campaign="note", purpose="reminder", day=TODAY, actor="test")
    for number, (state, on) in zip(count(len(contacts.messages(db))), found, strict=False):
        contacts.queue(db, "old", [message(number, TODAY, due_on=TODAY)])
        path = {"queued": [], "cancelled": ["cancelled"], "claimed": ["claimed"]}.get(state, ["claimed", state])
        for step in path:
            contacts.step(db, [contacts.messages(db)[-1]["message_id"]], step, at=instant(TODAY))
        if on is not None:
            db.execute("UPDATE outbox SET contact_on = ? WHERE id = (SELECT max(id) FROM outbox)", (on,))


def test_contacts_count_whatever_may_have_reached_the_person(undone):
    add_contacts(
        undone, ("claimed", "2026-05-05"), ("sent", "2026-04-29"), ("unknown", "2026-04-28"), ("sent", "2026-04-06")
    )
    add_contacts(undone, ("sent", "2026-04-05"), ("released", "2026-05-01"), ("cancelled", None), ("queued", None))
    add_contacts(undone, ("failed", "2026-05-02"))
    one = features(undone, "LN000001")
    assert some(one, "contacts_7d", "contacts_30d", "failed_contacts_in_row") == (2, 4, 1)
    assert some(features(undone, "LN000002"), "contacts_7d", "contacts_30d", "failed_contacts_in_row") == (0, 0, 0)


def test_failures_in_a_row_end_with_a_message_that_got_through(undone):
    add_contacts(undone, ("failed", None), ("sent", "2026-05-01"), ("failed", None), ("unknown", "2026-05-02"))
    add_contacts(undone, ("failed", None))
    assert features(undone, "LN000001").failed_contacts_in_row == 2
    add_contacts(undone, ("sent", "2026-05-03"))
    assert features(undone, "LN000001").failed_contacts_in_row == 0


def promise(db: Connection, made_on: date, due_on: date, amount_fen: int, *, number: int = 2) -> None:
    contacts.add_promise(
        db,
        loan_id=f"LN{number:06d}",
        borrower_id=f"B{number}",
        made_on=made_on,
        due_on=due_on,
        amount_fen=amount_fen,
        note="",
        actor="test",
    )


def test_promises_broken_are_those_whose_day_is_over_and_whose_money_did_not_come(undone):
    promise(undone, date(2026, 3, 4), date(2026, 3, 4), 111_000)  # kept, to the fen, on the day
    assert features(undone, "LN000002").broken_promises == 0
    promise(undone, date(2026, 3, 1), date(2026, 3, 8), 111_001)  # one fen short
    promise(undone, date(2026, 3, 5), date(2026, 3, 9), 1)  # paid the day before it was made
    promise(undone, date(2026, 3, 1), date(2026, 3, 3), 1)  # paid the day after
    promise(undone, date(2026, 5, 1), TODAY, 1)  # its day is not over
    assert features(undone, "LN000002").broken_promises == 3
    paid_fen = [row["paid_fen"] for row in contacts.promises(undone, borrower_id="B2")]
    assert paid_fen == [111_000, 111_000, 0, 0, 0]


def hold(db: Connection, kind: str, from_on: date = TODAY, to_on: date | None = None, *, who: str = "B1") -> int:
    return contacts.add_hold(db, borrower_id=who, kind=kind, note="", from_on=from_on, to_on=to_on, actor="test")


@pytest.mark.parametrize(
    ("kind", "feature"),
    [
        ("complaint_open", "open_complaint"),
        ("dispute", "open_complaint"),
        ("hardship_review", "in_hardship"),
        ("legal", "in_legal"),
        ("breathing_space", None),
        ("marketing_opt_out", None),
    ],
)
def test_holds_that_segments_see(undone, kind, feature):
    hold(undone, kind)
    found = asdict(features(undone, "LN000001"))
    seen = [name for name in ("open_complaint", "in_hardship", "in_legal") if found[name]]
    assert seen == ([feature] if feature else [])


@pytest.mark.parametrize(
    ("from_on", "to_on", "runs"),
    [
        (TODAY, None, True),
        (TODAY, TODAY, True),
        (TODAY - DAY, TODAY - DAY, False),
        (TODAY + DAY, None, False),
    ],
)
def test_a_hold_runs_from_its_first_day_to_its_last(undone, from_on, to_on, runs):
    hold(undone, "dispute", from_on, to_on)
    assert features(undone, "LN000001").open_complaint is runs
    assert (Hold.DISPUTE in facts(undone).holds) is runs


def test_a_lifted_hold_is_over_on_that_day(undone):
    hold_id = hold(undone, "dispute", TODAY - DAY)
    assert contacts.lift_hold(undone, hold_id, on=TODAY, told="test")
    assert not features(undone, "LN000001").open_complaint
    assert not contacts.lift_hold(undone, hold_id, on=TODAY, told="test")
    assert not contacts.lift_hold(undone, 99, on=TODAY, told="test")


def test_a_landline_is_no_mobile_number(known):
    assert [one.has_phone for one in known.values()] == [True, True, True, False]


def facts(db: Connection, number: int = 1, text: str = "", **changes):
    wanted = (f"LN{number:06d}", f"B{number}", TODAY, text)
    found = facts_for_gate(db, [wanted], TODAY, is_holiday=False, **changes)
    return replace(found[wanted[0]], marketing_consent=True)


def test_nothing_speaks_against_a_borrower_of_whom_nothing_is_known(undone):
    assert refusal(facts(undone), LIMITS, at=instant(TODAY)) is None


def test_every_kind_of_hold_that_can_be_put_on_file_is_a_refusal_or_a_hand_over(undone):
    for kind in HOLD_KINDS:
        hold_id = hold(undone, kind)
        answer = refusal(facts(undone), LIMITS, at=instant(TODAY))
        if kind in {"legal", "marketing_opt_out"}:
            assert answer is None
        else:
            assert answer is not None
            assert answer.name.lower() == kind
        contacts.lift_hold(undone, hold_id, on=TODAY, told="test")
    hold(undone, "marketing_opt_out")
    assert facts(undone).opted_out


def test_a_promise_speaks_while_it_is_open(undone):
    promise(undone, TODAY, TODAY + DAY, 1, number=1)
    promise(undone, TODAY, TODAY, 1, number=1)
    assert facts(undone).promise_due_on == TODAY + DAY
    assert facts(undone, 2).promise_due_on is None
    take_inside(undone, alipay([repayment(TODAY, 1, note="LN000001")]), on=TODAY)
    assert facts(undone).promise_due_on is None


def test_paid_is_what_lacks_nothing_up_to_the_due_day(undone):
    assert [facts(undone, number).is_paid_meanwhile for number in (1, 2, 3, 4, 5)] == [False, False, False, True, True]


def test_caps_count_days_of_both_sides_when_the_clock_was_set_back(undone):
    add_contacts(undone, ("claimed", "2026-05-05"), ("sent", "2026-04-29"), ("sent", "2026-04-28"))
    add_contacts(undone, ("unknown", "2026-05-06"), ("released", "2026-05-05"))
    asked = facts(undone, text="【示例小贷】0")
    assert (asked.contacts_today, asked.contacts_7_days, asked.same_content_today) == (1, 3, 1)
    own = frozenset({contacts.messages(undone)[0]["message_id"]})
    asked = facts(undone, text="【示例小贷】0", own=own)
    assert (asked.contacts_today, asked.contacts_7_days, asked.same_content_today) == (0, 2, 0)


def test_refusals_of_the_gate_have_names_of_their_own():
    assert {kind.upper() for kind in HOLD_KINDS} - set(Refusal.__members__) == {"LEGAL", "MARKETING_OPT_OUT"}
