"""plan/product_toml: what is written is read back equal, whatever the terms."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import products
from terms import SCHEDULES, product, revenue_product

from loancli.core.money import Rounding
from loancli.plan.contradictions import contradictions
from loancli.plan.product import (
    Allocation,
    Balloon,
    Base,
    Bound,
    BreathingSpace,
    Fee,
    Frequency,
    Kind,
    MinimumProgress,
    OwnOrder,
    Pays,
    Penalty,
    Step,
    Trigger,
)
from loancli.plan.product_file import read_product
from loancli.plan.product_toml import product_toml

FILES = sorted((SCHEDULES / "products").glob("*.toml"))


def back(terms):
    return read_product(product_toml(terms, ["说明 · a reason"]), f"{terms.code}.toml")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_product_is_written_and_read_back_equal(file):
    """A table that products have since, and that the writer does not know, fails here."""
    terms = read_product(file.read_text(encoding="utf-8"), file.name)
    assert back(terms) == terms


@settings(max_examples=60)
@given(products())
def test_any_product_that_can_be_is_read_back_equal(terms):
    terms = replace(terms, summary_zh="一", summary_en="one")
    if not contradictions(terms):
        assert back(terms) == terms


BREATHES = BreathingSpace(
    pays=Pays(part_ppm=500_000),
    extends=True,
    periods_max=3,
    a_year_max=2,
    at_start=1,
    trigger=Trigger(below_ppm=400_000, windows=6),
)
BOUNDS = st.one_of(
    st.just(Bound(base=Base.INTEREST)),
    st.builds(Bound, base=st.just(Base.LEVEL), value=st.integers(1, 5_000_000)),
    st.builds(Bound, base=st.just(Base.YUAN), value=st.integers(1, 10**12)),
)


@settings(max_examples=60)
@given(
    st.integers(1, 1_000_000),
    BOUNDS,
    BOUNDS,
    st.builds(MinimumProgress, windows=st.integers(1, 12), levels_ppm=st.integers(1, 1_000_000)),
    st.integers(0, 600),
)
def test_any_share_is_read_back_equal(share_ppm, floor, cap, progress, run_on):
    share = {
        "share_ppm": share_ppm, "floor": floor, "cap": cap, "minimum_progress": progress, "run_on_windows_max": run_on
    }  # fmt: skip
    terms = revenue_product(share=share)
    if not contradictions(terms):
        assert back(terms) == terms


@pytest.mark.parametrize(
    "terms",
    [
        pytest.param(
            product(fees=(Fee(name='"担保" \\费', amount_fen=5_050), Fee(name="b", principal_ppm=5_001))), id="fees"
        ),
        pytest.param(product(fees=(Fee(name="c", amount_fen=1, due_with="every"),)), id="a fee with every"),
        pytest.param(product(kind=Kind.BALLOON, balloon=Balloon(periods=700)), id="balloon over periods"),
        pytest.param(
            product(kind=Kind.BALLOON, balloon=Balloon(residual_ppm=300_000), principal_min_fen=100), id="or a residual"
        ),
        pytest.param(product(kind=Kind.STEPPED, step=Step(every=3, by_ppm=-25_000)), id="steps down"),
        pytest.param(product(kind=Kind.STEPPED, step=Step(every=3, by_fen=-123_456)), id="by an amount"),
        pytest.param(product(kind=Kind.BIG_SMALL_MONTHS, weights_by_season=True), id="a season to come"),
        pytest.param(product(rounding=Rounding.UP, instalment_unit_fen=10), id="rounding"),
        pytest.param(product(periods_min=6, breathing_space=BREATHES), id="a breathing space"),
        pytest.param(product(periods_min=6, breathing_space=replace(BREATHES, trigger=None, pays=Pays())), id="all"),
        pytest.param(
            product(
                penalty=Penalty(multiple_ppm=1_200_000, cap_ppm=200_000, grace_days=7, on_interest=True),
                allocation=Allocation(by="instalment", late_order=("principal", "interest", "fee", "penalty")),
            ),
            id="penalty and allocation",
        ),
        pytest.param(
            product(
                own_orders=(
                    OwnOrder(of="credit", order=("principal", "interest", "fee", "penalty"), by="instalment"),
                    OwnOrder(of="waived", order=("penalty",), late_order=("interest", "penalty")),
                )
            ),
            id="orders of their own",
        ),
        pytest.param(
            replace(product(annual_rate_ppm=123_457), frequency=Frequency(months=3), periods_max=12), id="quarters"
        ),
    ],
)
def test_terms_of_every_sort_are_read_back_equal(terms):
    assert contradictions(terms) == []
    assert back(terms) == terms


def test_the_reasons_stand_above_and_each_term_says_what_it_is():
    text = product_toml(revenue_product(), ["说明 · a reason", ""])
    assert text.startswith("# 说明 · a reason\n#\n\nname_zh = ")
    assert 'share = "12%"                   # 分成比例' in text
