"""plan/solve: the base of weights in one pass from the end, against Newton's steps, which take any extra amounts."""

from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loancli.plan.solve import Sought, solved, weighted_base

MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


@settings(max_examples=150)
@given(
    periods=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 1000)), min_size=1, max_size=40),
    rate=st.integers(1, 400),
)
@example(periods=[(30, 5), (31, 0), (30, 0)], rate=24)
@example(periods=[(31, 1), (30, 1000)], rate=400)
def test_one_pass_finds_what_newton_finds(periods, rate):
    factors = [(rate * days, 36_500) for days, _ in periods]
    weights = [weight for _, weight in periods]
    if not any(weights):
        weights[0] = 1
    sought = Sought(1_000_000, factors, weights, [0] * len(factors))
    assert Fraction(*weighted_base(1_000_000, factors, weights)) == Fraction(*solved(sought))


@pytest.mark.parametrize("count", [12, 600])
def test_long_months_that_a_level_cannot_pay_pay_interest_alone(count):
    """In fifty years at 24 % the level is hardly above the interest of a month of 30 days, and below that of 31."""
    factors = [(24 * MONTHS[number % 12], 36_500) for number in range(count)]
    level = Fraction(*weighted_base(1, factors, [1] * count))
    balance, without = Fraction(1), 0
    for over, under in factors[:-1]:
        interest = balance * Fraction(over, under)
        without += interest > level
        balance -= max(0, level - interest)
    assert balance * (1 + Fraction(*factors[-1])) == level
    assert (without > 100) == (count == 600)
