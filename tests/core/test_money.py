"""core/money: fen in, fen out; parts of a fen go in one place."""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal
from fractions import Fraction

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.core.money import PRINCIPAL_FEN_MAX, Rounding, fen_of, rounded, split, yuan

DECIMAL_MODE = {
    Rounding.HALF_UP: ROUND_HALF_UP,
    Rounding.HALF_EVEN: ROUND_HALF_EVEN,
    Rounding.UP: ROUND_UP,
    Rounding.DOWN: ROUND_DOWN,
}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param(Rounding.HALF_UP, [0, 1, 2, 3, 3], id="half up, never banker's (PRC-08)"),
        pytest.param(Rounding.HALF_EVEN, [0, 0, 2, 2, 3], id="half to the even neighbour"),
        pytest.param(Rounding.UP, [0, 1, 2, 3, 3], id="any part goes up"),
        pytest.param(Rounding.DOWN, [0, 0, 1, 2, 2], id="any part is dropped"),
    ],
)
def test_ties_go_where_the_mode_says(mode, expected):
    exact = [Fraction(0), Fraction(1, 2), Fraction(3, 2), Fraction(5, 2), Fraction(13, 5)]
    assert [rounded(part, mode) for part in exact] == expected


@given(
    st.integers(0, 10**18),
    st.sampled_from([1, 2, 4, 5, 8, 20, 125, 1000]),
    st.sampled_from(list(Rounding)),
    st.sampled_from([1, 10, 100]),
)
def test_rounding_equals_decimal_quantize(numerator, denominator, mode, unit_fen):
    exact = Decimal(numerator) / (denominator * unit_fen)  # a finite decimal: these denominators divide powers of ten
    expected = int(exact.quantize(Decimal(1), rounding=DECIMAL_MODE[mode])) * unit_fen
    assert rounded(Fraction(numerator, denominator), mode, unit_fen) == expected


def test_printed_rates_round_as_published_eu_round():
    case = shelf.cases("truth/day_count.json").get("eu-round")
    if case is None:
        pytest.skip("the reference shelf has no truth/day_count.json here")
    for places, digits in (("two_places", 2), ("one_place", 1)):
        for value, expected in zip(case["inputs"]["values"], case["expected"][places], strict=True):
            assert rounded(Fraction(value) * 10**digits) == Fraction(expected) * 10**digits


def test_a_negative_amount_is_not_rounded():
    with pytest.raises(AssertionError):
        rounded(Fraction(-1, 2))


@given(st.integers(0, 10**14), st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any))
def test_the_parts_of_a_split_add_up_and_are_fair(total_fen, weights):
    parts = split(total_fen, weights)
    assert sum(parts) == total_fen
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total_fen * weight, sum(weights))) < 1


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("0", 0),
        ("0.1", 10),
        ("0.10", 10),
        ("1234.5", 123450),
        ("1,234.50", 123450),
        (" ¥1,234.50 ", 123450),
        ("￥１２３．４５", 12345),
        ("10000000000", PRINCIPAL_FEN_MAX),
    ],
)
def test_amounts_as_people_and_apps_write_them(text, fen):
    assert fen_of(text) == fen


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.234", "1e3", "12,34", "1,2345", ".5", "5.", "1 000", "1,234,56", "NaN", "١٢", "1" * 12]
)
def test_what_is_no_amount_is_refused_with_what_it_said(text):
    with pytest.raises(InputError, match="is not an amount in yuan"):
        fen_of(text)


def test_a_long_text_is_cut_in_the_message():
    with pytest.raises(InputError) as refused:
        fen_of("9" * 500)
    assert len(str(refused.value)) < 120


@pytest.mark.parametrize(
    ("fen", "text"), [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (123450, "1,234.50"), (-123450, "-1,234.50")]
)
def test_fen_are_shown_in_yuan(fen, text):
    assert yuan(fen) == text


@given(st.integers(0, 10**13 - 1))
def test_what_is_shown_reads_back(fen):
    assert fen_of(yuan(fen)) == fen
