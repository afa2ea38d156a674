"""Planning asks the gate for everybody, keeps its answers, and plans once; a payment takes back what is queued."""

from dataclasses import replace
from datetime import date, time

import pytest
from contact_maker import message, plan, queue, rules, send, shipped, states, to_everyone
from ledger_maker import (
    DAY,
    alipay,
    borrower,
    close,
    dump,
    new_ledger,
    open_loan,
    place_by_hand,
    placings,
    repayment,
    stamp,
    take,
)
from terms import product

from loancli.core.errors import NotFoundError, RefusedError
from loancli.jobs.plan_contacts import approve, plan_contacts, segmented
from loancli.ledger import borrowers, contacts
from loancli.ledger.connect import Connection, trial, writing
from loancli.outreach.policy import Hold, Purpose
from loancli.plan.product import Allocation

DUE = date(2026, 2, 5)
LEVEL = 106_619
NOTE = to_everyone()


@pytest.fixture
def db(tmp_path) -> Connection:
    """Three borrowers with a loan each, due tomorrow."""
    made = new_ledger(tmp_path, is_durable=False)
    for number in (1, 2, 3):
        open_loan(made, f"LN{number:06d}", borrower_id=f"B{number}")
    close(made, DUE - 2 * DAY)
    return made


TODAY = DUE - DAY


def answers(db: Connection, batch: str) -> dict[str, str]:
    """Borrower → what is on file."""
    found = {row["borrower_id"]: row["reason"] for row in contacts.refusals(db, batch)}
    return found | {row["borrower_id"]: "message" for row in contacts.messages(db, batch=batch)}


# the day


@pytest.mark.parametrize("days", [-1, 1])
def test_only_the_open_day_can_be_planned(db, days):
    with pytest.raises(RefusedError, match=f"the books are open at {TODAY}"):
        plan(db, NOTE, TODAY + days * DAY)
    assert contacts.runs(db) == []


def test_while_days_are_not_closed_the_answer_says_what_to_do(db):
    with pytest.raises(RefusedError, match=f"first run: loancli day close --through {DUE + DAY}"):
        segmented(db, DUE + 2 * DAY, rules(NOTE))


def test_who_is_late_is_asked_on_the_day_itself(db):
    for days, steps in ((0, {"before_1"}), (1, {"due_day"}), (2, set())):
        close(db, TODAY + days * DAY - DAY)
        assert {one.key.split(":")[1] for one in plan(db, shipped("reminders"), TODAY + days * DAY).messages} == steps
    assert {one.key for one in plan(db, shipped("collections"), DUE + DAY).messages} == {
        f"collections:forgot_1:LN00000{number}:{DUE}" for number in (1, 2, 3)
    }


# once


def test_planning_twice_plans_once(db):
    planned = plan(db, NOTE, TODAY)
    assert (planned.new_count, len(planned.messages), planned.refused) == (3, 3, [])
    before = dump(db)
    again = plan(db, NOTE, TODAY, time(11))
    assert (again.batch, again.new_count, again.messages) == (planned.batch, 0, [])
    assert dump(db) == before


def test_a_trial_plans_the_same_and_keeps_nothing(db):
    before = dump(db)
    with trial(db):
        tried = plan_contacts(db, rules(NOTE), day=TODAY, at=stamp(TODAY).at, stamp=stamp(TODAY))
    assert dump(db) == before
    assert tried == plan(db, NOTE, TODAY, time(9))


def test_a_message_holds_what_was_planned(db):
    plan(db, shipped("reminders"), TODAY)
    first = contacts.messages(db)[0]
    del first["message_id"], first["why"]
    assert first == {
        "key": f"reminders:before_1:LN000001:{DUE}",
        "batch": f"reminders-{TODAY}",
        "campaign": "reminders",
        "purpose": "reminder",
        "borrower_id": "B1",
        "loan_id": "LN000001",
        "phone": "19900000001",
        "channel": "outfile",
        "template": "due_tomorrow",
        "text": ("【示例小贷】借款人B1您好，您的借款2月5日应还1,066.19元。如已还款请忽略，有困难请回复本短信。"),
        "planned_for": "2026-02-04",
        "segment": "everyone_else",
        "state": "queued",
        "detail": "",
    }


def test_what_is_planned_after_the_approval_is_not_approved(db):
    with writing(db):
        contacts.add_hold(db, borrower_id="B1", kind="dispute", note="", from_on=TODAY, to_on=None, actor="test")
    batch = plan(db, NOTE, TODAY, approved=True).batch
    assert plan(db, NOTE, TODAY).new_count == 0
    run = contacts.run(db, batch)
    assert (run["state"], run["approved_by"], run["queued"]) == ("approved", "test", 2)
    with writing(db):
        contacts.lift_hold(db, 1, on=TODAY, told="test")
    assert plan(db, NOTE, TODAY).new_count == 1
    run = contacts.run(db, batch)
    assert (run["state"], run["approved_by"], run["queued"]) == ("planned", None, 3)


def test_approving_twice_is_fine_and_the_first_name_stays(db):
    batch = plan(db, NOTE, TODAY).batch
    with writing(db):
        approve(db, batch, stamp=stamp(TODAY, actor="li"))
        approve(db, batch, stamp=stamp(TODAY, actor="wang"))
    assert contacts.run(db, batch)["approved_by"] == "li"
    with pytest.raises(NotFoundError, match="no campaign run 'note-2026-01-01'"), writing(db):
        approve(db, "note-2026-01-01", stamp=stamp(TODAY))


# one message per borrower and day


@pytest.fixture
def two_loans(tmp_path) -> Connection:
    """B1 has a loan that is a day late, and one that is due tomorrow."""
    made = new_ledger(tmp_path, is_durable=False)
    open_loan(made, "LN000001")
    open_loan(made, "LN000002", start_on=date(2026, 1, 7))
    close(made, DUE)
    return made


@pytest.mark.parametrize("first", ["collections", "reminders"])
@pytest.mark.parametrize("is_sent", [False, True], ids=["planned", "sent"])
def test_two_campaigns_of_a_day_write_once_to_a_borrower(two_loans, tmp_path, first, is_sent):
    second = {"collections": "reminders", "reminders": "collections"}[first]
    day = DUE + DAY
    assert len(plan(two_loans, shipped(first), day, approved=True).messages) == 1
    if is_sent:
        assert send(two_loans, tmp_path, day).sent_count == 1
    planned = plan(two_loans, shipped(second), day)
    assert (planned.messages, [one.refusal.name for one in planned.refused]) == ([], ["OTHER_PLANNED_TODAY"])
    assert answers(two_loans, planned.batch) == {"B1": "OTHER_PLANNED_TODAY"}
    assert len(contacts.messages(two_loans)) == 1


def test_a_cancelled_message_leaves_room_for_another(two_loans):
    day = DUE + DAY
    plan(two_loans, shipped("collections"), day)
    take(two_loans, alipay([repayment(day, LEVEL + 600, note="LN000001")]), on=day)
    assert states(two_loans) == {"forgot_1": "cancelled"}
    assert len(plan(two_loans, shipped("reminders"), day).messages) == 1


def test_one_campaign_writes_about_the_loan_that_is_most_overdue(two_loans):
    planned = plan(two_loans, NOTE, DUE + DAY)
    assert [one.loan_id for one in planned.messages] == ["LN000001"]
    assert [(one.loan_id, one.refusal.name) for one in planned.refused] == [("LN000002", "OTHER_PLANNED_TODAY")]


# refusals


@pytest.mark.parametrize("kind", [*(hold.value for hold in Hold), "breathing_space"])
def test_a_hold_is_a_named_refusal_that_is_kept(db, kind):
    with writing(db):
        contacts.add_hold(db, borrower_id="B1", kind=kind, note="", from_on=TODAY, to_on=TODAY, actor="test")
    planned = plan(db, NOTE, TODAY)
    assert answers(db, planned.batch) == {"B1": kind.upper(), "B2": "message", "B3": "message"}
    assert plan(db, NOTE, TODAY).refused[0].refusal.name == kind.upper()
    assert contacts.refusals(db, planned.batch) == [
        {"borrower_id": "B1", "loan_id": "LN000001", "step": "once", "day": str(TODAY), "reason": kind.upper()}
    ]


@pytest.mark.parametrize(("from_on", "to_on"), [(TODAY - DAY, TODAY - DAY), (TODAY + DAY, None)])
def test_a_hold_of_other_days_is_none(db, from_on, to_on):
    with writing(db):
        contacts.add_hold(db, borrower_id="B1", kind="deceased", note="", from_on=from_on, to_on=to_on, actor="test")
    assert len(plan(db, NOTE, TODAY).messages) == 3


def promise(db: Connection, due_on: date, amount_fen: int) -> None:
    with writing(db):
        contacts.add_promise(
            db, loan_id="LN000001", borrower_id="B1", made_on=TODAY - DAY, due_on=due_on, amount_fen=amount_fen,
            note="", actor="test",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("due_on", "answer"),
    [(TODAY + DAY, "PROMISE_OPEN"), (TODAY, "PROMISE_OPEN"), (TODAY - DAY, "message")],
    ids=["open", "its last day", "broken"],
)
def test_a_promise_is_waited_for_until_its_day_is_over(db, due_on, answer):
    promise(db, due_on, 500)
    assert answers(db, plan(db, NOTE, TODAY).batch)["B1"] == answer


def test_a_promise_that_was_kept_does_not_stand_in_the_way(db):
    promise(db, DUE, 500)
    take(db, alipay([repayment(TODAY, 500, note="LN000001")]), on=TODAY)
    assert answers(db, plan(db, NOTE, TODAY).batch)["B1"] == "message"


def test_marketing_is_refused_by_name_and_a_reminder_is_no_marketing(db):
    with writing(db):
        contacts.add_hold(
            db, borrower_id="B1", kind="marketing_opt_out", note="", from_on=TODAY, to_on=None, actor="test"
        )
    planned = plan(db, to_everyone(Purpose.OFFER, name="offer"), TODAY)
    assert answers(db, planned.batch) == {"B1": "OPTED_OUT", "B2": "NO_CONSENT", "B3": "NO_CONSENT"}
    assert len(plan(db, NOTE, TODAY).messages) == 3


def test_the_hour_that_is_planned_for_counts(db):
    assert {one.refusal.name for one in plan(db, NOTE, TODAY, time(22)).refused} == {"QUIET_HOURS"}
    assert len(plan(db, NOTE, TODAY, time(21, 59)).messages) == 3


def test_collections_rest_on_holidays_and_reminders_do_not(tmp_path):
    db = new_ledger(tmp_path, opened_on=date(2026, 1, 15), is_durable=False)
    open_loan(db, start_on=date(2026, 1, 15))
    day = date(2026, 2, 16)  # the eve of the new year; due on the 15th
    close(db, day - DAY)
    assert answers(db, plan(db, shipped("collections"), day).batch) == {"B1": "HOLIDAY"}
    assert len(plan(db, NOTE, day).messages) == 1


def test_a_borrower_without_a_mobile_number_is_not_written_to(db):
    with writing(db):
        borrowers.add(db, [borrower("B4", phone="0571-88886666")])
    open_loan(db, "LN000004", borrower_id="B4")
    assert answers(db, plan(db, NOTE, TODAY).batch)["B4"] == "NO_PHONE"
    close(db, DUE)
    planned = plan(db, shipped("collections"), DUE + DAY)
    assert [(one.borrower_id, one.segment) for one in planned.for_people] == [("B4", "unreachable")]


def test_people_take_over_what_is_for_people(db):
    with writing(db):
        contacts.add_hold(db, borrower_id="B1", kind="complaint_open", note="", from_on=TODAY, to_on=None, actor="test")
        contacts.add_hold(db, borrower_id="B2", kind="legal", note="", from_on=TODAY, to_on=None, actor="test")
    planned = plan(db, shipped("collections"), TODAY)
    assert [(one.borrower_id, one.segment) for one in planned.for_people] == [
        ("B1", "hardship_complaint"),
        ("B2", "legal"),
    ]
    assert [one.borrower_id for one in plan(db, shipped("reminders"), TODAY).messages] == ["B3"]


def test_spacing_and_the_most_messages_count_what_was_cancelled_as_nothing(db):
    one_each = replace(NOTE, messages_max=1, spacing_days=3)
    plan(db, one_each, TODAY)
    other = replace(one_each.steps[0], name="other")
    assert plan(db, replace(one_each, steps=(other,)), TODAY).new_count == 0
    with writing(db):
        contacts.step(db, [1], "cancelled", at=stamp(TODAY).at)
    assert [one.borrower_id for one in plan(db, replace(one_each, steps=(other,)), TODAY).messages] == ["B1"]


# a payment cancels


def queued(db: Connection) -> dict[str, str]:
    plan(db, NOTE, TODAY)
    return {row["borrower_id"]: row["state"] for row in contacts.messages(db)}


def now_states(db: Connection) -> dict[str, str]:
    return {row["borrower_id"]: row["state"] for row in contacts.messages(db)}


def test_a_payment_that_is_imported_cancels_what_is_queued(db):
    assert set(queued(db).values()) == {"queued"}
    report = take(db, alipay([repayment(TODAY, LEVEL, note="LN000001")]), on=TODAY)
    assert report.placed.cancelled_count == 1
    assert now_states(db) == {"B1": "cancelled", "B2": "queued", "B3": "queued"}
    assert contacts.messages(db)[0]["detail"] == "paid meanwhile"


def test_a_part_does_not_cancel_and_the_rest_does(db):
    queued(db)
    assert take(db, alipay([repayment(TODAY, LEVEL - 1, note="LN000001")]), on=TODAY).placed.cancelled_count == 0
    assert now_states(db)["B1"] == "queued"
    assert take(db, alipay([repayment(TODAY, 1, note="LN000001")]), on=TODAY).placed.cancelled_count == 1


def test_a_payment_that_a_person_places_cancels_what_is_queued(db):
    queued(db)
    take(db, alipay([repayment(TODAY, LEVEL, "77", party="某人")]), on=TODAY)
    assert placings(db) == {"77": ("suspense", None)}
    assert set(now_states(db).values()) == {"queued"}
    assert place_by_hand(db, "77", "LN000002", on=TODAY).placed_count == 1
    assert now_states(db) == {"B1": "queued", "B2": "cancelled", "B3": "queued"}


def test_a_payment_that_prepays_principal_changes_nothing_of_what_is_due(tmp_path):
    db = new_ledger(tmp_path, is_durable=False)
    open_loan(db, terms=product(allocation=Allocation(surplus="principal")))
    close(db, TODAY - DAY)
    plan(db, NOTE, TODAY)
    assert take(db, alipay([repayment(TODAY, LEVEL, note="LN000001")]), on=TODAY).placed.cancelled_count == 0
    assert states(db) == {"once": "queued"}


def test_settling_the_loan_cancels(db):
    queued(db)
    assert take(db, alipay([repayment(TODAY, 1_300_000, note="LN000001")]), on=TODAY).placed.cancelled_count == 1


def test_the_oldest_instalment_is_what_a_late_message_is_about(db):
    close(db, date(2026, 3, 6))  # two are late
    day = date(2026, 3, 7)
    assert plan(db, NOTE, day).messages[0].key == f"note:once:LN000001:{DUE}"
    # Penalties of 30 and 2 days, both months' interest, February's principal: March's principal stays unpaid.
    paid_fen = 1_419 + 96 + 12_000 + 11_054 + 94_619
    assert take(db, alipay([repayment(day, paid_fen - 1, note="LN000001")]), on=day).placed.cancelled_count == 0
    assert take(db, alipay([repayment(day, 1, note="LN000001")]), on=day).placed.cancelled_count == 1


def test_an_offer_is_not_about_what_is_due(db):
    queue(db, [message(1, TODAY, due_on=DUE, purpose="offer"), message(2, TODAY, due_on=DUE)])
    take(db, alipay([repayment(TODAY, LEVEL, note="LN000001")]), on=TODAY)
    assert states(db) == {"step1": "queued", "step2": "cancelled"}


def test_what_is_claimed_is_the_senders(db):
    queue(db, [message(1, TODAY, due_on=DUE)])
    with writing(db):
        contacts.claim(db, 1, on=TODAY, at=stamp(TODAY).at)
    assert take(db, alipay([repayment(TODAY, LEVEL, note="LN000001")]), on=TODAY).placed.cancelled_count == 0
    assert states(db) == {"step1": "claimed"}
