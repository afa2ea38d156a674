"""The class of a loan after its terms were eased, and after it was non-performing: CLS-03, CLS-04, CLS-08."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from random import Random

import pytest
import shelf
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import (
    CALENDAR,
    DAY,
    PLAIN,
    RandomLife,
    contract_for,
    coupon,
    paused,
    payment,
    payout,
    random_lives,
    voided,
    waived,
)
from terms import AGEING, product, revenue_product

from loancli.core.days import Roll, months_after
from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event
from loancli.core.money import fen_of
from loancli.plan.changes import change_of
from loancli.plan.product import Kind
from loancli.servicing.asset_class import AssetClass, worse
from loancli.servicing.contract import CHANGES, Contract, changed_by
from loancli.servicing.delinquency import OVER, Ageing, late_since
from loancli.servicing.easing import MAY_EASE, eases
from loancli.servicing.life import active_events, life, walked
from loancli.servicing.replan import replan
from loancli.servicing.restructuring import Judged

DOMAIN = shelf.cases("domain/cases.json")
FREE = replace(PLAIN, annual_rate_ppm=0, roll=Roll.NONE, periods=24)
OTHER = replace(PLAIN, code="other", kind=Kind.EQUAL_PRINCIPAL, annual_rate_ppm=72_000)
CHINESE = dict(zip(AssetClass, ("正常", "关注", "次级", "可疑", "损失"), strict=True))
NORMAL, SPECIAL_MENTION, SUBSTANDARD, DOUBTFUL, _ = AssetClass


def bank(contract: Contract) -> Contract:
    return replace(contract, product=replace(contract.product, lender_kind="bank"))


def changed(
    contract: Contract, events: Sequence[Event], text: str, on: date, in_difficulty: bool | None = None
) -> Event:
    """The event of a change in words, with the answer whether the debtor is in difficulty."""
    event = replan(
        contract, events, change_of(text), on, key=f"change/{on}/{text}", told=text, actor="test", calendar=CALENDAR,
        products={"other": OTHER},
    ).event  # fmt: skip
    return answered(event, in_difficulty)


def answered(event: Event, in_difficulty: bool | None) -> Event:
    more = {} if in_difficulty is None else {"in_difficulty": in_difficulty}
    return replace(event, payload=event.payload | more)


def judged(contract: Contract, events: Sequence[Event], on: date, ageing: Ageing = AGEING) -> Judged:
    found = ageing.standing(life(contract, events, on)).judged
    assert found is not None
    return found


def class_on(contract: Contract, events: Sequence[Event], on: date) -> AssetClass:
    return judged(contract, events, on).asset_class


def monthly() -> Contract:
    """A loan of 24 equal parts, due on the 15th from 15 December 2025 on."""
    return bank(contract_for(FREE, 2_400_000, date(2025, 11, 15)))


def kept(contract: Contract, *, but: Sequence[int] = ()) -> list[Event]:
    """The payout, and every instalment paid on its day, but some."""
    paid = [payment(row.due_on, row.due_fen, f"p{row.number}") for row in contract.rows if row.number not in but]
    return [payout(contract), *paid]


# --- the shelf ---


def test_rst_01() -> None:
    """Observation starts on the first repayment day after the change, and ends a year later at the earliest."""
    if "RST-01" not in DOMAIN:
        pytest.skip("the reference shelf is not here")
    told, expect = DOMAIN["RST-01"]["given"], DOMAIN["RST-01"]["expect"]
    on, first_on = (date.fromisoformat(told[name]) for name in ("changed_on", "first_repayment_after_change"))
    end_on = date.fromisoformat(expect["earliest_end"])
    contract = monthly()
    events = kept(contract)
    assert CHINESE[class_on(contract, events, on)] == told["class_before"]
    before = [event for event in events if event.effective_on <= on]
    eased = changed(contract, before, f"defer {first_on}", on, in_difficulty=True)
    contract_after = changed_by(contract, eased)
    assert next(row.due_on for row in contract_after.rows if row.due_on > on) == first_on
    paid = [payment(row.due_on, row.due_fen, f"q{row.number}") for row in contract_after.rows if row.due_on > on]
    events = [*before, eased, *paid]

    for day in (on, first_on, date(2026, 8, 1), end_on - DAY):
        assert CHINESE[class_on(contract, events, day)] == expect["class_floor_until_then"]
        observed = judged(contract, events, day).observed
        assert observed is not None
        assert (observed.from_on, observed.until_on) == (first_on, end_on)
    assert CHINESE[class_on(contract, events, end_on)] == told["class_before"]


def test_cls_03() -> None:
    if "CLS-03" not in DOMAIN:
        pytest.skip("the reference shelf is not here")
    told, expect = DOMAIN["CLS-03"]["given"], DOMAIN["CLS-03"]["expect"]
    (rule, *_) = (each for each in AGEING.cross_defaults if "bank" in each.lenders)
    for debtor in told["debtors"]:
        good_fen, bad_fen = fen_of(debtor["performing"]), fen_of(debtor["non_performing"])
        assert rule.drags(bad_fen, good_fen + bad_fen) is expect[debtor["id"]]
        retail = replace(rule, retail_max_fen=good_fen + bad_fen)
        assert not retail.drags(bad_fen, good_fen + bad_fen)
    assert not rule.drags(0, 0)


# --- what eases ---

YEAR_ON = replace(FREE, annual_rate_ppm=120_000, periods=12)


@pytest.mark.parametrize(
    ("text", "is_eased"),
    [
        ("extend 3", True),
        ("respread 18", True),
        ("respread 6", False),
        ("defer 1", True),
        ("defer 2026-04-01", True),
        ("rate 10%", True),
        ("rate 13%", False),
        ("breathe 1 interest", True),
        ("reweight 1,1,1,1,1,9,9,9,9,9,9,9", True),
        ("reweight 1,9,9,9,9,9,5,1,1,1,1,1", False),
        ("restructure other 30", True),
        ("restructure other 4", True),  # at a lower rate
        ("reage 12", True),
    ],
)
def test_a_change_that_asks_for_less_or_later_eases_and_another_does_not(text: str, is_eased: bool) -> None:
    contract = contract_for(YEAR_ON, 1_200_000, date(2026, 1, 10))
    events, on = [payout(contract)], contract.rows[0].due_on + 5 * DAY
    event = changed(contract, events, text, on)
    assert eases(contract, changed_by(contract, event), event) is is_eased
    conduct = life(contract, [*events, event], on).position.conduct
    assert (conduct is not None) is is_eased


@pytest.mark.parametrize(("text", "is_eased"), [("extend 3", True), ("respread 6", False), ("rate 10%", True)])
def test_words_that_nobody_writes_any_more_are_judged_by_what_they_did(text: str, is_eased: bool) -> None:
    contract = contract_for(YEAR_ON, 1_200_000, date(2026, 1, 10))
    event = changed(contract, [payout(contract)], text, contract.rows[0].due_on + 5 * DAY)
    event = replace(event, payload=event.payload | {"change": "in the words of old"})
    assert eases(contract, changed_by(contract, event), event) is is_eased


@pytest.mark.parametrize(
    ("text", "is_eased"),
    [("share 5%", True), ("share 25%", False), ("floor 10% of level", True), ("cap 3000 yuan", True)],
)
def test_a_revenue_plan_is_eased_by_a_lower_share_floor_or_cap(text: str, is_eased: bool) -> None:
    contract = contract_for(revenue_product(), 1_200_000, date(2026, 1, 10))
    on = date(2026, 1, 20)
    event = changed(contract, [payout(contract)], text, on)
    assert eases(contract, changed_by(contract, event), event) is is_eased


def test_what_was_agreed_at_signing_is_no_easing() -> None:
    """A breathing space that a weak window grants by itself carries the figures that granted it."""
    contract = contract_for(YEAR_ON, 1_200_000, date(2026, 1, 10))
    space = changed(contract, [payout(contract)], "breathe 1 interest", date(2026, 2, 1))
    granted = replace(space, payload=space.payload | {"why": {"revenue_fen": 1}})
    for event, is_eased in ((space, True), (granted, False)):
        assert eases(contract, changed_by(contract, event), event) is is_eased


# --- in difficulty? ---


@pytest.mark.parametrize("made", [coupon, paused, waived])
@pytest.mark.parametrize(
    ("told", "is_late", "is_restructured"),
    [(None, False, False), (None, True, True), (True, False, True), (False, True, False)],
)
def test_where_nobody_answered_a_loan_past_due_in_the_morning_says_it(
    made: object, told: bool | None, is_late: bool, is_restructured: bool
) -> None:
    contract = monthly()
    due_on = contract.rows[1].due_on
    events = kept(contract, but=[2] if is_late else [])
    if is_late:
        events.append(payment(due_on + DAY, contract.rows[1].due_fen, "late"))  # that very day, too late
    events = [event for event in events if event.effective_on <= due_on + DAY]
    given_up = {
        coupon: lambda on: coupon(on, amount_fen=1),
        paused: lambda on: paused(on, on + DAY),
        waived: lambda on: waived(on, "interest", 1),
    }[made](due_on + DAY)  # type: ignore[index]
    found = judged(contract, [*events, answered(given_up, told)], due_on + DAY)
    assert (found.observed is not None) is is_restructured
    assert (found.asset_class is SPECIAL_MENTION) is is_restructured


def test_the_answer_follows_from_what_is_known_of_the_day() -> None:
    """A payment that is told late and shows that nothing was overdue takes the restructuring away; so does a void."""
    contract = monthly()
    on = contract.rows[1].due_on + 10 * DAY
    events = [event for event in kept(contract, but=[2]) if event.effective_on <= on]
    eased = changed(contract, events, "extend 6", on)
    assert judged(contract, [*events, eased], on).observed
    in_time = payment(contract.rows[1].due_on, contract.rows[1].due_fen, "p2")
    assert judged(contract, [*events, in_time, eased], on) == Judged(NORMAL)
    assert judged(contract, [*events, eased, voided(eased)], on) == judged(contract, events, on)


# --- observation ---


def test_a_missed_instalment_begins_observation_anew_from_its_day() -> None:
    contract = monthly()
    events = [*kept(contract, but=[6]), answered(waived(date(2026, 1, 20), "interest", 1), in_difficulty=True)]
    missed_on = contract.rows[5].due_on
    events.append(payment(missed_on + 3 * DAY, contract.rows[5].due_fen, "late"))
    for day, until_on in (
        (missed_on, months_after(contract.rows[2].due_on, 12)),  # that day is not over
        (missed_on + DAY, months_after(missed_on, 12)),
        (months_after(missed_on, 12) - DAY, months_after(missed_on, 12)),
    ):
        observed = judged(contract, events, day).observed
        assert observed is not None
        assert observed.until_on == until_on
    assert class_on(contract, events, months_after(missed_on, 12)) is NORMAL


def test_two_instalments_may_take_longer_than_a_year() -> None:
    yearly = replace(FREE, frequency=replace(FREE.frequency, months=12), periods=5)
    contract = bank(contract_for(yearly, 500_000, date(2025, 11, 15)))
    events = [*kept(contract), answered(waived(date(2026, 1, 20), "interest", 1), in_difficulty=True)]
    observed = judged(contract, events, date(2026, 2, 1)).observed
    assert observed is not None
    assert (observed.from_on, observed.until_on) == (contract.rows[0].due_on, contract.rows[2].due_on)
    last = [*kept(contract), answered(waived(contract.rows[3].due_on, "interest", 1), in_difficulty=True)]
    observed = judged(contract, last, contract.rows[3].due_on).observed
    assert observed is not None
    assert observed.until_on is None  # one instalment is left: to the end


def test_eased_again_inside_observation_is_substandard_and_on_one_day_is_once() -> None:
    contract = monthly()
    first, twin = (answered(waived(date(2026, 1, 20), "interest", 1, key), in_difficulty=True) for key in ("a", "b"))
    again = answered(waived(date(2026, 6, 20), "interest", 1, "c"), in_difficulty=True)
    events = [*kept(contract), first, twin]
    assert class_on(contract, events, date(2026, 1, 21)) is SPECIAL_MENTION
    found = judged(contract, [*events, again], date(2026, 6, 20))
    assert found.asset_class is SUBSTANDARD
    assert found.observed is not None
    assert (found.observed.is_again, found.observed.until_on) == (True, months_after(contract.rows[7].due_on, 12))
    assert class_on(contract, [*events, again], months_after(contract.rows[7].due_on, 12) - DAY) is SUBSTANDARD
    assert class_on(contract, [*events, again], months_after(contract.rows[7].due_on, 12)) is NORMAL
    later = answered(waived(date(2027, 3, 20), "interest", 1, "c"), in_difficulty=True)  # observation is over by then
    assert class_on(contract, [*events, later], date(2027, 3, 20)) is SPECIAL_MENTION


def test_a_loan_that_was_non_performing_when_it_was_eased_gets_no_better_meanwhile() -> None:
    contract = monthly()
    due_on = contract.rows[0].due_on
    on = due_on + 300 * DAY
    events = [payout(contract)]
    assert class_on(contract, events, on - DAY) is DOUBTFUL
    eased = changed(contract, events, "reage 24", on)
    after = changed_by(contract, eased)
    paid = [payment(row.due_on, row.due_fen, f"q{row.number}") for row in after.rows if row.due_on > on]
    events += [eased, *paid]
    lived = life(contract, events, on)
    assert lived.position.due_fen == 0
    observed = judged(contract, events, on).observed
    assert observed is not None
    assert observed.until_on is not None
    for day in (on, on + 100 * DAY, observed.until_on - DAY):
        assert class_on(contract, events, day) is DOUBTFUL
    assert class_on(contract, events, observed.until_on) is NORMAL


def test_observation_begins_anew_at_its_end_if_something_is_overdue_then() -> None:
    contract = monthly()
    eased = answered(waived(date(2026, 1, 20), "interest", 1), in_difficulty=True)
    end_on = months_after(contract.rows[2].due_on, 12)
    assert contract.rows[14].due_on == end_on
    in_time, missed = kept(contract), kept(contract, but=[15])
    assert judged(contract, [*in_time, eased], end_on) == Judged(NORMAL)
    for day in (end_on, end_on + DAY):
        observed = judged(contract, [*missed, eased], day).observed
        assert observed is not None
        assert observed.from_on == end_on


def test_a_loan_that_becomes_doubtful_while_it_is_observed_stays_so_to_the_end() -> None:
    contract = monthly()
    eased = answered(waived(date(2026, 1, 20), "interest", 1), in_difficulty=True)
    paid_on = contract.rows[2].due_on + 280 * DAY
    before = [event for event in kept(contract) if event.effective_on < contract.rows[2].due_on]
    owed = life(contract, [*before, eased], paid_on).position
    all_paid = payment(paid_on, owed.due_fen + owed.penalty_accrued_fen, "all")
    rest = [payment(row.due_on, row.due_fen, f"p{row.number}") for row in contract.rows if row.due_on > paid_on]
    events = [*before, eased, all_paid, *rest]
    assert class_on(contract, events, paid_on - DAY) is DOUBTFUL
    observed = judged(contract, events, paid_on).observed
    assert observed is not None
    assert observed.from_on < paid_on  # from the last instalment that was missed
    assert observed.until_on == months_after(observed.from_on, 12)
    assert class_on(contract, events, observed.until_on - DAY) is DOUBTFUL


# --- better again ---


def late_then_paid(months: int) -> tuple[Contract, list[Event], date]:
    """Nothing is paid of the first instalments for so many months, then all of it at once, then each on its day."""
    contract = monthly()
    paid_on = months_after(contract.rows[0].due_on, months) + 3 * DAY
    asked_fen = life(contract, [payout(contract)], paid_on)
    whole_fen = asked_fen.position.due_fen + asked_fen.position.penalty_accrued_fen
    rest = [payment(row.due_on, row.due_fen, f"p{row.number}") for row in contract.rows if row.due_on > paid_on]
    return contract, [payout(contract), payment(paid_on, whole_fen, "all"), *rest], paid_on


def test_six_months_and_two_instalments_of_payment_on_the_day_make_a_loan_better() -> None:
    contract, events, paid_on = late_then_paid(4)
    better_on = months_after(paid_on, 6)
    assert class_on(contract, events, paid_on - DAY) is SUBSTANDARD
    found = judged(contract, events, paid_on)
    assert (found.asset_class, found.was_non_performing, found.better_from_on) == (SUBSTANDARD, True, better_on)
    assert class_on(contract, events, better_on - DAY) is SUBSTANDARD
    assert class_on(contract, events, better_on) is NORMAL
    missed = next(event for event in events if event.effective_on > months_after(paid_on, 3))
    later = [event for event in events if event.key != missed.key]
    later.append(replace(missed, effective_on=missed.effective_on + 2 * DAY))
    assert class_on(contract, later, better_on) is SUBSTANDARD  # paid, but not on its day: the time begins anew
    assert class_on(contract, later, months_after(missed.effective_on + 2 * DAY, 6)) is NORMAL


def test_a_loan_that_was_only_late_is_normal_as_soon_as_it_is_paid() -> None:
    contract, events, paid_on = late_then_paid(2)
    assert class_on(contract, events, paid_on - DAY) is SPECIAL_MENTION
    assert class_on(contract, events, paid_on) is NORMAL


@pytest.mark.parametrize(("days", "found"), [(30, NORMAL), (31, SUBSTANDARD)])
def test_what_is_kept_of_the_past_serves_the_earliest_line_a_file_may_have(days: int, found: AssetClass) -> None:
    contract = monthly()
    paid_on = contract.rows[0].due_on + days * DAY + DAY
    owed = life(contract, [payout(contract)], paid_on).position
    events = [payout(contract), payment(paid_on, owed.due_fen + owed.penalty_accrued_fen, "all")]
    assert judged(contract, events, paid_on, QUICK).asset_class is found
    assert judged(contract, events, paid_on - DAY, QUICK).asset_class is (found if days > 30 else SPECIAL_MENTION)


def test_the_shorter_of_both_where_the_file_says_so() -> None:
    contract, events, paid_on = late_then_paid(4)
    rules = replace(AGEING, upgrades=tuple(replace(each, needs_both=False) for each in AGEING.upgrades))
    second_on = [row.due_on for row in contract.rows if row.due_on > paid_on][1]
    assert judged(contract, events, second_on - DAY, rules).asset_class is SUBSTANDARD
    assert judged(contract, events, second_on, rules).asset_class is NORMAL


# --- laws ---

TEXTS = ["extend 2", "rate 6%", "rate 30%", "defer 1", "reage 4", "reage", "breathe 1 interest", "respread 9"]
ANSWERS = st.sampled_from([None, None, True, False])
TERMS = [replace(each, lender_kind="bank") for each in (product(roll=Roll.NONE), FREE)]
# So short that random lives pass every line of them.
QUICK = replace(
    AGEING,
    classifications=tuple(
        replace(each, substandard_days=31, doubtful_days=50, loss_days=80) for each in AGEING.classifications
    ),
    restructurings=tuple(replace(each, months_min=2) for each in AGEING.restructurings),
    upgrades=tuple(replace(each, months_min=1) for each in AGEING.upgrades),
)
LAX = replace(QUICK, past_due=replace(QUICK.past_due, due_min_fen=5_000))


@st.composite
def eased_lives(draw: st.DrawFn) -> RandomLife:
    """A random life with answers, whose plan is changed now and then."""
    told = draw(random_lives(st.sampled_from(TERMS), periods_max=8, payments_max=8))
    events = [answered(event, draw(ANSWERS)) if event.kind in MAY_EASE else event for event in told.events]
    on = told.contract.signed_on
    for _ in range(draw(st.integers(0, 3))):
        on += draw(st.integers(10, 90)) * DAY
        try:
            event = changed(told.contract, events, draw(st.sampled_from(TEXTS)), on, draw(ANSWERS))
        except (InputError, RefusedError):
            continue
        events.append(event)
        if draw(st.integers(0, 5)) == 0:
            events.append(voided(event))
    return told._replace(events=events, end_on=told.end_on + 120 * DAY)


def day_by_day(contract: Contract, events: Sequence[Event], on: date, ageing: Ageing) -> AssetClass | None:
    """The class by looking at the loan at the end of each day, as a person with a calendar would."""
    counting = active_events(events, on)
    rules = ageing.class_rules("bank", on)
    assert rules is not None
    assert rules.restructuring is not None
    assert rules.upgrade is not None
    eased: dict[date, list[bool | None]] = {}
    now = contract
    for event in counting:
        after = changed_by(now, event) if event.kind in CHANGES else now
        if event.kind in MAY_EASE and eases(now, after, event):
            eased.setdefault(event.effective_on, []).append(event.payload.get("in_difficulty"))
        now = after
    end = life(contract, counting, on)
    if end.position.status in OVER:
        return None
    dues = sorted({
        each.due_on
        for each in end.instalments
        if not each.is_fixed or each.principal_fen + each.interest_fen + each.fee_fen > 0
    })  # fmt: skip

    def second_after(day: date) -> date:
        return ([each for each in dues if each > day] + [date.max] * 2)[1]

    own = by_days = NORMAL
    least: AssetClass | None = None  # while observed
    start_on = first_on = clean_on = contract.signed_on
    was_bad = was_late = False
    for offset in range((on - contract.signed_on).days + 1):
        day = contract.signed_on + offset * DAY
        at_day = life(contract, [event for event in counting if event.effective_on <= day], day)
        since_on = late_since(at_day.instalments, ageing.due_min_fen)
        before, by_days = by_days, rules.by_days((day - since_on).days if since_on else 0)
        if at_day.position.due_fen:
            clean_on = day + DAY
        if least is not None:
            if was_late and day - DAY in dues and day - DAY >= first_on:
                start_on = max(start_on, day - DAY)
            if by_days.is_non_performing and not before.is_non_performing:
                start_on = max(start_on, day)
            end_on = max(months_after(start_on, rules.restructuring.months_min), second_after(start_on))
            if day >= end_on and since_on is None:
                least = None
            elif day >= end_on:
                start_on = end_on
        if any(was_late if told is None else told for told in eased.get(day, ())):
            again = least is not None
            least = worse(least or NORMAL, SUBSTANDARD if again else SPECIAL_MENTION)
            least = worse(least, own) if own.is_non_performing else least
            first_on = next((each for each in dues if each > day), day)
            start_on = max(first_on, start_on) if again else first_on
        own = worse(by_days, least or NORMAL)
        if own.is_non_performing:
            was_bad = True
            least = own if least is not None else None
        elif was_bad:
            waited = clean_on <= day and day >= months_after(clean_on, rules.upgrade.months_min)
            was_bad = not (waited and day >= second_after(clean_on))
            own = SUBSTANDARD if was_bad else own
        was_late = since_on is not None
    return own


@settings(max_examples=40, deadline=None)
@given(eased_lives(), st.integers(0, 400), st.sampled_from([QUICK, QUICK, LAX]))
def test_the_class_is_what_looking_at_each_day_gives(told: RandomLife, back: int, ageing: Ageing) -> None:
    on = max(told.contract.signed_on, told.end_on - back * DAY)
    found = ageing.standing(life(told.contract, told.events, on)).asset_class
    assert found is day_by_day(told.contract, told.events, on, ageing)


def test_what_is_noted_last_on_a_day_counts_for_it() -> None:
    """Whoever notes a day before a change of it that spreads anew what fell due, and again after it, notes it once."""
    contract = monthly()
    events, on = [payout(contract)], contract.rows[1].due_on
    change = changed(contract, events, "reage 24", on)
    walk, _ = walked(contract, events, on)
    walk.note(on)
    assert [[step.on for step in line.steps] for line in walk.arrears] == [[contract.rows[0].due_on], [on]]
    walk.changed(change)
    walk.note(on)
    once, _ = walked(contract, [*events, change], on)
    assert [line.steps for line in walk.arrears] == [line.steps for line in once.arrears]
    assert len(once.arrears) == 1
    assert once.arrears[0].steps[-1].late_fen == 0


@settings(max_examples=60, deadline=None)
@given(eased_lives(), st.integers(0, 400), st.randoms(use_true_random=False))
def test_the_laws_of_classes(told: RandomLife, back: int, random: Random) -> None:
    """Never better than the days allow; observed for a year at least, from the day of the change on; whatever order
    the events arrived in; and none of it without the events that eased."""
    on = max(told.contract.signed_on, told.end_on - back * DAY)
    lived = life(told.contract, told.events, on)
    standing = AGEING.standing(lived)
    if standing.judged is None:
        return
    floor = AGEING.asset_class(standing.days_past_due, "bank", on)
    assert floor is not None
    assert standing.judged.asset_class.rank >= floor.rank
    if observed := standing.judged.observed:
        assert observed.eased_on <= on
        assert observed.until_on is None or observed.until_on >= months_after(observed.eased_on, 12)
        assert observed.until_on is None or observed.until_on > on
        assert standing.judged.asset_class is not NORMAL
    shuffled = list(told.events)
    random.shuffle(shuffled)
    assert AGEING.standing(life(told.contract, shuffled, on)) == standing
    quiet = [answered(event, in_difficulty=False) if event.kind in MAY_EASE else event for event in told.events]
    assert AGEING.standing(life(told.contract, quiet, on)).judged.observed is None  # type: ignore[union-attr]
    if lived.position.conduct:
        assert type(lived.position.conduct).restored(lived.position.conduct.kept()) == lived.position.conduct
