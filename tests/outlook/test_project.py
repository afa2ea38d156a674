"""outlook/project: both plans over the same futures, with figures that can be counted again by hand."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import ONCE
from slow_projection import project_one
from terms import CALENDAR, product, revenue_product

from loancli.core.errors import InputError
from loancli.core.rates import PPM, DayCount
from loancli.outlook.futures import Stress
from loancli.outlook.history import History
from loancli.outlook.project import BURDEN_MAX_PPM, Spread, project
from loancli.plan.build import build
from loancli.plan.cost import of_paths, of_plan
from loancli.plan.product import BreathingSpace, Frequency, Kind, Pays

START = date(2026, 1, 10)
FLAT = History(first_on=date(2025, 1, 1), months_fen=(8_000_000,) * 12)
ROUGH = History(
    first_on=date(2024, 1, 1),
    months_fen=tuple(5_000_000 + number * 1_777_777 % 4_000_003 for number in range(24)),
)


BREATHES_FIRST = BreathingSpace(pays=Pays(), extends=True, periods_max=2, a_year_max=1, at_start=2)


def run(history=FLAT, terms=None, principal_fen=10_000_000, start_on=START, **changes):
    asked = {"calendar": CALENDAR, "periods": None, "futures": 200, "seed": 1, "stress": None, "burden_ppm": 300_000}
    return project(terms or revenue_product(), principal_fen, start_on, history, **asked | changes)


def test_where_nothing_varies_every_future_is_the_one_that_the_rules_give():
    terms = revenue_product(fees=(ONCE,))
    found = run(terms=terms)
    rows = build(terms, 10_000_000, START, calendar=CALENDAR).rows
    slow = project_one(terms, rows, maturity_number=12, principal_fen=10_000_000, revenue_fen=[8_000_000] * 12)
    dues = [sum(parts) for parts in slow]
    assert [line.due_fen for line in found.lines] == [Spread(due, due, due) for due in dues]
    assert [line.revenue_fen.p50 for line in found.lines] == [8_000_000] * 12
    total = sum(dues)
    share = found.result
    assert share.total_fen == (total,) * 3
    assert share.cost_fen == (total - 10_000_000,) * 3
    last = next(row for row, due in zip(reversed(rows), reversed(dues), strict=True) if due)
    assert share.paid_off_on == (last.due_on,) * 3
    assert share.worst_burden_ppm.p50 == round(max(dues) / 8_000_000 * 10_000) * 100


def test_equal_instalments_stand_beside_it_on_the_same_futures():
    found = run(ROUGH, periods=6, burden_ppm=250_000)
    plain = build(product(), 10_000_000, START, calendar=CALENDAR, periods=6)
    dues = [row.due_fen for row in plain.rows]
    assert [line.equal_fen for line in found.lines[:6]] == dues
    equal = found.equal_instalments
    assert equal.total_fen == (sum(dues),) * 3
    assert equal.apr_ppm == (round(of_plan(plain).simple_percent * 100) * 100,) * 3
    assert (equal.chance_finished_ppm, equal.rest_fen) == (PPM, (0, 0, 0))
    assert equal.chance_burden_ppm > 0
    assert equal.shortfall_fen.p90 > 0
    for line in found.lines[:6]:
        low, high = line.revenue_fen.p10, line.revenue_fen.p90
        assert line.equal_burden_ppm.p90 == (2 * 10_000 * line.equal_fen + low) // (2 * low) * 100
        assert abs(line.equal_burden_ppm.p10 - line.equal_fen * PPM // high) <= 4_000


@given(st.integers(1, 300), st.integers(0, 5), st.sampled_from([None, *Stress]), st.sampled_from([1, 6, 12]))
def test_quantiles_are_in_order_and_chances_are_chances(futures, seed, stress, periods):
    found = run(ROUGH, futures=futures, seed=seed, stress=stress, periods=periods)
    assert found == run(ROUGH, futures=futures, seed=seed, stress=stress, periods=periods)
    for result in (found.result, found.equal_instalments):
        spreads = [value for name in result.__slots__ if isinstance(value := getattr(result, name), Spread)]
        assert len(spreads) == 7
        assert all(low <= high for spread in spreads for low, high in pairwise(spread))
        assert 0 <= result.chance_burden_ppm <= PPM
        assert 0 <= result.chance_finished_ppm <= PPM
    for line in found.lines:
        assert all(low <= high for spread in (line.due_fen, line.burden_ppm) for low, high in pairwise(spread))


def test_a_window_without_revenue_is_the_heaviest_burden():
    found = run(ROUGH, stress=Stress.DEAD_MONTHS)
    assert found.equal_instalments.worst_burden_ppm == (BURDEN_MAX_PPM,) * 3
    assert found.equal_instalments.chance_burden_ppm == PPM


def test_a_share_that_is_too_small_leaves_a_rest_and_does_not_finish():
    found = run(terms=revenue_product(share={"share_ppm": 20_000})).result
    assert found.chance_finished_ppm == 0
    assert found.rest_fen.p10 > 0


def test_a_term_that_runs_on_is_not_finished_by_maturity():
    found = run(terms=revenue_product(share={"share_ppm": 110_000, "run_on_windows_max": 6}))
    assert len(found.lines) > 12
    assert found.lines[12].equal_fen == 0
    assert found.result.chance_finished_ppm == 0
    assert found.result.rest_fen == (0, 0, 0)


def test_a_window_that_is_known_already_has_what_came_in():
    found = run(ROUGH, start_on=date(2025, 11, 10))
    assert [line.revenue_fen for line in found.lines[:2]] == [(fen,) * 3 for fen in ROUGH.months_fen[22:]]
    assert found.lines[2].revenue_fen.p10 < found.lines[2].revenue_fen.p90


def test_a_plan_whose_windows_are_all_known_has_one_future():
    found = run(ROUGH, start_on=date(2024, 3, 10), periods=6, futures=3)
    assert [line.revenue_fen for line in found.lines] == [(fen,) * 3 for fen in ROUGH.months_fen[2:8]]
    assert len(set(found.result.total_fen)) == 1


def test_the_largest_amounts_do_not_overflow():
    """10 billion yuan for 50 years, interest unpaid to the end, beside 10 billion yuan of revenue a month."""
    vast = History(first_on=date(2025, 1, 1), months_fen=(10**12, 1, 10**12) * 4)
    terms = revenue_product(annual_rate_ppm=239_999, share={"share_ppm": 1, "floor": None, "cap": None})
    found = run(vast, terms, 10**12, periods=600, futures=20, burden_ppm=10 * PPM)
    assert found.result.rest_fen.p10 > 10 * 10**12
    assert found.result.total_fen.p10 > found.result.rest_fen.p10
    assert found.result.chance_burden_ppm in (0, PPM)
    assert 0 <= found.result.shortfall_fen.p10 <= found.result.total_fen.p10


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param(
            {"terms": product(kind=Kind.SINGLE_PAYMENT)},
            "plain: kind single_payment has no instalment",
            id="one payment",
        ),
        pytest.param(
            {"terms": revenue_product(periods_min=6, breathing_space=BREATHES_FIRST)},
            "plain: breathing_space.at_start",
            id="a share that breathes first",
        ),
        pytest.param({"start_on": date(2024, 11, 10)}, "before the history on 2025-01-01", id="a window before it"),
        pytest.param({"start_on": date(2027, 1, 10)}, "more than 12 months after the history", id="too old"),
        pytest.param({"periods": 601}, "periods: 601 is not allowed", id="terms"),
    ],
)
def test_what_cannot_be_projected_is_refused(changes, told):
    with pytest.raises(InputError) as refused:
        run(**changes)
    assert told in str(refused.value)


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(product(), id="equal months"),
        pytest.param(product(annual_rate_ppm=0), id="no interest"),
        pytest.param(product(day_count=DayCount.ACT_360, frequency=Frequency(days=7), fees=(ONCE,)), id="weeks, a fee"),
    ],
)
@pytest.mark.parametrize("first_due_on", [None, date(2026, 1, 25)])
def test_the_cost_of_many_paths_is_the_cost_of_each(terms, first_due_on):
    plan = build(terms, 10_000_000, START, calendar=CALENDAR, first_due_on=first_due_on)
    due_fen = np.array([[row.due_fen] * 2 for row in plan.rows])
    found = of_paths(plan, [row.due_on for row in plan.rows], due_fen)
    assert found.tolist() == [round(of_plan(plan).simple_percent * 100) * 100] * 2
