"""The documented list of features is what a loan has, and nothing personal is among it."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.outreach.features import FEATURES, Features, row_of


def test_every_field_but_the_ids_is_a_feature_and_every_feature_is_there(loan):
    names = [feature.name for feature in FEATURES]
    assert len(set(names)) == len(names)
    assert {field.name for field in fields(Features)} - {"borrower_id", "loan_id"} <= set(names)
    assert all(hasattr(loan(), name) for name in names)
    assert not {"borrower_id", "loan_id", "name", "phone"} & set(names)


def test_every_feature_is_documented_in_both_languages_with_its_unit():
    for feature in FEATURES:
        assert feature.unit, feature.name
        assert feature.meaning_en, feature.name
        assert feature.meaning_zh, feature.name
        assert feature.sql_type in {"INTEGER", "TEXT"}, feature.name


def test_a_row_has_whole_numbers_and_texts_only_and_none_only_where_the_list_says_so(loan):
    unknown = loan(days_to_due=None, has_revenue_data=False, revenue_7d_fen=0, revenue_30d_fen=0, revenue_90d_fen=0)
    for feature, value in zip(FEATURES, row_of(unknown), strict=True):
        expected = str if feature.sql_type == "TEXT" else int
        assert type(value) is expected or (value is None and feature.nullable), feature.name


@pytest.mark.parametrize(
    ("revenue_30d_fen", "revenue_90d_fen", "trend_ppm"),
    [
        pytest.param(100, 300, 0, id="the same as before"),
        pytest.param(50, 250, -500_000, id="half"),
        pytest.param(200, 400, 1_000_000, id="twice"),
        pytest.param(0, 200, -1_000_000, id="nothing any more"),
        pytest.param(100, 100, 0, id="nothing before: unknown"),
    ],
)
def test_the_trend_compares_30_days_with_the_mean_of_the_60_before(loan, revenue_30d_fen, revenue_90d_fen, trend_ppm):
    one = loan(revenue_30d_fen=revenue_30d_fen, revenue_90d_fen=revenue_90d_fen)
    assert one.revenue_trend_ppm == trend_ppm


def test_ability_is_revenue_per_amount_due_and_unknown_is_not_zero(loan):
    assert loan(revenue_30d_fen=300, due_30d_fen=200).ability_ppm == 1_500_000
    assert loan(revenue_30d_fen=0, revenue_90d_fen=0, due_30d_fen=200).ability_ppm == 0
    assert loan(due_30d_fen=0).ability_ppm is None
    unknown = loan(has_revenue_data=False, revenue_7d_fen=0, revenue_30d_fen=0, revenue_90d_fen=0)
    assert unknown.ability_ppm is None


@given(revenue_fen=st.integers(0, 10**12), earlier_fen=st.integers(0, 10**12), more_fen=st.integers(1, 10**12))
def test_more_revenue_never_lowers_trend_or_ability(loan, revenue_fen, earlier_fen, more_fen):
    one = loan(revenue_30d_fen=revenue_fen, revenue_90d_fen=revenue_fen + earlier_fen)
    better = loan(revenue_30d_fen=revenue_fen + more_fen, revenue_90d_fen=revenue_fen + earlier_fen + more_fen)
    assert better.revenue_trend_ppm >= one.revenue_trend_ppm
    assert better.ability_ppm >= one.ability_ppm
