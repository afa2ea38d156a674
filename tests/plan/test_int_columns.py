"""plan/int_columns: the roundings of core.money for whole columns, also where a numerator has hundreds of digits."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.money import Rounding, rounded
from loancli.plan.int_columns import AMOUNT_BITS, divided, proportional, scaled
from loancli.plan.solve import TO_WHOLE


@pytest.mark.parametrize("kind", [np.int64, object])
@given(
    st.lists(st.integers(-(10**6), 10**15), min_size=1, max_size=20), st.integers(1, 10**9), st.sampled_from(Rounding)
)
def test_a_column_is_divided_as_one_amount_is(kind, overs, under, mode):
    """Also below zero, as an instalment that a step took too far, before it is refused."""
    column = np.array(overs, dtype=kind)
    expected = [TO_WHOLE[mode](over, under) for over in overs]
    assert divided(column, under, mode).tolist() == expected
    assert divided(column, np.full(len(overs), under, dtype=kind), mode).tolist() == expected
    assert column.tolist() == overs  # what is divided stays as it is


@pytest.mark.parametrize("mode", Rounding)
@pytest.mark.parametrize("under", [2, 10, 14])
def test_ties_go_where_the_mode_says(mode, under):
    overs = [under // 2 * number for number in range(1, 40)]
    expected = [rounded(Fraction(over, under), mode) for over in overs]
    assert divided(np.array(overs), under, mode).tolist() == expected
    assert divided(np.array(overs), np.full(len(overs), under), mode).tolist() == expected


@given(
    st.lists(st.integers(0, 2**AMOUNT_BITS - 1), min_size=1, max_size=9),
    st.fractions(min_value=0, max_value=1_000, max_denominator=10**9),
    st.sampled_from(Rounding),
)
def test_a_short_ratio_and_a_long_one_beside_it_scale_as_exact_numbers_do(amounts, ratio, mode):
    for each in (ratio, ratio + Fraction(1, 10**30)):
        assert scaled(np.array(amounts), each, mode).tolist() == [rounded(amount * each, mode) for amount in amounts]


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=20),
    st.fractions(min_value=0, max_value=2, max_denominator=10**30),
    st.sampled_from(Rounding),
)
def test_a_long_ratio_rounds_as_exact_numbers_do(amounts, ratio, mode):
    found = proportional(np.array(amounts), ratio, mode)
    assert found.tolist() == [rounded(amount * ratio, mode) for amount in amounts]


@given(st.integers(0, 10**12 // 1_000), st.integers(1, 1_000), st.integers(-1, 1), st.sampled_from(Rounding))
def test_a_long_ratio_beside_a_tie_rounds_as_exact_numbers_do(half, amount, side, mode):
    ratio = Fraction(2 * (half % amount) + 1, 2 * amount) + side * Fraction(1, 10**40)
    found = proportional(np.array([amount]), ratio, mode)
    assert found.tolist() == [rounded(amount * ratio, mode)]
