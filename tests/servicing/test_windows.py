"""Revenue windows over whole lives: what is fixed, what is due, and how late revenue finds its way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lives import DAY, PLAIN, apart_from_accrual, bounced, check_conservation, contract_for, payment, payout
from told import ALWAYS, Told, reason

from loancli.core.event import EventKind
from loancli.core.money import rounded
from loancli.core.rates import PPM
from loancli.plan.flexible import Window, closes_on, window_of
from loancli.plan.product import (
    Allocation,
    Base,
    Bound,
    Early,
    FixedFee,
    Frequency,
    Kind,
    MinimumProgress,
    Missing,
    Product,
    RevenueShare,
)
from loancli.revenue.rules import Sums
from loancli.servicing.life import life, quote
from loancli.servicing.windows import Revenue, next_number

SHARE = RevenueShare(
    share_ppm=100_000,
    counts=("sure",),
    floor=None,
    cap=None,
    minimum_progress=None,
    missing=Missing.LEVEL,
    run_on_windows_max=0,
)
WEEKLY = replace(PLAIN, kind=Kind.REVENUE_SHARE, frequency=Frequency(days=7), revenue=SHARE)
SIGNED = date(2025, 3, 3)


def terms(base: Product = WEEKLY, **changes: Any) -> Product:
    return replace(base, revenue=replace(SHARE, **changes))


def told(product: Product = WEEKLY, principal_fen: int = 1_000_000, periods: int = 8) -> Told:
    return Told(contract_for(product, principal_fen, SIGNED, periods=periods))


# --- the window and its instalment ---


def test_a_window_is_closed_on_the_day_after_it_once() -> None:
    loan = told()
    loan.earn(1, 300_000)
    window = loan.window(1)

    assert next_number(loan.contract, loan.events, window.to_on) is None
    new = loan.close(window.to_on + DAY)

    assert [event.kind for event in new] == [EventKind.REVENUE_WINDOW_CLOSED, EventKind.INSTALMENT_FIXED]
    assert {event.effective_on for event in new} == {window.to_on + DAY}
    assert next_number(loan.contract, loan.events, window.to_on + DAY) is None
    assert loan.closed(1)["counted_fen"] == {"alipay": 300_000}
    assert (loan.closed(1)["from_on"], loan.closed(1)["to_on"]) == (str(window.from_on), str(window.to_on))
    assert loan.fixed(1)["amount_fen"] == 30_000


def test_a_plan_without_revenue_has_no_windows() -> None:
    contract = contract_for(PLAIN, 1_000_000, SIGNED)

    assert next_number(contract, [payout(contract)], date(2026, 1, 1)) is None


def test_a_window_before_the_signing_is_closed_on_the_day_of_signing() -> None:
    monthly = replace(WEEKLY, frequency=Frequency(months=1))
    contract = contract_for(monthly, 1_000_000, SIGNED, periods=6, first_due_on=date(2025, 3, 20))
    loan = Told(contract)
    loan.known.append((date(2025, 2, 10), date(2025, 2, 10), "sure", 300_000))

    new = loan.close(SIGNED)

    assert loan.closed(1)["from_on"] == "2025-02-01"
    assert {event.effective_on for event in new} == {SIGNED}
    assert loan.fixed(1)["amount_fen"] == 30_000


def test_what_falls_due_is_what_was_fixed() -> None:
    loan = told()
    loan.earn(1, 300_000)
    loan.close(closes_on(loan.window(1)))
    due_on = loan.contract.rows[0].due_on

    (state, *_) = life(loan.contract, loan.events, due_on).instalments

    assert state.is_due
    assert state.is_fixed
    assert state.due_fen == 30_000
    assert state.interest_fen == rounded(Fraction(1_000_000 * 144 * 7, 360_000))


def test_a_fixed_instalment_is_shown_exactly_before_it_falls_due() -> None:
    monthly = replace(WEEKLY, frequency=Frequency(months=1), rounding=PLAIN.rounding)
    loan = Told(contract_for(monthly, 1_000_000, SIGNED, periods=6))
    loan.known.append((date(2025, 3, 10), date(2025, 3, 10), "sure", 1_000_000))
    loan.close(date(2025, 4, 1))
    loan.close(date(2025, 5, 1))
    second = loan.contract.rows[1]

    now = life(loan.contract, loan.events, second.due_on - DAY)
    then = life(loan.contract, loan.events, second.due_on)

    assert now.position.next_due_fen == then.instalments[1].due_fen
    assert now.instalments[1].principal_fen == then.instalments[1].principal_fen


def test_revenue_that_does_not_count_is_left_out_and_refunds_reduce() -> None:
    loan = told()
    for kind, amount_fen in (("sure", 500_000), ("possible", 400_000), ("excluded", 300_000), ("reduction", 100_000)):
        loan.earn(1, amount_fen, kind=kind)
    both = replace(loan, contract=replace(loan.contract, product=terms(counts=("sure", "possible"))), events=[])

    loan.close(closes_on(loan.window(1)))
    both.close(closes_on(loan.window(1)))

    assert loan.fixed(1)["amount_fen"] == 40_000
    assert both.fixed(1)["amount_fen"] == 80_000


# --- late revenue, refunds ---


def test_late_revenue_is_trued_up_exactly_once() -> None:
    loan = told()
    for number in range(1, 5):
        loan.earn(number, 200_000)
    loan.earn(1, 50_000, known_on=closes_on(loan.window(2)))

    loan.close_all(paying=True)

    assert [loan.raw_fen(number) for number in (1, 2, 3, 4)] == [20_000, 25_000, 20_000, 20_000]
    assert [loan.closed(number)["late_fen"] for number in (1, 2, 3, 4)] == [0, 50_000, 0, 0]


def test_a_refund_after_the_window_closed_reduces_the_next_one() -> None:
    loan = told()
    for number in range(1, 5):
        loan.earn(number, 200_000)
    loan.earn(1, 50_000, kind="reduction", known_on=closes_on(loan.window(2)))

    loan.close_all(paying=True)

    assert [loan.raw_fen(number) for number in (1, 2, 3, 4)] == [20_000, 15_000, 20_000, 20_000]


def test_a_refund_larger_than_the_next_window_is_carried_on() -> None:
    loan = told()
    for number in range(1, 6):
        loan.earn(number, 200_000)
    loan.earn(1, 450_000, kind="reduction", known_on=closes_on(loan.window(2)))

    loan.close_all(paying=True)

    assert [loan.raw_fen(number) for number in range(1, 6)] == [20_000, 0, 0, 15_000, 20_000]


@pytest.mark.parametrize("missing", list(Missing))
def test_a_missing_window_is_not_zero_and_is_corrected_once_it_is_known(missing: Missing) -> None:
    loan = told(terms(missing=missing, floor=Bound(base=Base.YUAN, value=7_000)))
    gap = loan.window(2)
    loan.covered = [(date(2020, 1, 1), gap.from_on - DAY), (gap.to_on + DAY, date(2030, 1, 1))]
    for number in range(1, 6):
        loan.earn(number, 200_000)
    for number in (1, 2, 3):
        loan.close(closes_on(loan.window(number)))

    level_fen = loan.fixed(2)["level_fen"]
    expected = {Missing.LEVEL: level_fen, Missing.FLOOR: 7_000, Missing.LAST_YEAR: 7_000}  # no sales a year ago
    assert loan.closed(2)["missing"]
    assert loan.closed(2)["counted_fen"] == {}
    assert loan.fixed(2)["amount_fen"] == expected[missing]
    assert loan.closed(3)["late_fen"] == 0  # still not known: nothing to correct

    loan.covered = list(ALWAYS)
    for number in (4, 5):
        loan.close(closes_on(loan.window(number)))

    assumed_fen = {Missing.LEVEL: level_fen * 10, Missing.FLOOR: 70_000, Missing.LAST_YEAR: 0}[missing]
    assert loan.closed(4)["late_fen"] == 200_000 - assumed_fen
    assert loan.closed(5)["late_fen"] == min(0, 400_000 - assumed_fen)


def test_revenue_below_what_a_missing_window_paid_as_floor_gives_nothing_back() -> None:
    loan = told(terms(missing=Missing.FLOOR, floor=Bound(base=Base.YUAN, value=7_000)))
    gap = loan.window(2)
    loan.covered = [(date(2020, 1, 1), gap.from_on - DAY), (gap.to_on + DAY, date(2030, 1, 1))]
    for number in (1, 3, 4):
        loan.earn(number, 200_000)
    loan.earn(2, 50_000)  # the floor stands for 70,000, and was due in any case
    for number in (1, 2, 3):
        loan.close(closes_on(loan.window(number)))
    loan.covered = list(ALWAYS)
    loan.close(closes_on(loan.window(4)))

    assert loan.closed(4)["late_fen"] == 0


def test_late_revenue_that_a_missing_window_has_taken_up_is_not_taken_up_again() -> None:
    loan = told(terms(missing=Missing.LAST_YEAR))
    gap = loan.window(2)
    loan.covered = [(date(2020, 1, 1), gap.from_on - DAY), (gap.to_on + DAY, date(2030, 1, 1))]
    loan.known.append((gap.from_on.replace(year=2024), SIGNED, "sure", 100_000))
    for number in (1, 3, 4):
        loan.earn(number, 200_000)
    loan.earn(1, 50_000, known_on=closes_on(loan.window(2)))
    for number in (1, 2, 3, 4):
        loan.close(closes_on(loan.window(number)))

    assert [loan.raw_fen(number) for number in (1, 2, 3, 4)] == [20_000, 15_000, 20_000, 20_000]

    loan.earn(2, 130_000)
    loan.covered = list(ALWAYS)
    loan.close(closes_on(loan.window(5)))
    loan.close(closes_on(loan.window(6)))

    assert [loan.raw_fen(number) for number in (5, 6)] == [3_000, 0]  # what it lacked of last year's: 30,000


def test_late_revenue_waits_for_a_window_with_data() -> None:
    loan = told()
    gap = loan.window(2)
    loan.covered = [(date(2020, 1, 1), gap.from_on - DAY), (gap.to_on + DAY, date(2030, 1, 1))]
    for number in (1, 3, 4):
        loan.earn(number, 200_000)
    loan.earn(1, 50_000, known_on=closes_on(loan.window(2)))
    for number in (1, 2, 3, 4):
        loan.close(closes_on(loan.window(number)))

    assert loan.fixed(2)["amount_fen"] == loan.fixed(2)["level_fen"]
    assert [loan.raw_fen(number) for number in (1, 3, 4)] == [20_000, 25_000, 20_000]


def test_coverage_may_be_pieced_together_but_not_over_channels() -> None:
    window = Window(date(2025, 3, 1), date(2025, 3, 31))
    first, second = (date(2025, 2, 20), date(2025, 3, 10)), (date(2025, 3, 11), date(2025, 4, 2))
    gap = (date(2025, 3, 12), date(2025, 4, 2))

    assert not Revenue(fen={}, covered={"alipay": [second, first]}).is_missing(window)
    assert Revenue(fen={}, covered={"alipay": [first, gap]}).is_missing(window)
    assert Revenue(fen={}, covered={"alipay": [first], "wechat": [second]}).is_missing(window)
    assert Revenue(fen={}, covered={}).is_missing(window)


def test_last_year_of_a_leap_day_is_the_28th() -> None:
    product = terms(missing=Missing.LAST_YEAR)
    contract = contract_for(product, 1_000_000, date(2024, 2, 22), periods=4)  # the window ends on 2024-02-28
    later = contract_for(product, 1_000_000, date(2024, 2, 23), periods=4)  # on the 29th
    for each in (contract, later):
        loan = Told(each, covered=[(date(2022, 1, 1), date(2023, 12, 31))])
        loan.known.append((date(2023, 2, 28), date(2023, 3, 1), "sure", 100_000))
        loan.close(closes_on(loan.window(1)))
        assert loan.fixed(1)["amount_fen"] == 10_000


# --- facts of the day, the end ---


def test_a_payment_on_the_day_a_window_closes_does_not_change_what_is_fixed_that_day() -> None:
    prepaying = replace(WEEKLY, allocation=Allocation(surplus="principal"))
    with_payment, without = told(prepaying), told(prepaying)
    on = closes_on(with_payment.window(1))
    with_payment.events.append(payment(on, 500_000))

    assert with_payment.close(on) == without.close(on)


def test_a_loan_settled_early_whose_payment_bounces_later_gets_its_windows_closed_at_once() -> None:
    loan = told()
    paid = payment(SIGNED + DAY, 1_000_400)
    loan.events.append(paid)
    bounced_on = loan.contract.rows[-1].due_on + 10 * DAY
    assert life(loan.contract, loan.events, SIGNED + DAY).position.status == "settled"
    assert life(loan.contract, loan.events, bounced_on - DAY).position.next_moment_on is None

    loan.events.append(bounced(paid, bounced_on))
    assert life(loan.contract, loan.events, bounced_on).position.next_moment_on == bounced_on + DAY

    loan.close(bounced_on + DAY)
    position = life(loan.contract, loan.events, bounced_on + DAY).position
    assert position.principal_overdue_fen == position.principal_outstanding_fen == 1_000_000
    assert position.next_moment_on is None


def test_an_active_loan_waits_for_its_next_window() -> None:
    loan = told()
    first = closes_on(loan.window(1))

    assert life(loan.contract, loan.events, SIGNED).position.next_moment_on == first
    loan.close(first)
    second = life(loan.contract, loan.events, first).position.next_moment_on
    assert second == closes_on(loan.window(2))


@pytest.mark.parametrize("run_on", [0, 2])
def test_at_maturity_the_rest_is_due_unless_the_term_may_run_on(run_on: int) -> None:
    loan = told(terms(run_on_windows_max=run_on))

    ended = loan.close_all(paying=True)

    assert len(loan.contract.rows) == 8 + run_on
    assert [state.principal_fen for state in ended.instalments[:-1]] == [0] * (7 + run_on)
    assert ended.instalments[-1].principal_fen == 1_000_000
    assert ended.position.status == "settled"
    assert loan.fixed(8 + run_on)["takes_rest"]
    assert not any(loan.fixed(number)["takes_rest"] for number in range(1, 8 + run_on))


def test_the_level_repays_over_the_term_and_not_over_the_windows_it_may_run_on() -> None:
    ending, running_on = told(), told(terms(run_on_windows_max=4))
    for loan in (ending, running_on):
        loan.close(closes_on(loan.window(1)))

    assert ending.fixed(1)["level_fen"] == running_on.fixed(1)["level_fen"]
    assert ending.fixed(1)["level_fen"] == sum(
        (ending.contract.rows[0].principal_fen, ending.contract.rows[0].interest_fen)
    )


def test_minimum_progress_counts_from_the_last_checkpoint() -> None:
    loan = told(terms(minimum_progress=MinimumProgress(windows=2, levels_ppm=500_000)))
    loan.earn(1, 4_000_000)  # far more than half of two levels, but nothing of the next two
    for number in (1, 2, 3, 4):
        loan.close(closes_on(loan.window(number)))

    levels_fen = loan.fixed(3)["level_fen"] + loan.fixed(4)["level_fen"]
    assert [loan.fixed(number)["amount_fen"] for number in (1, 2, 3)] == [400_000, 0, 0]
    assert loan.fixed(4)["amount_fen"] == rounded(Fraction(levels_fen, 2))


def test_interest_that_is_not_asked_for_bears_no_interest() -> None:
    loan = told()  # no revenue, no floor: nothing is asked for until the end

    ended = loan.close_all(paying=False)

    assert ended.instalments[-1].interest_fen == rounded(Fraction(1_000_000 * 144 * 56, 360_000))


def test_the_rest_at_maturity_is_taken_even_if_more_is_owed_than_when_it_was_fixed() -> None:
    loan = told()
    paid = payment(SIGNED + 50 * DAY, 300_000, "ahead")
    loan.contract = replace(
        loan.contract, product=replace(loan.contract.product, allocation=Allocation(surplus="principal"))
    )
    loan.events.append(paid)
    loan.close_all(paying=False)
    last = loan.contract.rows[-1].due_on

    with_it = life(loan.contract, loan.events, last)
    without = life(loan.contract, [*loan.events, bounced(paid, last)], last)

    assert without.position.principal_overdue_fen == 1_000_000
    assert with_it.position.principal_overdue_fen < 1_000_000


# --- laws over random revenue ---

bounds = st.sampled_from(
    [None, Bound(base=Base.YUAN, value=40_000), Bound(base=Base.LEVEL, value=600_000), Bound(base=Base.INTEREST)]
)
revenue_terms = st.builds(
    lambda floor, cap, progress, missing, run_on, frequency: replace(
        terms(
            floor=floor,
            cap=cap,
            minimum_progress=progress,
            missing=missing if floor or missing is not Missing.FLOOR else Missing.LEVEL,
            run_on_windows_max=run_on,
        ),
        frequency=frequency,
    ),
    bounds,
    st.sampled_from([None, Bound(base=Base.LEVEL, value=2_000_000), Bound(base=Base.YUAN, value=300_000)]),
    st.sampled_from([None, MinimumProgress(windows=2, levels_ppm=600_000)]),
    st.sampled_from(Missing),
    st.integers(0, 2),
    st.sampled_from([Frequency(days=7), Frequency(half_monthly=True), Frequency(months=1)]),
)


def with_fixed_fee(product: Product, early: Early) -> Product:
    """The same terms with a fee as their price; a floor at the interest has no meaning then."""
    assert product.revenue is not None
    floor = product.revenue.floor
    share = replace(product.revenue, floor=None if floor and floor.base is Base.INTEREST else floor)
    missing = Missing.LEVEL if share.missing is Missing.FLOOR and share.floor is None else share.missing
    fee = FixedFee(principal_ppm=100_000, early=early)
    return replace(product, annual_rate_ppm=0, fixed_fee=fee, revenue=replace(share, missing=missing))


fee_terms = st.builds(with_fixed_fee, revenue_terms, st.sampled_from(Early))


@st.composite
def random_told(draw: st.DrawFn, products: st.SearchStrategy[Product] = revenue_terms) -> Told:
    """Revenue of any size that comes in time or late, refunds, and gaps in the files."""
    product = draw(products)
    contract = contract_for(product, draw(st.integers(500_000, 3_000_000)), SIGNED, periods=draw(st.integers(2, 6)))
    days = (contract.rows[-1].due_on - SIGNED).days
    start = SIGNED - timedelta(days=31)
    known = []
    for _ in range(draw(st.integers(0, 12))):
        day = start + draw(st.integers(0, days)) * DAY
        late = draw(st.sampled_from([0, 0, 3, 40]))
        kind = draw(st.sampled_from(["sure", "sure", "sure", "reduction", "possible"]))
        known.append((day, day + late * DAY, kind, draw(st.integers(1, 2_000_000))))
    covered = list(ALWAYS)
    if draw(st.booleans()):
        from_on = start + draw(st.integers(0, days)) * DAY
        covered = [(date(2020, 1, 1), from_on - DAY), (from_on + draw(st.integers(1, 20)) * DAY, date(2030, 1, 1))]
    return Told(contract, known, covered)


def bound_fen(bound: Bound | None, level_fen: int, interest_fen: int) -> int | None:
    if bound is None:
        return None
    by_base = {
        Base.YUAN: bound.value,
        Base.LEVEL: rounded(Fraction(level_fen * bound.value, PPM)),
        Base.INTEREST: interest_fen,
    }
    return by_base[bound.base]


@settings(deadline=None)
@given(random_told(), st.booleans())
def test_a_life_of_random_revenue_keeps_every_promise(loan: Told, paying: bool) -> None:
    ended = loan.close_all(paying=paying)
    contract, share = loan.contract, loan.contract.product.revenue
    assert share is not None

    assert sum(state.principal_fen for state in ended.instalments) == contract.principal_fen
    assert ended.position.principal_outstanding_fen <= contract.principal_fen
    assert all(fen >= 0 for state in ended.instalments for fen in (state.principal_fen, state.interest_fen))
    if paying:
        assert ended.position.status == "settled"
    else:
        assert ended.position.principal_overdue_fen == contract.principal_fen

    # No more interest than the principal bears that is left by the plan: it is never added to the principal.
    left_fen, exact = contract.principal_fen, Fraction(0)
    for row, state in zip(contract.rows, ended.instalments, strict=True):
        of_row = Fraction(left_fen * 144_000 * (row.to_on - row.from_on).days, 360 * PPM)
        if share.floor is not None and share.floor.base is Base.INTEREST:
            assert state.interest_fen == rounded(of_row)  # nothing is left for later
        exact += of_row
        left_fen -= state.principal_fen
    assert abs(sum(state.interest_fen for state in ended.instalments) - exact) <= len(contract.rows)

    for row, state in zip(contract.rows, ended.instalments, strict=True):
        fixed = loan.fixed(row.number)
        assert state.principal_fen + state.interest_fen == fixed["amount_fen"]
        floor_fen = bound_fen(share.floor, fixed["level_fen"], state.interest_fen)
        cap_fen = bound_fen(share.cap, fixed["level_fen"], state.interest_fen)
        told_codes = {code for code, _ in fixed["reasons"]}
        if floor_fen is not None and share.floor is not None and share.floor.base is not Base.INTEREST:
            assert fixed["amount_fen"] >= floor_fen or "owed" in told_codes or "maturity" in told_codes
        if cap_fen is not None:
            assert fixed["amount_fen"] <= max(cap_fen, floor_fen or 0) or told_codes & {"progress", "maturity"}


@settings(deadline=None)
@given(random_told(revenue_terms | fee_terms))
def test_every_fen_of_revenue_is_counted_exactly_once(loan: Told) -> None:
    contract = loan.contract
    for row in contract.rows:
        on = closes_on(window_of(contract.product, contract.rows, row.number))
        loan.close(on)
        closed = [loan.closed(number) for number in range(1, row.number + 1)]
        basis_fen = sum(
            loan.revenue(on).net_fen(loan.window(each["number"]), ("sure",)).get("alipay", 0)
            for each in closed
            if not each["missing"]
        )
        assumed_fen = sum(each["assumed_fen"] for each in closed if each["missing"])
        used_fen = sum(each["used_fen"] for each in closed)
        latest = loan.fixed(row.number)
        # Below 0 it is carried on; and where a level or a floor stands for the revenue, what came late waits.
        waiting_fen = sum(reason(latest, "carried"))
        if closed[-1]["missing"] and reason(latest, "missing")[0] != "last_year":
            waiting_fen = closed[-1]["late_fen"]
        assert used_fen + waiting_fen == basis_fen + assumed_fen


@settings(deadline=None)
@given(random_told(), st.integers(1, 500_000), st.integers(0, 5))
def test_more_revenue_never_asks_for_less(loan: Told, more_fen: int, at: int) -> None:  # INV-20
    number = min(at + 1, loan.contract.maturity_number)
    richer = Told(loan.contract, list(loan.known), list(loan.covered))
    richer.earn(number, more_fen)
    for each in (loan, richer):
        for other in range(1, number + 1):
            each.close(closes_on(each.window(other)))

    assert richer.fixed(number)["amount_fen"] >= loan.fixed(number)["amount_fen"]


@settings(deadline=None)
@given(random_told(revenue_terms | fee_terms), st.lists(st.integers(0, 400), min_size=1, max_size=4))
def test_catching_up_late_is_closing_day_by_day_with_what_was_known_then(loan: Told, jumps: Sequence[int]) -> None:
    """With all revenue known before, it does not matter on which day the windows are closed."""
    known = [(day, day, kind, fen) for day, _, kind, fen in loan.known]
    by_day, late = Told(loan.contract, known, loan.covered), Told(loan.contract, known, loan.covered)
    end_on = loan.contract.rows[-1].due_on
    by_day.close_all(paying=False)
    for jump in sorted(jumps):
        late.close(min(SIGNED + jump * DAY, end_on))
    late.close(end_on)

    assert late.events == by_day.events


@settings(deadline=None)
@given(random_told(revenue_terms | fee_terms), st.data())
def test_no_fen_is_lost_and_accrual_is_by_the_day_whatever_is_paid(loan: Told, data: st.DataObject) -> None:
    contract = loan.contract
    surplus = data.draw(st.sampled_from(["credit", "principal"]))
    loan.contract = replace(contract, product=replace(contract.product, allocation=Allocation(surplus=surplus)))
    days = (contract.rows[-1].due_on - SIGNED).days + 30
    for number in range(data.draw(st.integers(0, 5))):
        paid = payment(
            SIGNED + data.draw(st.integers(0, days)) * DAY,
            data.draw(st.integers(1, contract.principal_fen)),
            f"p{number}",
        )
        loan.events.append(paid)
        if data.draw(st.booleans()):
            loan.events.append(bounced(paid, paid.effective_on + data.draw(st.integers(0, 20)) * DAY))
    loan.close_all(paying=False)

    on = SIGNED + data.draw(st.integers(0, days)) * DAY
    lived = life(loan.contract, loan.events, on)
    check_conservation(lived, contract.principal_fen)
    last_on = (lived.position.next_moment_on or on + 10 * DAY) - DAY
    later = life(loan.contract, loan.events, data.draw(st.dates(on, last_on))).position
    assert apart_from_accrual(later) == apart_from_accrual(lived.position)
    assert later.accrued == lived.position.accrued + (later.since_on - on).days * lived.position.accruing_per_day


@settings(deadline=None)
@given(random_told(revenue_terms | fee_terms), st.data())
def test_exactly_the_quote_settles_a_revenue_plan_too(loan: Told, data: st.DataObject) -> None:
    loan.close_all(paying=data.draw(st.booleans()))
    on = data.draw(st.dates(SIGNED, loan.contract.rows[-1].due_on))
    known = [each for each in loan.events if each.effective_on <= on]
    asked = quote(loan.contract, known, on)
    assume(asked.to_pay_fen > 1)

    exact = life(loan.contract, [*known, payment(on, asked.to_pay_fen, "~exact")], on).position
    short = life(loan.contract, [*known, payment(on, asked.to_pay_fen - 1, "~short")], on).position

    assert (exact.status, exact.credit_fen) == ("settled", 0)
    assert short.status == "active"


def test_fees_of_all_channels_are_rounded_once_over_a_window():
    window = Window(date(2026, 1, 1), date(2026, 1, 7))
    day, later = date(2026, 1, 2), date(2026, 1, 8)
    revenue = Revenue(
        fen={(day, "alipay", "sure"): 1_000, (day, "wechat", "sure"): 1_000, (day, "wechat", "reduction"): 100},
        covered={},
        fee_milli_fen={
            (day, "alipay", "sure"): 400,
            (day, "wechat", "sure"): 400,
            (day, "wechat", "reduction"): -100,
            (day, "wechat", "possible"): 9_000,
            (later, "alipay", "sure"): 9_000,
        },
    )
    assert revenue.net_fen(window, ("sure",)) == {"alipay": 1_000, "wechat": 899}  # 0.7 fen, half up, once
    assert revenue.net_fen(window, ("sure", "possible")) == {"alipay": 1_000, "wechat": 890}


@given(
    st.lists(
        st.tuples(
            st.integers(0, 9), st.sampled_from(["alipay", "wechat", "cash"]),
            st.sampled_from(["sure", "possible", "reduction"]), st.integers(0, 10**6), st.integers(-(10**5), 10**5),
        ),
        max_size=20,
    )
)  # fmt: skip
def test_what_the_channels_count_is_what_all_of_it_counts(told):
    first = date(2026, 1, 1)
    fen: dict[tuple[date, str, str], int] = {}
    fees: dict[tuple[date, str, str], int] = {}
    for ago, channel, kind, amount_fen, milli_fen in told:
        key = (first + ago * DAY, channel, kind)
        fen[key] = fen.get(key, 0) + amount_fen
        fees[key] = fees.get(key, 0) + milli_fen
    revenue = Revenue(fen=fen, covered={}, fee_milli_fen=fees)
    total = Sums(
        **{
            f"{kind}_fen": sum(x for key, x in fen.items() if key[2] == kind)
            for kind in ("sure", "possible", "reduction")
        },
        **{
            f"{kind}_fee_milli_fen": sum(x for key, x in fees.items() if key[2] == kind)
            for kind in ("sure", "possible", "reduction")
        },
    )
    for counts in (("sure",), ("sure", "possible")):
        assert sum(revenue.net_fen(Window(first, first + 9 * DAY), counts).values()) == total.net_fen(counts)
