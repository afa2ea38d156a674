"""Campaigns wish, the gate decides; planning again, or a day late, plans nothing twice."""

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.days import BEIJING
from loancli.core.loan import Borrower
from loancli.core.rates import PPM
from loancli.outreach.outbox import State
from loancli.outreach.policy import Hold, Purpose, Refusal
from loancli.outreach.segments import Assigned, assign
from loancli.outreach.strategies import (
    Arm,
    Campaign,
    Handover,
    Past,
    Step,
    arm_of,
    for_people,
    mobile_of,
    plan,
    wishes,
)

DAY = date(2026, 11, 23)
NOON = datetime.combine(DAY, time(12), BEIJING)
EVERYONE = (Arm(name="all", share_ppm=PPM),)


def step(name, first, last, *, segments=("forgot",), template="forgot_soft", arms=()):
    return Step(name=name, segments=segments, days=(first, last), channel="outfile", template=template, arms=arms)


def late(*steps, **changes):
    """A collection campaign of these steps, without hold-out."""
    plain = Campaign(
        name="late",
        purpose=Purpose.COLLECTION,
        due_min_fen=1,
        spacing_days=1,
        messages_max=99,
        arms=EVERYONE,
        steps=steps or (step("first", 1, 3), step("second", 4, 7)),
    )
    return replace(plain, **changes)


def assigned_to(loans, segment="forgot"):
    return [Assigned(loan_id=one.loan_id, segment=segment, why="why") for one in loans]


def borrowers_of(loans, phone="13800001234"):
    return {one.borrower_id: Borrower(borrower_id=one.borrower_id, name="王小明", phone=phone) for one in loans}


def past_of(messages_or_wishes, state=State.SENT):
    return [
        Past(key=one.key, campaign=one.campaign, borrower_id=one.borrower_id, planned_for=one.planned_for, state=state)
        for one in messages_or_wishes
    ]


def wished(campaign, loans, *, as_of=DAY, past=(), segment="forgot"):
    return wishes(campaign, loans, assigned_to(loans, segment), as_of=as_of, past=past)


@pytest.mark.parametrize(
    ("days_past_due", "name"),
    [(0, None), (1, "first"), (3, "first"), (4, "second"), (7, "second"), (8, None)],
)
def test_a_step_is_wished_within_its_days(loan, days_past_due, name):
    found = wished(late(), [loan(days_past_due=days_past_due, days_to_due=None, due_fen=500)])
    assert [one.step for one in found] == ([name] if name else [])


def test_a_wish_says_what_it_is_about(loan):
    [one] = wished(late(), [loan(days_past_due=3, due_fen=500)])
    assert one.key == "late:first:L1:2026-11-20"
    assert (one.due_on, one.day, one.amount_fen, one.planned_for) == (date(2026, 11, 20), 3, 500, DAY)
    [before] = wished(late(step("soon", -3, -1)), [loan(days_to_due=3, next_due_fen=700, due_fen=0)])
    assert before.key == "late:soon:L1:2026-11-26"
    assert (before.day, before.amount_fen) == (-3, 700)


def test_what_is_overdue_comes_before_what_is_to_come(loan):
    both = loan(days_past_due=2, due_fen=500, days_to_due=3, next_due_fen=700)
    assert wished(late(step("soon", -3, -1)), [both]) == []


@pytest.mark.parametrize("state", list(State))
def test_a_step_is_planned_once_per_due_day_whatever_became_of_it(loan, state):
    loans = [loan(days_past_due=1, due_fen=500)]
    past = past_of(wished(late(), loans), state)
    assert wished(late(), loans, past=past) == []
    tomorrow = [loan(days_past_due=2, due_fen=500)]
    assert wished(late(), tomorrow, as_of=DAY + timedelta(days=1), past=past) == []
    next_due = [loan(days_past_due=1, due_fen=500)]
    assert len(wished(late(), next_due, as_of=DAY + timedelta(days=1), past=past)) == 1


@pytest.mark.parametrize(
    ("state", "is_wished"),
    [
        pytest.param(State.QUEUED, False, id="queued counts"),
        pytest.param(State.UNKNOWN, False, id="unknown counts"),
        pytest.param(State.SENT, False, id="sent counts"),
        pytest.param(State.FAILED, True, id="failed reached nobody"),
        pytest.param(State.CANCELLED, True, id="cancelled reached nobody"),
    ],
)
def test_spacing_is_per_borrower_and_counts_what_may_have_arrived(loan, state, is_wished):
    yesterday = [loan(loan_id="L2", days_past_due=1, due_fen=500)]
    past = past_of(wished(late(), yesterday, as_of=DAY - timedelta(days=1)), state)
    found = wished(late(spacing_days=2), [loan(days_past_due=1, due_fen=500)], past=past)
    assert bool(found) is is_wished


def test_another_campaigns_past_does_not_space_this_one(loan):
    other = past_of(wished(late(name="other"), [loan(days_past_due=1, due_fen=500)]))
    assert len(wished(late(spacing_days=9), [loan(days_past_due=1, due_fen=500)], past=other)) == 1


def test_small_amounts_are_not_worth_a_message(loan):
    campaign = late(due_min_fen=5_000)
    assert wished(campaign, [loan(days_past_due=1, due_fen=4_999)]) == []
    assert len(wished(campaign, [loan(days_past_due=1, due_fen=5_000)])) == 1


def test_nothing_due_is_nothing_to_say(loan):
    assert wished(late(step("soon", -30, 0)), [loan(days_to_due=None)]) == []


def test_two_attempts_two_full_days_apart_above_a_threshold(loan):
    case = shelf.cases("truth/dunning.json").get("lago-single")
    if case is None:
        pytest.skip("the reference shelf is not here")
    given_, expected = case["inputs"], case["expected"]
    year, first = 2026, date(2026, 1, 4)
    campaign = late(
        *(step(f"attempt_{number}", 1, 60) for number in range(1, 5)),
        due_min_fen=int(given_["threshold"]) * 100,
        spacing_days=given_["days_between"] + 1,
        messages_max=given_["max_attempts"],
    )
    amounts = {date.fromisoformat(f"{year}-{one['from']}"): int(one["amount"]) * 100 for one in given_["overdue"]}
    past, attempts, due_fen = [], [], 0
    for number in range(20):
        day = first + timedelta(days=number)
        due_fen = amounts.get(day, due_fen)
        found = wished(campaign, [loan(days_past_due=number + 1, due_fen=due_fen)], as_of=day, past=past)
        attempts += [f"{one.planned_for:%m-%d}" for one in found]
        past += past_of(found)
    assert attempts == [one["date"] for one in expected["attempts"]]


def test_a_ladder_counts_from_the_earliest_unpaid_day(loan):
    case = shelf.cases("truth/dunning.json").get("kb-ladder-control")
    if case is None:
        pytest.skip("the reference shelf is not here")
    ladder = case["inputs"]["ladder_days"]
    campaign = late(*(step(name.lower(), day, day) for name, day in ladder.items()))
    due_on = date.fromisoformat(f"2026-{case['inputs']['earliest_unpaid']}")
    sent = {}
    for number in range(1, 10):
        day = due_on + timedelta(days=number)
        for one in wished(campaign, [loan(days_past_due=number, due_fen=500)], as_of=day):
            sent[one.step.upper()] = f"{day:%m-%d}"
    assert sent == {one["state"]: one["date"] for one in case["expected"]["transitions"]}


def test_a_person_takes_over_and_the_machine_is_silent(loan):
    handover = Handover(segments=("forgot",), from_day=3, why_zh="人工", why_en="a person")
    campaign = late(step("first", 1, 9), handovers=(handover,), arms=(Arm(name="out", share_ppm=PPM, contact=False),))
    contacted = replace(campaign, arms=EVERYONE)
    two, three = loan(days_past_due=2, due_fen=500), loan(days_past_due=3, due_fen=500)
    assert len(wished(contacted, [two])) == 1
    assert wished(contacted, [three]) == []
    assert for_people(contacted, [two], assigned_to([two])) == []
    [taken] = for_people(campaign, [three], assigned_to([three]))  # hold-out or not
    assert (taken.loan_id, taken.segment, taken.why_en) == ("L1", "forgot", "a person")
    assert for_people(contacted, [three], assigned_to([three], "everyone_else")) == []


def test_the_holdout_hears_nothing_and_a_step_may_be_for_one_arm(loan):
    arms = (
        Arm(name="a", share_ppm=500_000),
        Arm(name="b", share_ppm=400_000),
        Arm(name="out", share_ppm=100_000, contact=False),
    )
    campaign = late(step("soft", 1, 3, arms=("a",)), step("plain", 1, 3, arms=("b",)), step("any", 1, 3), arms=arms)
    loans = [loan(borrower_id=f"B{n}", loan_id=f"L{n}", days_past_due=1, due_fen=500) for n in range(2_000)]
    found = wished(campaign, loans)
    steps = Counter(one.step for one in found)
    assert {(one.arm, one.step) for one in found} == {("a", "soft"), ("b", "plain")}
    assert abs(steps["soft"] - 1_000) < 100
    assert abs(2_000 - len(found) - 200) < 60


@given(st.text(min_size=1), st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_an_arm_is_the_same_every_time_and_every_borrower_has_one(borrower_id, weights):
    total = sum(weights)
    shares = [weight * PPM // total for weight in weights]
    shares[0] += PPM - sum(shares)
    campaign = late(arms=tuple(Arm(name=f"a{n}", share_ppm=share) for n, share in enumerate(shares)))
    assert arm_of(campaign, borrower_id) is arm_of(campaign, borrower_id)


def test_arms_are_drawn_anew_for_each_campaign():
    halves = (Arm(name="a", share_ppm=500_000), Arm(name="b", share_ppm=500_000))
    one, other = late(arms=halves), late(arms=halves, name="other")
    differing = sum(arm_of(one, f"B{n}") != arm_of(other, f"B{n}") for n in range(400))
    assert 150 < differing < 250


# From wishes to messages.


def planned(loans, campaign, limits, templates, facts, *, segment="forgot", at=NOON, phone="13800001234"):
    asked = facts if isinstance(facts, dict) else {one.loan_id: facts for one in loans}
    found = wished(campaign, loans, as_of=at.astimezone(BEIJING).date(), segment=segment)
    return plan(found, asked, limits, templates=templates, borrowers=borrowers_of(loans, phone), at=at)


def test_a_wish_that_nothing_speaks_against_becomes_a_message(loan, asked, limits, templates):
    loans = [loan(days_past_due=3, due_fen=123_450)]
    [message], refused = planned(loans, late(), limits, templates, asked(), phone="+86 138-0000-1234")
    assert refused == []
    assert message.key == "late:first:L1:2026-11-20"
    assert message.phone == "13800001234"
    assert (message.purpose, message.channel, message.template) == ("collection", "outfile", "forgot_soft")
    assert message.text.startswith("【示例小贷】王小明您好，您11月20日应还的1,234.50元尚未到账")
    assert (message.segment, message.why, message.planned_for) == ("forgot", "why", DAY)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"holds": frozenset({Hold.COMPLAINT_OPEN})}, Refusal.COMPLAINT_OPEN, id="a complaint"),
        pytest.param({"is_paid_meanwhile": True}, Refusal.PAID_MEANWHILE, id="paid meanwhile"),
        pytest.param({"contacts_7_days": 7}, Refusal.WEEK_FULL, id="the week is full"),
        pytest.param({"has_valid_phone": False}, Refusal.NO_PHONE, id="the number is known to be invalid"),
        pytest.param({"other_planned_today": True}, Refusal.OTHER_PLANNED_TODAY, id="a reminder is queued"),
        pytest.param({"purpose": Purpose.OFFER, "opted_out": True}, None, id="the wish decides the purpose"),
        pytest.param({"by_call": True, "attempts_today": 6}, None, id="a text is no call"),
        pytest.param({"template_approved": False}, None, id="the template decides whether it is approved"),
    ],
)
def test_the_gate_decides_with_the_facts_as_gathered(loan, asked, limits, templates, facts, reason):
    messages, refused = planned([loan(days_past_due=1, due_fen=500)], late(), limits, templates, asked(**facts))
    assert [one.refusal for one in refused] == ([reason] if reason else [])
    assert len(messages) == (reason is None)


def test_days_are_told_as_a_distance_before_and_after_the_due_day(loan, asked, limits, templates):
    campaign = late(step("soon", -3, 3, template="forgot_again"))
    for changes in ({"days_to_due": 3, "next_due_fen": 500}, {"days_past_due": 3, "due_fen": 500}):
        [message], _ = planned([loan(**changes)], campaign, limits, templates, asked())
        assert "3天" in message.text
        assert "-3" not in message.text


def test_a_text_nobody_approved_and_a_number_that_is_none_are_refused(loan, asked, limits, templates):
    loans = [loan(days_past_due=1, due_fen=500)]
    unapproved = {name: replace(one, approved_by=" ") for name, one in templates.by_name.items()}
    _, [refused] = planned(loans, late(), limits, replace(templates, by_name=unapproved), asked())
    assert refused.refusal is Refusal.TEMPLATE_NOT_APPROVED
    _, [refused] = planned(loans, late(), limits, templates, asked(), phone="010-12345678")
    assert (refused.refusal, refused.loan_id, refused.borrower_id) == (Refusal.NO_PHONE, "L1", "B1")


def test_at_night_nothing_is_planned(loan, asked, limits, templates):
    night = datetime.combine(DAY, time(22), BEIJING)
    _, [refused] = planned([loan(days_past_due=1, due_fen=500)], late(), limits, templates, asked(), at=night)
    assert refused.refusal is Refusal.QUIET_HOURS


def test_a_borrower_of_several_loans_gets_one_message_about_the_most_overdue(loan, asked, limits, templates):
    loans = [
        loan(loan_id="L1", days_past_due=1, due_fen=900),
        loan(loan_id="L2", days_past_due=3, due_fen=100),
        loan(loan_id="L3", days_past_due=3, due_fen=200),
        loan(loan_id="L4", borrower_id="B2", days_past_due=1, due_fen=100),
    ]
    messages, refused = planned(loans, late(), limits, templates, asked())
    assert [one.loan_id for one in messages] == ["L3", "L4"]
    assert [(one.loan_id, one.refusal) for one in refused] == [
        ("L2", Refusal.OTHER_PLANNED_TODAY),
        ("L1", Refusal.OTHER_PLANNED_TODAY),
    ]


def test_if_the_most_overdue_loan_is_refused_the_next_is_told(loan, asked, limits, templates):
    loans = [loan(loan_id="L1", days_past_due=1, due_fen=500), loan(loan_id="L2", days_past_due=3, due_fen=500)]
    facts = {"L1": asked(), "L2": asked(promise_due_on=DAY)}
    [message], [refused] = planned(loans, late(), limits, templates, facts)
    assert (message.loan_id, refused.loan_id, refused.refusal) == ("L1", "L2", Refusal.PROMISE_OPEN)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "borrower_id": st.sampled_from(["B1", "B2", "B3"]),
                "days_past_due": st.integers(0, 25),
                "due_fen": st.integers(0, 20_000),
                "days_to_due": st.none() | st.integers(0, 5),
                "next_due_fen": st.integers(0, 20_000),
                "self_cure_rate_ppm": st.sampled_from([None, 900_000]),
                "months_on_book": st.sampled_from([1, 12]),
            }
        ),
        max_size=6,
    ),
    st.lists(st.integers(0, 2), min_size=1, max_size=12),
)
def test_over_any_days_no_key_comes_twice_and_nobody_gets_two_a_day_or_too_many(
    loan, asked, limits, templates, segments, campaign, changes, gaps
):
    reminders, collections = campaign("reminders"), campaign("collections")
    past, day = [], DAY
    for gap in gaps:  # a gap of 0 is planning the same day again; of 2, a day without cron
        day += timedelta(days=gap)
        passed = (day - DAY).days
        loans = [
            loan(loan_id=f"L{number}", **(change | {"days_past_due": change["days_past_due"] + passed}))
            for number, change in enumerate(changes)
        ]
        assigned = assign(loans, segments)
        for one in (reminders, collections):
            queued = {row.borrower_id for row in past if row.planned_for == day}
            facts = {each.loan_id: asked(other_planned_today=each.borrower_id in queued) for each in loans}
            found = wishes(one, loans, assigned, as_of=day, past=past)
            at = datetime.combine(day, time(9), BEIJING)
            messages, _ = plan(found, facts, limits, templates=templates, borrowers=borrowers_of(loans), at=at)
            past += past_of(messages)
    keys = [row.key for row in past]
    assert len(set(keys)) == len(keys)
    assert max(Counter((row.borrower_id, row.planned_for) for row in past).values(), default=0) <= 1
    most = Counter((row.campaign, *row.key.split(":")[2:]) for row in past)
    assert all(count <= (4 if key[0] == "collections" else 3) for key, count in most.items())


def test_who_pays_anyway_is_left_alone_until_day_five(loan, segments, campaign):
    collections = campaign("collections")
    said = []
    for day in range(1, 8):
        one = loan(days_past_due=day, due_fen=9_000, self_cure_rate_ppm=900_000, months_on_book=12)
        said += [(day, wish.step) for wish in wishes(collections, [one], assign([one], segments), as_of=DAY, past=[])]
    assert said == [(5, "leave_then_note"), (6, "leave_then_note"), (7, "leave_then_note")]


def test_short_of_cash_is_offered_help_and_then_a_person(loan, segments, campaign):
    collections = campaign("collections")
    one = loan(days_past_due=1, due_fen=9_000, revenue_30d_fen=100_000)
    [wish] = wishes(collections, [one], assign([one], segments), as_of=DAY, past=[])
    assert wish.template == "help_offer"
    later = replace(one, days_past_due=15)
    assert wishes(collections, [later], assign([later], segments), as_of=DAY, past=[]) == []
    assert len(for_people(collections, [later], assign([later], segments))) == 1


@pytest.mark.parametrize(
    ("phone", "mobile"),
    [
        ("13800001234", "13800001234"),
        ("+86 138 0000 1234", "13800001234"),
        ("0086-13800001234", "13800001234"),
        ("12800001234", None),
        ("1380000123", None),
        ("138000012345", None),
        ("１３８００００１２３４", None),
        ("", None),
    ],
)
def test_mobile_numbers(phone, mobile):
    assert mobile_of(phone) == mobile
