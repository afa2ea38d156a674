"""outlook/fit: what fits keeps both bounds, as a projection of its own sees it; else what is said to help does."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sizes import size
from terms import CALENDAR, SCHEDULES, product, revenue_product

from loancli.core.errors import InputError
from loancli.core.rates import PPM
from loancli.outlook.fit import Goal, fit
from loancli.outlook.fit_runs import Bounds
from loancli.outlook.fit_space import share_below
from loancli.outlook.futures import Stress
from loancli.outlook.history import History
from loancli.outlook.project import project
from loancli.plan.build import build
from loancli.plan.ceilings import read_ceilings
from loancli.plan.contradictions import contradictions
from loancli.plan.product import Base, Bound, Fee, Frequency, Kind, MinimumProgress

START = date(2025, 5, 8)
POLICIES = SCHEDULES / "policies"
CEILINGS = read_ceilings(*((POLICIES / name).read_text(encoding="utf-8") for name in ("ceilings.toml", "lpr.csv")))
SEASON = (24, 22, 46, 88, 128, 172, 214, 206, 138, 80, 48, 34)


def history(parts=SEASON, count=24, fen=26_000, noise=13):
    first = date(2023, 5, 1)
    months = [parts[(4 + number) % 12] * fen * (94 + number * 7 % noise) // 100 for number in range(count)]
    return History(first_on=first, months_fen=tuple(months))


ICE = history()
FRAME = revenue_product(periods_max=24, share={"minimum_progress": MinimumProgress(windows=3, levels_ppm=600_000)})


def run(frame=FRAME, principal_fen=8_000_000, known=ICE, *, goal=Goal.BORROWER, start_on=START, **changes):
    asked = {"calendar": CALENDAR, "ceilings": CEILINGS, "futures": 100, "seed": 1, "stress": None}
    bounds = {"burden_ppm": 200_000, "chance_ppm": 900_000, "periods_max": 18}
    bounds |= {name: changes.pop(name) for name in list(changes) if name in bounds}
    return fit(frame, principal_fen, start_on, known, bounds=Bounds(**bounds), goal=goal, **asked | changes)


def seen(fitted, known=ICE, **changes):
    """The plan as `project` finds it."""
    asked = {"futures": 100, "seed": 1, "stress": None, "burden_ppm": 200_000} | changes
    plan = fitted.plan
    return project(
        plan.product, plan.principal_fen, plan.start_on, known, calendar=CALENDAR, periods=None, **asked
    ).result


def is_within(result, burden_ppm=200_000, chance_ppm=900_000):
    return result.worst_burden_ppm.p90 <= burden_ppm and result.chance_finished_ppm >= chance_ppm


@pytest.mark.parametrize("stress", [None, Stress.DEAD_MONTHS])
def test_what_fits_is_within_both_bounds_where_equal_instalments_are_not(stress):
    found = run(stress=stress, principal_fen=5_000_000)
    assert found.answer.result == seen(found.answer, stress=stress)
    assert is_within(found.answer.result)
    assert not is_within(found.equal.result)
    assert found.equal.plan.product.kind is Kind.EQUAL_INSTALMENTS
    assert len(found.equal.plan.rows) == found.answer.plan.product.periods
    for other in found.others:
        assert other.result == seen(other, stress=stress)
        assert is_within(other.result)


def test_the_terms_are_the_frames_but_for_what_was_searched():
    terms = run(frame=replace(FRAME, fees=(Fee(name="f", amount_fen=1_000),))).answer.plan.product
    assert contradictions(terms) == []
    free = {"kind": Kind.REVENUE_SHARE, "periods": FRAME.periods, "revenue": FRAME.revenue, "fees": FRAME.fees}
    assert replace(terms, **free) == FRAME
    assert terms.fees == (Fee(name="f", amount_fen=1_000),)
    assert terms.revenue.counts == FRAME.revenue.counts


def test_the_same_question_has_the_same_answer_and_the_goals_rank_as_they_say():
    small = {"principal_fen": 3_000_000, "periods_max": 8, "chance_ppm": 500_000}
    for_borrower, for_lender = run(**small), run(**small, goal=Goal.LENDER)
    assert for_borrower == run(**small)
    step_fen = for_borrower.answer.plan.principal_fen // 1_000
    best = for_borrower.answer.result.cost_fen.p50 // step_fen
    assert all(best <= other.result.cost_fen.p50 // step_fen for other in for_borrower.others)
    sure = for_lender.answer.result.chance_kept_ppm
    assert all(sure >= other.result.chance_kept_ppm for other in (*for_lender.others, for_borrower.answer))


def test_months_by_season_win_where_the_season_repeats_and_a_share_has_too_coarse_steps():
    """5 %: the next share below is 4.5 %, and months by season come nearer to the bound."""
    found = run(known=history(noise=1), principal_fen=1_500_000, burden_ppm=50_000)
    terms = found.answer.plan.product
    assert (terms.kind, terms.revenue, len(terms.weights)) == (Kind.BIG_SMALL_MONTHS, None, 12)
    assert 45_000 < found.answer.result.worst_burden_ppm.p90 <= 50_000


def test_a_minimum_progress_that_is_heavy_in_weak_months_is_given_up():
    heavy = revenue_product(
        periods_max=24, share={"share_ppm": 195_000, "minimum_progress": MinimumProgress(windows=1, levels_ppm=PPM)}
    )
    assert run(frame=heavy).answer.plan.product.revenue.minimum_progress is None


def test_a_shop_that_closes_in_winter_pays_nothing_then():
    closed = history((0, 0, *SEASON[2:]))
    found = run(known=closed)
    assert found.answer.plan.product.revenue.floor is None
    assert is_within(seen(found.answer, closed))


def test_less_than_a_year_is_fitted_by_share_alone():
    short = History(first_on=date(2024, 9, 1), months_fen=ICE.months_fen[16:])
    found = run(known=short, principal_fen=2_000_000)
    assert {each.plan.product.kind for each in (found.answer, *found.others)} == {Kind.REVENUE_SHARE}


def test_days_and_any_kind_of_frame_with_instalments():
    weekly = product(frequency=Frequency(days=7), day_count=FRAME.day_count.ACT_360, periods_max=52, periods=26)
    found = run(frame=weekly, periods_max=52, principal_fen=3_000_000)
    assert is_within(found.answer.result)
    assert found.answer.plan.product.frequency == Frequency(days=7)


@settings(max_examples=size(4, 160))
@given(
    st.integers(500_000, 15_000_000),
    st.integers(5, 40),
    st.sampled_from([500_000, 900_000, 1_000_000]),
    st.lists(st.integers(0, 9_000_000), min_size=8, max_size=30).filter(any),
    st.sampled_from(["burden_ppm", "principal_fen", "periods"]),
)
def test_an_answer_is_within_the_bounds_and_where_there_is_none_what_would_do_does(
    principal_fen, percent, chance_ppm, months_fen, give
):
    known = History(first_on=date(2023, 1, 1), months_fen=tuple(months_fen))
    asked = {
        "principal_fen": principal_fen,
        "known": known,
        "start_on": known.end_on.replace(day=8),
        "burden_ppm": 10_000 * percent,
        "chance_ppm": chance_ppm,
        "periods_max": 7,
        "futures": 50,
    }
    found = run(**asked)
    if found.answer:
        assert is_within(seen(found.answer, known, futures=50), asked["burden_ppm"], chance_ppm)
        return
    value = getattr(found.misses, give)
    if give == "periods" and value:
        assert run(**asked | {"frame": replace(FRAME, periods_max=value), "periods_max": value}).answer
    elif value:
        assert run(**asked | {give: value}).answer


def test_the_nearest_misses_are_the_nearest():
    """One step less than what would do does not do."""
    asked = {"frame": replace(FRAME, periods_max=60), "principal_fen": 12_000_000}
    misses = run(**asked).misses
    assert misses.chance_ppm < 900_000
    assert not run(**asked, burden_ppm=misses.burden_ppm - 10_000).answer
    assert not run(**asked | {"principal_fen": misses.principal_fen + 10_000}).answer
    assert not run(**asked, periods_max=misses.periods - 1).answer


def test_terms_over_which_no_plan_can_be_made_are_left_out():
    """200 yuan in instalments of whole yuan: over some terms rounding leaves nothing for the last one."""
    coarse = replace(FRAME, instalment_unit_fen=100)
    with pytest.raises(InputError, match="instalment_unit"):
        build(replace(coarse, periods=24), 20_000, START, calendar=CALENDAR)
    found = run(frame=coarse, principal_fen=20_000, known=history(fen=65), periods_max=24)
    assert is_within(found.answer.result)


def test_a_plan_above_the_ceiling_is_no_answer_and_the_sum_is_told():
    dear = revenue_product(annual_rate_ppm=200_000, periods_max=24, fees=(Fee(name="f", principal_ppm=50_000),))
    found = run(frame=dear, burden_ppm=500_000)
    assert (found.answer, found.misses) == (None, None)
    assert "above the ceiling 24%" in found.refused


def test_the_share_that_is_told_is_below_the_bound():
    assert [share_below(ppm) for ppm in (200_000, 203_000, 50_000, 30_000, 1_000, 5_000_000)] == [
        195_000, 200_000, 45_000, 29_000, 1_000, PPM
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"frame": product(kind=Kind.SINGLE_PAYMENT)}, "kind single_payment has no", id="one payment"),
        pytest.param({"periods_max": 25}, "periods_max: 25 is not allowed; plain has 1 to 24", id="too long"),
        pytest.param({"principal_fen": 10**13}, "principal: 100,000,000,000.00 yuan is not allowed", id="too much"),
        pytest.param({"start_on": date(2026, 6, 8)}, "more than 12 months after the history", id="too old"),
        pytest.param({"frame": replace(FRAME, roll_interest=True)}, "plain: roll_interest", id="moved interest"),
    ],
)
def test_what_cannot_be_fitted_is_refused(changes, told):
    with pytest.raises(InputError) as refused:
        run(**changes)
    assert told in str(refused.value)


def test_a_floor_of_the_frame_that_costs_nothing_is_kept():
    answer = run().answer.plan
    assert answer.product.revenue.floor == Bound(base=Base.INTEREST)
    assert build(answer.product, 8_000_000, START, calendar=CALENDAR) == answer
