"""plan/columns: many loans of the same terms and days at once, to the fen what `build` makes of each."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from terms import CALENDAR, FREQUENCIES, product, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import PRINCIPAL_FEN_MAX, Rounding
from loancli.core.rates import PPM, DayCount
from loancli.plan import column_kinds
from loancli.plan.build import build
from loancli.plan.columns import plans, spread
from loancli.plan.product import Balloon, Base, Bound, BreathingSpace, Fee, Kind, Pays, Step
from loancli.plan.rows import OwnRow

START = date(2026, 1, 15)
BALLOONS = st.one_of(
    st.builds(Balloon, periods=st.integers(49, 120)),
    st.builds(Balloon, residual_ppm=st.one_of(st.integers(1, 999_999), st.integers(990_000, 999_999))),
    st.builds(Balloon, residual_fen=st.integers(1, 100_000)),
)
STEPS = st.one_of(
    st.builds(Step, every=st.integers(1, 24), by_ppm=st.integers(-500_000, PPM)),
    st.builds(Step, every=st.integers(1, 24), by_fen=st.integers(-5_000, 5_000)),
)
WEIGHTS = st.lists(st.integers(0, 1_000), min_size=12, max_size=12).map(tuple)
FEES = st.builds(
    Fee,
    name=st.just("fee"),
    amount_fen=st.integers(0, 5_000),
    principal_ppm=st.integers(0, PPM),
    due_with=st.sampled_from(["first", "every"]),
)
CAPS = st.one_of(st.none(), st.builds(Bound, base=st.just(Base.YUAN), value=st.integers(1, 100_000)))
# From 1 fen to 10 billion yuan, where 64 bits do not do; amounts of a few fen meet ties often.
PRINCIPALS = st.lists(
    st.one_of(
        st.integers(1, 400),
        st.integers(100_000, 50_000_000),
        st.integers(1, PRINCIPAL_FEN_MAX),
        st.just(PRINCIPAL_FEN_MAX),
    ),
    min_size=1,
    max_size=6,
)


def spaces(periods):
    """Breathing space agreed with the loan: it takes the exact path."""
    return st.builds(
        BreathingSpace,
        pays=st.sampled_from([Pays(interest=True), Pays(), Pays(part_ppm=300_000)]),
        extends=st.booleans(),
        periods_max=st.just(3),
        a_year_max=st.just(1),
        at_start=st.integers(0, min(3, periods - 1)),
    )


def shares(draw, count):
    """Rows that repay parts of the principal, or one principal in amounts."""
    cuts = sorted(draw(st.lists(st.integers(0, PPM), min_size=count - 1, max_size=count - 1)))
    parts = [after - before for before, after in zip([0, *cuts], [*cuts, PPM], strict=True)]
    by_share = draw(st.booleans())
    return tuple(OwnRow(share_ppm=part) if by_share else OwnRow(principal_fen=part) for part in parts)


@st.composite
def batches(draw):
    """Terms of every kind that has columns, and loans of one start."""
    kind = draw(st.sampled_from(list(column_kinds.KINDS)))
    frequency = draw(st.sampled_from(FREQUENCIES))
    counts = [count for count in DayCount if frequency.months or count is not DayCount.EQUAL_MONTHS]
    day_count = draw(st.sampled_from(counts))
    periods = draw(st.one_of(st.integers(1, 6), st.integers(1, 48)))
    is_share = kind is Kind.REVENUE_SHARE
    terms = (revenue_product if is_share else product)(
        **({"share": {"cap": draw(CAPS)}} if is_share else {}),
        kind=kind,
        frequency=frequency,
        day_count=day_count,
        annual_rate_ppm=draw(st.one_of(st.integers(0, 240_000), st.sampled_from([0, 120_000, 240_000]))),
        roll=draw(st.sampled_from([Roll.NONE, Roll.FOLLOWING, Roll.MODIFIED_FOLLOWING])),
        roll_interest=draw(st.booleans()) and day_count is not DayCount.EQUAL_MONTHS,
        rounding=draw(st.sampled_from(Rounding)),
        instalment_unit_fen=draw(st.sampled_from([1, 10, 100])),
        fees=tuple(draw(st.lists(FEES, max_size=2))),
        weights=draw(WEIGHTS) if kind is Kind.BIG_SMALL_MONTHS else (),
        balloon=draw(BALLOONS) if kind is Kind.BALLOON else None,
        step=draw(STEPS) if kind is Kind.STEPPED else None,
        breathing_space=draw(spaces(periods)) if kind is not Kind.CUSTOM and draw(st.integers(0, 9)) == 0 else None,
    )
    start_on = draw(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
    stub_days = draw(st.one_of(st.none(), st.integers(1, 31)))
    asked = {
        "calendar": CALENDAR,
        "periods": periods,
        "first_due_on": start_on + timedelta(days=stub_days) if stub_days else None,
        "own_rows": shares(draw, periods) if kind is Kind.CUSTOM else (),
    }
    return terms, draw(PRINCIPALS), start_on, asked


def exact(terms, principal_fen, start_on, asked):
    """What `build` makes of one loan: its rows, or None where it is refused."""
    try:
        rows = build(terms, principal_fen, start_on, **asked).rows
    except InputError:
        return None
    return [(row.principal_fen, row.interest_fen, row.fee_fen, row.from_on, row.to_on, row.due_on) for row in rows]


def same(terms, principals_fen, start_on, asked):
    """The columns of each loan are its rows; a refused loan is marked, and nothing else is."""
    found = plans(terms, np.array(principals_fen, dtype=np.int64), start_on, **asked)
    days = [(due.from_on, due.to_on, due.due_on) for due in found.dues]
    for at, principal_fen in enumerate(principals_fen):
        parts = (found.principal_fen, found.interest_fen, found.fee_fen)
        amounts = list(zip(*(each[:, at].tolist() for each in parts), strict=True))
        told = None if found.is_refused[at] else [(*one, *day) for one, day in zip(amounts, days, strict=True)]
        assert told == exact(terms, principal_fen, start_on, asked), principal_fen
        assert sum(principal for principal, _, _ in amounts) == (0 if found.is_refused[at] else principal_fen)
    return found


@settings(max_examples=400)
@given(batches())
def test_every_loan_of_a_batch_is_what_the_exact_path_makes_of_it(batch):
    terms, principals_fen, start_on, asked = batch
    if asked["own_rows"] and asked["own_rows"][0].share_ppm == 0:
        principals_fen = [*principals_fen, sum(row.principal_fen for row in asked["own_rows"])]
    try:
        same(terms, principals_fen, start_on, asked)
    except InputError:  # the terms or the days allow no principal at all
        assert [exact(terms, each, start_on, asked) for each in principals_fen] == [None] * len(principals_fen)
        reject()


KINDS = {
    "equal instalments": {},
    "equal principal": {"kind": Kind.EQUAL_PRINCIPAL},
    "interest first": {"kind": Kind.INTEREST_FIRST},
    "single payment": {"kind": Kind.SINGLE_PAYMENT},
    "flat": {"kind": Kind.FLAT},
    "weights": {"kind": Kind.BIG_SMALL_MONTHS, "weights": (1_000, 3, 0, 1, 1, 1, 1, 1, 1, 1, 7, 1)},
    "balloon, periods": {"kind": Kind.BALLOON, "balloon": Balloon(periods=60)},
    "balloon, part": {"kind": Kind.BALLOON, "balloon": Balloon(residual_ppm=300_001)},
    "balloon, nearly all": {"kind": Kind.BALLOON, "balloon": Balloon(residual_ppm=999_000)},
    "balloon, amount": {"kind": Kind.BALLOON, "balloon": Balloon(residual_fen=50_000)},
    "steps up": {"kind": Kind.STEPPED, "step": Step(every=6, by_ppm=51_003)},
    "steps up steeply": {"kind": Kind.STEPPED, "step": Step(every=1, by_ppm=PPM)},
    "steps down by an amount": {"kind": Kind.STEPPED, "step": Step(every=6, by_fen=-5_003)},
    "steps up by an amount": {"kind": Kind.STEPPED, "step": Step(every=1, by_fen=1_003)},
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("mode", Rounding)
def test_loans_beyond_64_bits_stand_beside_small_ones(name, mode):
    """A rate of six digits over a turn of the year to a leap year: the factors of act/act are long."""
    terms = product(annual_rate_ppm=146_001, day_count=DayCount.ACT_ACT, rounding=mode, **KINDS[name])
    principals_fen = [PRINCIPAL_FEN_MAX, 999_999_999_989, 1, 50_000, 50_001, 100_003, 5_000_017, 49_999_999]
    found = same(terms, principals_fen, date(2023, 10, 31), {"calendar": CALENDAR, "periods": 24})
    assert not found.is_refused.all()


@pytest.mark.parametrize(("changes", "is_wide"), [({}, False), (KINDS["steps up steeply"], True)])
def test_64_bits_are_used_where_they_do(changes, is_wide, monkeypatch):
    widths = []
    empty = column_kinds._empty
    monkeypatch.setattr(column_kinds, "_empty", lambda terms, each: widths.append(each.dtype) or empty(terms, each))
    terms = product(annual_rate_ppm=146_001, day_count=DayCount.ACT_365F, **changes)
    plans(terms, np.array([5_000_000, 10**11]), START, periods=36, calendar=CALENDAR)
    assert object in widths if is_wide else widths == [np.int64]


@pytest.mark.parametrize("mode", Rounding)
def test_exact_ties_go_where_the_mode_says(mode):
    """Half a fen of interest for every odd amount: 6 % a year for a month is 1 in 200."""
    terms = product(annual_rate_ppm=60_000, rounding=mode)
    odd_fen = list(range(20_100, 24_000, 200))
    for kind in (Kind.INTEREST_FIRST, Kind.EQUAL_PRINCIPAL, Kind.FLAT, Kind.EQUAL_INSTALMENTS):
        found = same(replace(terms, kind=kind), odd_fen, START, {"calendar": CALENDAR, "periods": 2})
        assert not found.is_refused.any()
    without_interest = replace(terms, annual_rate_ppm=0, instalment_unit_fen=10)
    same(without_interest, list(range(990, 1_300, 10)), START, {"calendar": CALENDAR, "periods": 4})


@pytest.mark.parametrize("day_count", [DayCount.EQUAL_MONTHS, DayCount.ACT_365F])
def test_600_instalments_from_1_fen_to_10_billion_yuan(day_count):
    terms = product(annual_rate_ppm=36_001, day_count=day_count)
    found = same(terms, [1, 3_000_000, 10**8, PRINCIPAL_FEN_MAX], START, {"calendar": CALENDAR, "periods": 600})
    assert found.is_refused.tolist() == [True, False, False, False]


def test_what_the_product_does_not_lend_is_refused_by_itself():
    terms = product(principal_min_fen=100_000, principal_max_fen=200_000)
    found = same(terms, [99_999, 100_000, 200_000, 200_001, 0], START, {"calendar": CALENDAR})
    assert found.is_refused.tolist() == [True, False, False, True, True]


def test_a_residual_beyond_the_principal_is_refused_by_itself():
    terms = product(kind=Kind.BALLOON, balloon=Balloon(residual_fen=50_000))
    found = same(terms, [49_999, 50_000, 60_000, 10**12], START, {"calendar": CALENDAR})
    assert found.is_refused.tolist() == [True, True, False, False]


def test_terms_that_suit_no_principal_are_an_error_as_for_one_loan():
    with pytest.raises(InputError, match="periods: 601"):
        plans(product(), np.array([10**6]), START, periods=601, calendar=CALENDAR)


def test_balances_are_spread_over_the_steps_that_are_left():
    """What is left after four instalments, over the other eight: as a plan that begins there."""
    terms = product(day_count=DayCount.ACT_365F)
    principals_fen = np.array([10_000_000, 12_345_678])
    asked = {"calendar": CALENDAR, "periods": 12}
    whole = plans(terms, principals_fen, START, **asked)
    left_fen = principals_fen - whole.principal_fen[:4].sum(axis=0)
    found = spread(terms, left_fen, whole.dues[4:])
    for at, balance_fen in enumerate(left_fen.tolist()):
        rows = build(terms, balance_fen, whole.dues[4].from_on, periods=8, calendar=CALENDAR).rows
        assert found.principal_fen[:, at].tolist() == [row.principal_fen for row in rows]
        assert found.interest_fen[:, at].tolist() == [row.interest_fen for row in rows]
