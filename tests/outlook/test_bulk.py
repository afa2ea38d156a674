"""outlook/bulk: every future of a revenue plan, to the fen what one after the other through the rules gives."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from lives import ONCE, contract_for, payment, payout
from slow_projection import project_one
from terms import CALENDAR, revenue_product

from loancli.core.days import Roll
from loancli.core.errors import InputError
from loancli.core.money import Rounding
from loancli.core.rates import PPM, DayCount
from loancli.outlook import bulk
from loancli.outlook.bulk import paths
from loancli.outlook.futures import months_ahead, of_windows, simulate
from loancli.outlook.history import History
from loancli.plan.build import build
from loancli.plan.flexible import Window, closes_on, run_on_rows, window_of
from loancli.plan.product import Base, Bound, Fee, FixedFee, Frequency, MinimumProgress
from loancli.servicing.life import life
from loancli.servicing.windows import Revenue, close_window, next_number

EVERY = Fee(name="every", principal_ppm=1_000, due_with="every")
FREQUENCIES = [
    Frequency(days=1),
    Frequency(days=7),
    Frequency(half_monthly=True),
    Frequency(months=1),
    Frequency(months=3),
]
BOUNDS = st.one_of(
    st.none(),
    st.just(Bound(base=Base.INTEREST)),
    st.builds(Bound, base=st.just(Base.YUAN), value=st.integers(1, 2_000_000)),
    st.builds(Bound, base=st.just(Base.LEVEL), value=st.sampled_from([1, 300_000, 500_000, 999_999, PPM, 2_500_000])),
)
PRINCIPALS = st.one_of(
    st.integers(1, 1_000), st.integers(100_000, 20_000_000), st.sampled_from([10**12, 999_999_999_989])
)


FEES = st.builds(
    FixedFee, amount_fen=st.sampled_from([0, 1, 777]), principal_ppm=st.sampled_from([0, 1, 100_000, PPM])
).filter(lambda fee: fee.amount_fen or fee.principal_ppm)


def part_of_all(frequency: Frequency) -> st.SearchStrategy[MinimumProgress]:
    """A minimum of all that was owed, by windows or by days."""
    total = {
        "total_over": st.integers(1, 3),
        "total_under": st.sampled_from([3, 7, 18]),
        "total_unit_fen": st.sampled_from([1, 100]),
    }
    by_windows = st.builds(MinimumProgress, windows=st.integers(1, 4), **total)
    return st.builds(MinimumProgress, every_days=st.integers(1, 60), **total) if frequency.days else by_windows


@st.composite
def revenue_terms(draw: st.DrawFn):
    """The whole space: share, floor, cap, progress, run-on; rate, day count, step, roll, unit, fees, every rounding."""
    day_count = draw(st.sampled_from(DayCount))
    steps = [step for step in FREQUENCIES if step.months or day_count is not DayCount.EQUAL_MONTHS]
    frequency = draw(st.sampled_from(steps))
    progress = st.builds(
        MinimumProgress, windows=st.integers(1, 4), levels_ppm=st.sampled_from([1, 500_000, 600_000, PPM, 1_500_000])
    )
    fixed_fee = draw(st.one_of(st.none(), FEES))
    if fixed_fee:
        progress = st.one_of(progress, part_of_all(frequency))
    # With a fixed fee there is no interest that could be a bound.
    bounds = BOUNDS.filter(lambda bound: not (fixed_fee and bound and bound.base is Base.INTEREST))
    return revenue_product(
        fixed_fee=fixed_fee,
        annual_rate_ppm=0 if fixed_fee else draw(st.sampled_from([0, 1, 36_000, 120_000, 144_000, 146_001, 239_999])),
        day_count=day_count,
        frequency=frequency,
        roll=Roll.NONE if frequency.days == 1 else draw(st.sampled_from([Roll.NONE, Roll.FOLLOWING])),
        rounding=draw(st.sampled_from(Rounding)),
        instalment_unit_fen=draw(st.sampled_from([1, 1, 10, 100])),
        fees=draw(st.sampled_from([(), (ONCE,), (EVERY,)])),
        share={
            "share_ppm": draw(st.sampled_from([1, 50_000, 120_000, 125_000, 333_333, 500_000, PPM])),
            "floor": draw(bounds),
            "cap": draw(bounds),
            "minimum_progress": draw(st.one_of(st.none(), progress)),
            "run_on_windows_max": draw(st.integers(0, 3)),
        },
    )


@st.composite
def loans(draw: st.DrawFn):
    """Terms, rows with those the term may run on for, the number at maturity, and a principal."""
    terms, principal_fen = draw(revenue_terms()), draw(PRINCIPALS)
    start_on = draw(st.dates(date(2024, 1, 1), date(2026, 6, 30)))
    try:
        plan = build(terms, principal_fen, start_on, periods=draw(st.integers(1, 14)), calendar=CALENDAR)
        more = run_on_rows(plan, CALENDAR)
    except InputError:  # a long holiday makes close due days meet, or rounding leaves nothing for the last
        reject()
    return terms, plan.rows + more, len(plan.rows), principal_fen


def same(terms, rows, maturity_number, principal_fen, revenue_fen):
    found = paths(
        terms, rows, maturity_number=maturity_number, principal_fen=principal_fen, revenue_fen=np.array(revenue_fen)
    )
    for at, one_fen in enumerate(zip(*revenue_fen, strict=True)):
        slow = project_one(
            terms, rows, maturity_number=maturity_number, principal_fen=principal_fen, revenue_fen=one_fen
        )
        columns = (found.interest_fen[:, at], found.principal_fen[:, at], found.fee_fen[:, at])
        assert [tuple(map(int, each)) for each in zip(*columns, strict=True)] == slow
        assert sum(principal for _, principal, _ in slow) == principal_fen
    return found


@given(st.data(), loans())
def test_the_kernel_is_the_exact_path_over_the_whole_space_of_terms(data, loan):
    _, rows, _, principal_fen = loan
    part = max(1, principal_fen * 10 // len(rows))
    revenue = st.one_of(st.just(0), st.integers(1, 200), st.integers(0, part), st.integers(-part, 0))
    futures = data.draw(st.integers(1, 4))
    windows = st.lists(revenue, min_size=futures, max_size=futures)
    same(*loan, data.draw(st.lists(windows, min_size=len(rows), max_size=len(rows))))


@pytest.mark.parametrize("mode", Rounding)
def test_ties_go_where_the_exact_path_sends_them(mode):
    """Without interest the level of two instalments is half the principal; a share of 50 % of odd revenue is a tie."""
    share = {"share_ppm": 500_000, "floor": Bound(base=Base.LEVEL, value=500_000), "cap": None}
    terms = revenue_product(annual_rate_ppm=0, rounding=mode, share=share)
    rows = build(terms, 101, date(2026, 1, 31), periods=2, calendar=CALENDAR).rows
    same(terms, rows, 2, 101, [[1, 3, 5, 51, 53, 99], [7, 7, 7, 7, 7, 7]])


@pytest.mark.parametrize("mode", Rounding)
def test_of_a_fixed_fee_the_last_fen_is_principal_in_every_future(mode):
    plain = {"annual_rate_ppm": 0, "fixed_fee": FixedFee(principal_ppm=PPM), "rounding": mode}
    terms = revenue_product(**plain, share={"share_ppm": PPM, "floor": None, "cap": None, "run_on_windows_max": 1})
    plan = build(terms, 3, date(2026, 1, 31), periods=1, calendar=CALENDAR)
    same(terms, plan.rows + run_on_rows(plan, CALENDAR), 1, 3, [[0, 1, 2, 3, 4, 5, 6], [9] * 7])


@pytest.mark.parametrize("mode", Rounding)
def test_terms_beyond_64_bits_are_counted_without_an_end(mode):
    terms = revenue_product(annual_rate_ppm=146_001, day_count=DayCount.ACT_ACT, rounding=mode)
    rows = build(terms, 10**12, date(2024, 1, 31), periods=24, calendar=CALENDAR).rows
    revenue_fen = [[10**13 + 7 * number, 5 * 10**11, 0] for number in range(24)]
    assert not bulk._fits(terms, 10**12, [146_001 * 31 * 365] * 24, 366 * 365 * PPM, np.array(revenue_fen))
    same(terms, rows, 24, 10**12, revenue_fen)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="monthly, act/360"),
        pytest.param({"day_count": DayCount.ACT_ACT, "fees": (ONCE,)}, id="act/act, a fee"),
        pytest.param({"day_count": DayCount.THIRTY_360, "rounding": Rounding.HALF_EVEN}, id="30/360, half even"),
        pytest.param({"frequency": Frequency(days=7), "instalment_unit_fen": 100}, id="weekly, whole yuan"),
        pytest.param({"frequency": Frequency(half_monthly=True), "roll": Roll.FOLLOWING}, id="half-monthly"),
        pytest.param({"share": {"floor": None, "run_on_windows_max": 0}}, id="no floor, the rest at maturity"),
        pytest.param({"share": {"share_ppm": 400_000, "cap": None}}, id="paid off early"),
        pytest.param({"annual_rate_ppm": 0, "fixed_fee": FixedFee(principal_ppm=130_000)}, id="a fixed fee"),
        pytest.param(
            {
                "annual_rate_ppm": 0,
                "fixed_fee": FixedFee(amount_fen=777_777),
                "frequency": Frequency(days=7),
                "share": {
                    "floor": None,
                    "minimum_progress": MinimumProgress(every_days=20, total_over=1, total_under=6),
                },
            },
            id="a fixed fee, a part of it all every 20 days",
        ),
    ],
)
def test_a_future_is_what_life_does_with_that_revenue(changes):
    """The loan is signed, its windows close with a simulated future's revenue, every instalment is paid when due."""
    share = {
        "minimum_progress": MinimumProgress(windows=3, levels_ppm=600_000),
        "floor": Bound(base=Base.LEVEL, value=200_000),
        "run_on_windows_max": 3,
    } | changes.get("share", {})
    plain = {"day_count": DayCount.ACT_360, "annual_rate_ppm": 144_000, "roll": Roll.FOLLOWING}
    terms = revenue_product(**plain | changes | {"share": share})
    contract = contract_for(terms, 10_000_003, date(2025, 1, 17), periods=9)
    windows = [window_of(terms, contract.rows, row.number) for row in contract.rows]
    history = History(
        first_on=date(2024, 2, 1),
        months_fen=(
            900_000,
            100_003,
            4_500_000,
            7_000_001,
            9_999_999,
            8,
            6_000_000,
            5_000_000,
            0,
            2_000_000,
            50_000,
            7,
        ),
    )
    simulated = simulate(history, months_ahead(history, windows), futures=3, seed=7, stress=None)
    revenue_fen = of_windows(history, simulated, windows).tolist()
    found = same(terms, contract.rows, contract.maturity_number, 10_000_003, revenue_fen)

    first_on, last_on = windows[0].from_on, windows[-1].to_on
    days = [first_on + timedelta(days=number) for number in range((last_on - first_on).days + 1)]
    daily_fen = of_windows(history, simulated, [Window(day, day) for day in days])[:, 0].tolist()
    known = Revenue(
        fen={(day, "alipay", "sure"): fen for day, fen in zip(days, daily_fen, strict=True)},
        covered={"alipay": [(date(2020, 1, 1), date(2030, 1, 1))]},
    )
    events = [payout(contract)]
    day = contract.signed_on
    while day <= contract.rows[-1].due_on:
        while (number := next_number(contract, events, day)) is not None:
            assert closes_on(windows[number - 1]) <= day
            events += close_window(contract, events, number, known, actor="test")
        due_fen = life(contract, events, day).position.due_fen if any(row.due_on == day for row in contract.rows) else 0
        if due_fen:
            events.append(payment(day, due_fen, f"p{day}"))
        day += timedelta(days=1)
    lived = life(contract, events, contract.rows[-1].due_on)
    assert lived.position.status == "settled"
    told = [(state.interest_fen, state.principal_fen, state.fee_fen) for state in lived.instalments]
    columns = (found.interest_fen[:, 0], found.principal_fen[:, 0], found.fee_fen[:, 0])
    assert told == [tuple(map(int, each)) for each in zip(*columns, strict=True)]
    assert all(state.penalty_fen == 0 for state in lived.instalments)


def test_what_falls_due_only_because_the_term_ends_is_told_apart():
    terms = revenue_product(share={"floor": None, "cap": None, "share_ppm": 100_000})
    plan = build(terms, 1_000_000, date(2026, 1, 31), periods=2, calendar=CALENDAR)
    found = paths(
        terms, plan.rows, maturity_number=2, principal_fen=1_000_000, revenue_fen=np.array([[0, 10**8], [0, 0]])
    )
    assert found.rest_fen.tolist() == [int(found.due_fen[1, 0]), 0]
    assert found.due_fen[1, 1] == 0


def test_no_revenue_share_is_a_bug_of_the_caller():
    terms = replace(revenue_product(), revenue=None)
    with pytest.raises(AssertionError):
        paths(terms, (), maturity_number=0, principal_fen=1, revenue_fen=np.zeros((0, 1), dtype=np.int64))
