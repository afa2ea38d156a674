"""plan/build: an oracle in fractions and the laws that every plan keeps; fees; what is refused."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from terms import CALENDAR, FREQUENCIES, product

from loancli.core.days import Roll, months_after
from loancli.core.errors import InputError
from loancli.core.money import Rounding, rounded
from loancli.core.rates import PPM, DayCount
from loancli.plan import solve
from loancli.plan.build import build
from loancli.plan.due_days import due_dates, years_of
from loancli.plan.factors import factors_of
from loancli.plan.kinds import level_exact
from loancli.plan.product import Balloon, CreditLine, Fee, Kind, PrincipalBack, Step
from loancli.plan.rows import Reason, reason_of

START = date(2026, 1, 15)


def dues_of(terms, start_on, count, first_due_on=None):
    return due_dates(terms, start_on=start_on, first_due_on=first_due_on, periods=count, calendar=CALENDAR)


ORDINARY = [kind for kind in Kind if kind not in {Kind.REVENUE_SHARE, Kind.CUSTOM}]  # test_own_rows has custom plans
BALLOONS = st.one_of(
    st.builds(Balloon, periods=st.integers(49, 120)),
    st.builds(Balloon, residual_ppm=st.integers(1, 999_999)),
    st.builds(Balloon, residual_fen=st.integers(1, 100_000)),
)
STEPS = st.one_of(
    st.builds(Step, every=st.integers(1, 24), by_ppm=st.integers(-500_000, 500_000)),
    st.builds(Step, every=st.integers(1, 24), by_fen=st.integers(-5_000, 5_000)),
)
LINES = st.builds(
    CreditLine,
    principal=st.sampled_from(PrincipalBack),
    share_ppm=st.integers(1, 999_999),
    draw_min_fen=st.just(1),
    no_draws_last_periods=st.just(0),
    revolving=st.booleans(),
)
WEIGHTS = st.lists(st.integers(0, 100), min_size=12, max_size=12).map(tuple)


@st.composite
def loans(draw, kinds_drawn=tuple(ORDINARY)):
    """Terms and a principal, from the whole space of terms."""
    kind = draw(st.sampled_from(kinds_drawn))
    frequency = draw(st.sampled_from(FREQUENCIES))
    counts = [count for count in DayCount if frequency.months or count is not DayCount.EQUAL_MONTHS]
    day_count = draw(st.sampled_from(counts))
    terms = product(
        kind=kind,
        frequency=frequency,
        day_count=day_count,
        annual_rate_ppm=draw(st.integers(0, 240_000)),
        roll=draw(st.sampled_from([Roll.NONE, Roll.FOLLOWING, Roll.MODIFIED_FOLLOWING])),
        roll_interest=draw(st.booleans()) and day_count is not DayCount.EQUAL_MONTHS,
        rounding=draw(st.sampled_from(list(Rounding))),
        instalment_unit_fen=draw(st.sampled_from([1, 10, 100])),
        weights=draw(WEIGHTS) if kind is Kind.BIG_SMALL_MONTHS else (),
        balloon=draw(BALLOONS) if kind is Kind.BALLOON else None,
        step=draw(STEPS) if kind is Kind.STEPPED else None,
        line=draw(LINES) if kind is Kind.CREDIT_LINE else None,
    )
    principal_fen = draw(st.one_of(st.integers(1, 10**12), st.integers(100_000, 50_000_000)))
    start_on = draw(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
    stub_days = draw(st.one_of(st.none(), st.integers(1, 31)))
    first_due_on = start_on + timedelta(days=stub_days) if stub_days else None
    return terms, principal_fen, start_on, draw(st.integers(1, 48)), first_due_on


def plan_of(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    try:
        return build(terms, principal_fen, start_on, periods=count, first_due_on=first_due_on, calendar=CALENDAR)
    except InputError:
        return None  # exact or refused


@settings(max_examples=300)
@given(loans())
def test_a_plan_repays_its_principal_and_its_days_go_on(loan):
    plan = plan_of(loan)
    assume(plan is not None)
    terms, principal_fen, start_on, _, _ = loan
    assert sum(row.principal_fen for row in plan.rows) == principal_fen
    assert [row.number for row in plan.rows] == list(range(1, len(plan.rows) + 1))
    assert plan.rows[0].from_on == start_on
    for before, after in zip(plan.rows, plan.rows[1:], strict=False):
        assert before.to_on == after.from_on
        assert before.due_on < after.due_on
    for row in plan.rows:
        assert terms.roll is Roll.NONE or CALENDAR.is_working_day(row.due_on)
        assert row.to_on == row.due_on or not terms.roll_interest


@settings(max_examples=300)
@given(loans())
def test_interest_is_the_exact_fraction_rounded_once(loan):
    """The oracle: fractions all the way, and core.money.rounded() alone rounds."""
    plan = plan_of(loan)
    assume(plan is not None)
    terms, balance_fen, _, _, _ = loan
    for row in plan.rows:
        base_fen = plan.principal_fen if terms.kind is Kind.FLAT else balance_fen
        exact = Fraction(base_fen * terms.annual_rate_ppm, PPM) * years_of(terms, row)
        assert row.interest_fen == rounded(exact, terms.rounding)
        balance_fen -= row.principal_fen


@settings(max_examples=200)
@given(loans(kinds_drawn=(Kind.EQUAL_INSTALMENTS,)))
def test_the_level_is_the_solution_in_fractions(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    try:
        dues = dues_of(terms, start_on, count, first_due_on)
    except InputError:
        reject()
    level = level_exact(terms, principal_fen, dues)
    balance = Fraction(principal_fen)
    for due in dues:
        interest = balance * Fraction(terms.annual_rate_ppm, PPM) * years_of(terms, due)
        # Interest is always due in full; in the last period whatever the level leaves must be nothing.
        balance -= level - interest if due is dues[-1] else max(level - interest, 0)
    assert balance == 0


@settings(max_examples=200)
@given(loans(kinds_drawn=(Kind.BIG_SMALL_MONTHS,)))
def test_the_base_of_weights_closes_the_plan_though_the_balance_never_grows(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    try:
        dues = dues_of(terms, start_on, count, first_due_on)
    except InputError:
        reject()
    weights = [terms.weights[due.agreed_on.month - 1] for due in dues]
    assume(weights[-1])
    base = Fraction(*solve.weighted_base(principal_fen, factors_of(terms, dues), weights))
    balance = Fraction(principal_fen)
    for due, weight in zip(dues, weights, strict=True):
        interest = balance * Fraction(terms.annual_rate_ppm, PPM) * years_of(terms, due)
        part = weight * base - interest
        balance -= part if due is dues[-1] else max(part, 0)
    assert balance == 0


@settings(max_examples=100)
@given(loans(kinds_drawn=(Kind.STEPPED, Kind.BALLOON)))
def test_steps_and_balloons_close_in_fractions_though_the_balance_never_grows(loan):
    """What is solved for: with no rounding at all the last instalment is as the others, and the residual is left."""
    terms, principal_fen, start_on, count, first_due_on = loan
    reach = max(count, terms.balloon.periods) if terms.balloon else count
    try:
        dues = dues_of(terms, start_on, reach, first_due_on)
    except InputError:
        reject()
    residual_fen, weights, extras_fen = 0, [1] * reach, [0] * reach
    if terms.balloon:
        residual_fen = principal_fen * terms.balloon.residual_ppm // PPM
    else:
        ratio = PPM + terms.step.by_ppm
        steps = [index // terms.step.every for index in range(count)]
        weights = [ratio**number * PPM ** (steps[-1] - number) for number in steps]
        extras_fen = [terms.step.by_fen * number for number in steps]
    factors = factors_of(terms, dues)
    base = Fraction(*solve.solved(solve.Sought(principal_fen, factors, weights, extras_fen, residual_fen)))
    balance = Fraction(principal_fen)
    for due, weight, extra_fen in zip(dues, weights, extras_fen, strict=True):
        interest = balance * Fraction(terms.annual_rate_ppm, PPM) * years_of(terms, due)
        part = weight * base + extra_fen - interest
        balance -= part if due is dues[-1] else max(part, 0)
    assert balance == residual_fen


@settings(max_examples=200)
@given(loans())
def test_all_but_the_last_instalment_are_what_their_reason_says(loan):
    plan = plan_of(loan)
    assume(plan is not None)
    left_fen = plan.principal_fen
    for row in plan.rows[:-1]:
        code, values = reason_of(row.reason)
        if code is Reason.PART_IN_USE:
            assert row.principal_fen == rounded(Fraction(left_fen * values[0], PPM), plan.product.rounding)
        left_fen -= row.principal_fen
        if code is Reason.LEVEL:
            assert row.due_fen == values[0]
        elif code is Reason.STEP:
            number, instalment_fen, first_fen = values
            step = plan.product.step
            exact = first_fen * Fraction(PPM + step.by_ppm, PPM) ** (number - 1) + step.by_fen * (number - 1)
            assert number == (row.number - 1) // step.every + 1
            assert row.due_fen == instalment_fen
            assert row.due_fen == rounded(exact, plan.product.rounding, plan.product.instalment_unit_fen)
        elif code is Reason.FLAT:
            assert (row.principal_fen, plan.principal_fen) == values
        elif code is Reason.EQUAL_PART:
            assert row.principal_fen == values[0]
        elif code is Reason.WEIGHT:
            weight, biggest, big_fen = values
            unit_fen = plan.product.instalment_unit_fen
            assert row.due_fen == rounded(Fraction(big_fen * weight, biggest), plan.product.rounding, unit_fen)
        elif code not in {Reason.PART_IN_USE, Reason.LEVEL_IN_USE}:  # of the level, equal plans have the same rows
            assert code is Reason.INTEREST_ONLY
            assert row.principal_fen == 0
    code, values = reason_of(plan.rows[-1].reason)
    if code is Reason.BALLOON:
        assert plan.rows[-1].principal_fen == values[0]
        assert all(row.due_fen == values[1] for row in plan.rows[:-1] if row.principal_fen)
    if code is Reason.LAST and len(plan.rows) > 1:
        assert 0 < plan.rows[-1].due_fen <= 2 * values[0]


@settings(max_examples=100)
@given(loans(kinds_drawn=(Kind.EQUAL_INSTALMENTS, Kind.EQUAL_PRINCIPAL, Kind.INTEREST_FIRST)))
def test_more_principal_is_never_less_interest(loan):
    terms, principal_fen, start_on, count, first_due_on = loan
    assume(principal_fen < 10**12)
    smaller, bigger = plan_of(loan), plan_of((terms, principal_fen + 1, start_on, count, first_due_on))
    assume(smaller is not None and bigger is not None)
    # A fen can tip the rounding of a level by one unit, and so the interest of each later row by less than that.
    assert bigger.interest_fen >= smaller.interest_fen - terms.instalment_unit_fen * count


# --- fees ---


def test_fees_come_on_top_with_the_first_or_every_instalment():
    fees = (
        Fee(name="手续费", principal_ppm=5_000, due_with="first"),
        Fee(name="账户费", amount_fen=200, due_with="every"),
    )
    plan = build(product(fees=fees), 1_000_100, START, calendar=CALENDAR)
    assert [row.fee_fen for row in plan.rows[:3]] == [5_001 + 200, 200, 200]  # 5000.5 fen, half up
    assert plan.fee_fen == 5_001 + 12 * 200
    assert sum(row.principal_fen for row in plan.rows) == 1_000_100


# --- refused ---


@pytest.mark.parametrize(
    ("principal_fen", "count", "message"),
    [
        pytest.param(99, 12, "principal: 0.99 yuan is not allowed; plain lends 1.00 to 2.00 yuan", id="below"),
        pytest.param(201, 12, "principal: 2.01 yuan is not allowed", id="above"),
        pytest.param(150, 2, "periods: 2 is not allowed; plain has 3 to 24", id="too few"),
        pytest.param(150, 25, "periods: 25 is not allowed", id="too many"),
    ],
)
def test_what_the_product_does_not_lend_is_refused(principal_fen, count, message):
    terms = product(principal_min_fen=100, principal_max_fen=200, periods_min=3, periods_max=24)
    with pytest.raises(InputError, match=message):
        build(terms, principal_fen, START, periods=count, calendar=CALENDAR)


@pytest.mark.parametrize("kind", [Kind.EQUAL_INSTALMENTS, Kind.EQUAL_PRINCIPAL, Kind.FLAT])
def test_a_principal_too_small_to_share_is_refused_not_strange(kind):
    for principal_fen in (1, 7, 11):
        with pytest.raises(InputError, match="instalment_unit: 12 instalments"):
            build(product(kind=kind), principal_fen, START, calendar=CALENDAR)


def test_from_1_fen_to_10_billion_yuan_in_1_to_600_periods():
    for principal_fen in (1, 10**12):
        (row,) = build(product(), principal_fen, START, periods=1, calendar=CALENDAR).rows
        assert row.principal_fen == principal_fen
    for terms in (
        product(),
        product(kind=Kind.FLAT),
        product(kind=Kind.BALLOON, balloon=Balloon(periods=720)),
        product(kind=Kind.BALLOON, balloon=Balloon(residual_ppm=1)),
        product(kind=Kind.STEPPED, step=Step(every=1, by_ppm=1_001)),
        product(kind=Kind.STEPPED, step=Step(every=12, by_fen=-1)),
    ):
        (row,) = build(terms, 1, START, periods=1, calendar=CALENDAR).rows
        assert row.principal_fen == 1
        plan = build(terms, 10**12, START, periods=600, calendar=CALENDAR)
        assert len(plan.rows) == 600
        assert plan.rows[-1].due_on == months_after(START, 600)
        with pytest.raises(InputError, match=r"instalment_unit|step\.by"):
            build(terms, 1, START, periods=600, calendar=CALENDAR)


def test_a_unit_that_ends_the_plan_early_is_refused():
    terms = product(annual_rate_ppm=200_000, rounding=Rounding.UP, instalment_unit_fen=100)
    with pytest.raises(InputError, match=r"instalment_unit: 24 instalments of 7\.00 would leave 0\.00"):
        build(terms, 13_000, START, periods=24, calendar=CALENDAR)
