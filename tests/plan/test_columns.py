"""plan/columns: many loans of the same terms and days at once, to the fen what kinds.build makes of each."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from terms import CALENDAR, product, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import PRINCIPAL_FEN_MAX, Rounding
from loancli.core.rates import PPM, DayCount
from loancli.plan import columns
from loancli.plan.columns import plans, spread
from loancli.plan.kinds import build
from loancli.plan.product import Balloon, Fee, Frequency, Kind, Step
from loancli.plan.rows import OwnRow

START = date(2026, 1, 15)
FREQUENCIES = [
    Frequency(months=1),
    Frequency(months=3),
    Frequency(days=7),
    Frequency(days=10),
    Frequency(half_monthly=True),
]
BALLOONS = st.one_of(
    st.builds(Balloon, periods=st.integers(49, 120)),
    st.builds(Balloon, residual_ppm=st.integers(1, 999_999)),
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


def shares(draw, count):
    """Rows that repay parts of the principal, or one principal in amounts."""
    cuts = sorted(draw(st.lists(st.integers(0, PPM), min_size=count - 1, max_size=count - 1)))
    parts = [after - before for before, after in zip([0, *cuts], [*cuts, PPM], strict=True)]
    by_share = draw(st.booleans())
    return tuple(OwnRow(share_ppm=part) if by_share else OwnRow(principal_fen=part) for part in parts)


@st.composite
def batches(draw):
    """Terms of every kind, and loans of one start."""
    kind = draw(st.sampled_from(Kind))
    frequency = draw(st.sampled_from(FREQUENCIES))
    counts = [count for count in DayCount if frequency.months or count is not DayCount.EQUAL_MONTHS]
    day_count = draw(st.sampled_from(counts))
    plain = revenue_product if kind is Kind.REVENUE_SHARE else product
    terms = plain(
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
    )
    start_on = draw(st.dates(date(2024, 1, 1), date(2026, 12, 31)))
    periods = draw(st.one_of(st.integers(1, 6), st.integers(1, 48)))
    stub_days = draw(st.one_of(st.none(), st.integers(1, 31)))
    asked = {
        "calendar": CALENDAR,
        "periods": periods,
        "first_due_on": start_on + timedelta(days=stub_days) if stub_days else None,
        "own_rows": shares(draw, periods) if kind is Kind.CUSTOM else (),
    }
    return terms, draw(PRINCIPALS), start_on, asked


def exact(terms, principal_fen, start_on, asked):
    """What kinds.build makes of one loan: its rows, or None where it is refused."""
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


@settings(max_examples=500)
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
