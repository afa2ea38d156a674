"""life() against a slow and simple model of it (tests/slow_life.py), over random contracts and events."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lives import CALENDAR, DAY, PLAIN, RandomLife, balances, event, forgiving, random_lives, voided
from slow_life import Audit, audit
from terms import revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError, RefusedError
from loancli.core.event import Event, EventKind
from loancli.core.rates import DayCount
from loancli.plan.changes import change_of
from loancli.plan.flexible import closes_on, window_of
from loancli.plan.product import Allocation, Early, FixedFee, Frequency, Kind, Penalty, Product
from loancli.servicing import life as life_module
from loancli.servicing import spend, walk
from loancli.servicing.life import Life, life
from loancli.servicing.lines import Line
from loancli.servicing.replan import replan
from loancli.servicing.walk import Walk

PARTS = ("principal", "interest", "fee", "penalty")
BILL = ("number", "due_on", "is_due", *(f"{part}_fen" for part in PARTS), *(f"paid_{part}_fen" for part in PARTS))
POSITION = (
    "principal_outstanding_fen", "principal_overdue_fen", "interest_due_fen", "fee_due_fen", "penalty_due_fen",
    "penalty_accrued_fen", "credit_fen", "paid_total_fen", "oldest_unpaid_due_on", "next_due_on", "next_due_fen",
    "accrued", "accruing_per_day",
)  # fmt: skip
CHANGES = (
    "extend 2", "respread 4", "rate 6%", "rate 20%", "defer 1", "reweight 1,2,3,4,4,4,3,3,2,2,1,1",
    "breathe 1 interest", "breathe 2 nothing extend", "breathe 1 40%", "restructure other 5", "reage", "reage 3",
    "shorter", "smaller",
)  # fmt: skip
FIRST = (EventKind.DISBURSED, EventKind.INSTALMENT_FIXED, EventKind.PLAN_CHANGED, EventKind.BREATHING_SPACE_GRANTED)
OTHER = replace(PLAIN, code="other", kind=Kind.EQUAL_PRINCIPAL, annual_rate_ppm=72_000)


# --- lives ---


def days_of(told: RandomLife) -> st.SearchStrategy[date]:
    """Days on which something happens, the days around them, and any other."""
    days = {each.effective_on for each in told.events}
    for row in told.contract.rows:
        days |= {row.to_on, row.due_on, row.due_on + told.contract.product.penalty.grace_days * DAY}
    near = sorted({day + apart * DAY for day in days for apart in (-1, 0, 1)})
    return st.sampled_from(near) | st.dates(told.contract.signed_on, told.end_on)


@st.composite
def changed_lives(draw: st.DrawFn) -> RandomLife:
    """A random life whose plan is changed now and then, as a person would have it on the day, who may think again."""
    told = draw(random_lives())
    events, end_on = list(told.events), told.end_on
    on = told.contract.signed_on
    for number in range(draw(st.integers(2, 4))):  # half of them are refused
        on += draw(st.integers(0, 80)) * DAY
        text = draw(st.sampled_from(CHANGES))
        try:
            found = replan(
                told.contract, events, change_of(text), on, key=f"change{number}", told=text, actor="test",
                calendar=CALENDAR, products={"other": OTHER},
            )  # fmt: skip
        except (InputError, RefusedError):
            continue
        events.append(found.event)
        if draw(st.integers(0, 7)) == 0:
            events.append(voided(found.event, on + draw(st.integers(0, 20)) * DAY))
        end_on = max(end_on, found.after.rows[-1].due_on + draw(st.integers(0, 30)) * DAY)
    return told._replace(events=events, end_on=end_on)


@st.composite
def crowded(draw: st.DrawFn, lives: st.SearchStrategy[RandomLife]) -> RandomLife:
    """A life of which many events come on a few days, on which something happens by itself, too."""
    told = draw(lives)
    few = draw(st.lists(days_of(told), min_size=1, max_size=3))
    kept = {each.effective_on for each in told.events if each.kind in FIRST}
    moved = {
        day: draw(st.sampled_from([day, *few])) for day in sorted({each.effective_on for each in told.events} - kept)
    }
    events = [replace(each, effective_on=moved.get(each.effective_on, each.effective_on)) for each in told.events]
    amounts = st.integers(1, told.contract.principal_fen)
    count = draw(st.integers(0, 2))
    events += [draw(forgiving(draw(st.sampled_from(few)), f"x{number}", amounts)) for number in range(count)]
    return told._replace(events=events)


@st.composite
def revenue_lives(draw: st.DrawFn) -> RandomLife:
    """A revenue plan, some or all of whose windows were closed; what is fixed may be anything."""
    day_count = draw(st.sampled_from(DayCount))
    frequency = draw(st.sampled_from([Frequency(days=7), Frequency(half_monthly=True), Frequency(months=1)]))
    fixed_fee = draw(st.sampled_from([None, FixedFee(principal_ppm=100_000, early=Early.UNEARNED_WAIVED)]))
    terms = revenue_product(
        share={"run_on_windows_max": draw(st.sampled_from([0, 2]))},
        day_count=DayCount.ACT_360 if day_count is DayCount.EQUAL_MONTHS and not frequency.months else day_count,
        frequency=frequency,
        fixed_fee=fixed_fee,
        annual_rate_ppm=0 if fixed_fee else 144_000,
        allocation=Allocation(surplus=draw(st.sampled_from(["credit", "principal"]))),
        penalty=Penalty(grace_days=draw(st.sampled_from([0, 3])), on_interest=draw(st.booleans())),
        roll=draw(st.sampled_from([Roll.NONE, Roll.FOLLOWING])),
    )
    told = draw(random_lives(st.just(terms)))
    contract = told.contract
    fixes = []
    for row in contract.rows[: draw(st.integers(0, len(contract.rows)))]:
        on = max(contract.signed_on, closes_on(window_of(terms, contract.rows, row.number)))
        takes_rest = row.number == len(contract.rows) or draw(st.integers(0, 9)) == 0
        amount_fen = draw(st.sampled_from([0, row.due_fen]) | st.integers(0, contract.principal_fen))
        fixed = {"number": row.number, "amount_fen": amount_fen, "takes_rest": takes_rest, "reasons": {}}
        fixes.append(event(EventKind.INSTALMENT_FIXED, f"fixed/{row.number}", on, **fixed))
        if takes_rest:
            break
    return told._replace(events=[*told.events, *fixes])


# --- what life() says is what the model says ---


def told_by(lived: Life) -> Audit:
    """What life() says, in the words of the model."""
    growing = lived.penalty_growing_fen
    bills = [
        {name: getattr(state, name) for name in BILL} | {"growing_fen": growing.get(state.number, 0)}
        for state in lived.instalments
    ]
    accounts = {account: fen for account, fen in balances(lived.movements).items() if fen}
    recovered: dict[str, int] = {}
    for each in lived.movements:
        if each.credit == "income:recovered":
            recovered[each.part] = recovered.get(each.part, 0) + each.amount_fen
    return Audit({name: getattr(lived.position, name) for name in POSITION}, bills, accounts, recovered)


def check(told: RandomLife, data: st.DataObject) -> None:
    """At the end of a life, and on two days of it, the model and life() say the same."""
    for as_of in (told.end_on, *data.draw(st.tuples(days_of(told), days_of(told)))):
        expected = audit(told.contract, told.events, as_of)
        found = told_by(life(told.contract, told.events, as_of))
        assert found.position == expected.position
        assert found.bills == expected.bills
        assert found.accounts == expected.accounts
        assert found.recovered == expected.recovered


@given(crowded(random_lives()), st.data())
def test_the_auditor_finds_what_life_says(told: RandomLife, data: st.DataObject) -> None:
    check(told, data)


@given(crowded(changed_lives()) | changed_lives(), st.data())
def test_the_auditor_finds_what_life_says_of_a_changed_plan(told: RandomLife, data: st.DataObject) -> None:
    check(told, data)


@given(crowded(revenue_lives()), st.data())
def test_the_auditor_finds_what_life_says_of_a_revenue_plan(told: RandomLife, data: st.DataObject) -> None:
    check(told, data)


# --- bugs planted in life() ---


def _count_the_day_of_payment_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def spend(self: Walk, day: date, *args: Any) -> None:
        self.accrue(day)
        self.accrued += self.interest(day, day + DAY)
        real(self, day, *args)

    real = Walk.spend
    monkeypatch.setattr(Walk, "spend", spend)


def _give_a_day_more_of_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    def fall_due(self: Walk, line: Line, day: date) -> None:
        before = list(self.grace_ends)
        real(self, line, day)
        self.grace_ends[:] = [each if each in before else (each[0] + DAY, each[1]) for each in self.grace_ends]

    real = Walk.fall_due
    monkeypatch.setattr(Walk, "fall_due", fall_due)


def _swap_the_order_of_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    real = spend.order_for
    monkeypatch.setattr(spend, "order_for", lambda *args: real(*args)[::-1])


def _count_penalty_from_the_day_after(monkeypatch: pytest.MonkeyPatch) -> None:
    def start_penalty(self: Walk, number: int) -> None:
        real(self, number)
        line = self.lines[number - 1]
        line.penalty_from = line.penalty_from and line.penalty_from + DAY

    real = Walk.start_penalty
    monkeypatch.setattr(Walk, "start_penalty", start_penalty)


def _drop_parts_of_a_fen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk, "rounded", lambda exact, *_: int(exact))


def _keep_the_part_of_a_fen_that_was_rounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def close_period(self: Walk, line: Line) -> None:
        self.accrue(line.row.to_on)
        rest = self.accrued % 1
        real(self, line)
        self.accrued = self.accrued or rest

    real = Walk.close_period
    monkeypatch.setattr(Walk, "close_period", close_period)


def _ignore_voids(monkeypatch: pytest.MonkeyPatch) -> None:
    def active_events(events: list[Event], as_of: date) -> list[Event]:
        return real([each for each in events if each.kind is not EventKind.EVENT_VOIDED], as_of)

    real = life_module.active_events
    monkeypatch.setattr(life_module, "active_events", active_events)


def _end_a_pause_a_day_early(monkeypatch: pytest.MonkeyPatch) -> None:
    def pause(self: Walk, event: Event) -> None:
        real(self, event)
        self.pauses[-1] = (self.pauses[-1][0], self.pauses[-1][1] - DAY)

    real = Walk.pause
    monkeypatch.setitem(walk.ACTS, EventKind.INTEREST_PAUSED, pause)


def _let_overdue_principal_bear_interest(monkeypatch: pytest.MonkeyPatch) -> None:
    def interest(self: Walk, from_on: date, to_on: date) -> Fraction:
        overdue_fen = sum(line.unpaid("principal") for line in self.lines if line.is_due)
        return real(self, from_on, to_on) + Fraction(overdue_fen, 36_000) * (to_on - from_on).days

    real = Walk.interest
    monkeypatch.setattr(Walk, "interest", interest)


def _let_penalty_be_booked_and_grow_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def crystallise(self: Walk, day: date, cause: str) -> None:
        began = {line.row.number: line.penalty_from for line in self.lines}
        real(self, day, cause)
        for line in self.lines:
            line.penalty_from = began[line.row.number]

    real = Walk.crystallise
    monkeypatch.setattr(Walk, "crystallise", crystallise)


def _leave_credit_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Walk, "spend_credit", lambda self, day, cause: None)


def _use_a_coupon_as_often_as_one_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    def use(paid: Any, *, of_instalment: bool) -> tuple[tuple[str, int], ...]:
        return tuple((coupon.cause, fen) for coupon, fen in paid)

    monkeypatch.setattr(walk, "use", use)


def _forget_the_own_order_of_credit(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Product.allocation_of
    monkeypatch.setattr(
        Product, "allocation_of", lambda self, kind: self.allocation if kind == "credit" else real(self, kind)
    )


PLANTED = [
    _forget_the_own_order_of_credit,
    _count_the_day_of_payment_twice,
    _give_a_day_more_of_grace,
    _swap_the_order_of_parts,
    _count_penalty_from_the_day_after,
    _drop_parts_of_a_fen,
    _keep_the_part_of_a_fen_that_was_rounded,
    _ignore_voids,
    _end_a_pause_a_day_early,
    _let_overdue_principal_bear_interest,
    _let_penalty_be_booked_and_grow_on,
    _leave_credit_unused,
    _use_a_coupon_as_often_as_one_likes,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__.strip("_"))
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, plant: Callable[[pytest.MonkeyPatch], None]) -> None:
    @settings(max_examples=400, derandomize=True, database=None, phases=[Phase.generate], report_multiple_bugs=False)
    @given(crowded(random_lives()), st.data())
    def audited(told: RandomLife, data: st.DataObject) -> None:
        check(told, data)

    plant(monkeypatch)
    with pytest.raises(AssertionError):
        audited()
