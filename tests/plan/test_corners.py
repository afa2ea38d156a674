"""plan/corners: what a product comes to at the edges of its terms."""

from datetime import date

import pytest
from terms import CALENDAR, SCHEDULES, product, revenue_product

from loancli.plan.ceilings import Outcome, read_ceilings
from loancli.plan.corners import corners, worst
from loancli.plan.product import Fee, Kind

CEILINGS = read_ceilings(
    (SCHEDULES / "policies" / "ceilings.toml").read_text(encoding="utf-8"),
    (SCHEDULES / "policies" / "lpr.csv").read_text(encoding="utf-8"),
)
SIZE = {"principal_min_fen": 100_000, "principal_max_fen": 10_000_000, "periods_min": 3, "periods_max": 36}


def tried(terms, signed_on=date(2026, 11, 23)):
    return corners(terms, CEILINGS, calendar=CALENDAR, signed_on=signed_on)


def test_both_sizes_are_tried_over_terms_from_the_shortest_to_the_longest():
    places = [(corner.principal_fen, corner.periods) for corner in tried(product(**SIZE))]
    terms = [*range(3, 36, 2), 12, 36]
    assert places == [(fen, count) for fen in (100_000, 10_000_000) for count in sorted(terms)]


def test_a_fixed_fee_is_worst_on_the_smallest_loan_over_the_fewest_instalments():
    dearest = worst(tried(product(fees=(Fee(name="a", amount_fen=5_000),), **SIZE)))
    assert (dearest.principal_fen, dearest.periods) == (100_000, 3)
    assert dearest.verdict.outcome is Outcome.REFUSED


def test_a_flat_product_is_held_to_what_it_costs_not_to_what_it_quotes():
    found = tried(product(kind=Kind.FLAT, annual_rate_ppm=180_000, **SIZE))
    assert {corner.verdict.outcome for corner in found} == {Outcome.REFUSED}


def test_a_flat_loan_is_dearest_in_the_middle():
    """12 % flat: 20.9 % a year over 36 months, 21.8 % over 18."""
    found = tried(product(kind=Kind.FLAT, annual_rate_ppm=120_000, **SIZE))
    dearest = max(found, key=lambda corner: corner.verdict.cost.simple_ppm)
    assert 12 < dearest.periods < 24


def test_the_fastest_path_of_a_revenue_share_is_tried():
    fees = (Fee(name="a", principal_ppm=60_000),)
    dearest = worst(tried(revenue_product(fees=fees, **{**SIZE, "periods_min": 12, "periods_max": 12})))
    assert ("path", ("fastest",)) in dearest.verdict.parts


def test_an_edge_without_a_plan_says_why():
    terms = product(instalment_unit_fen=100, **{**SIZE, "principal_min_fen": 1_000})
    assert {corner.no_plan[:15] for corner in tried(terms) if corner.verdict is None} == {"instalment_unit"}


def test_custom_rows_are_tried_as_equal_parts():
    assert [corner.no_plan for corner in tried(product(kind=Kind.CUSTOM, **SIZE))] == [""] * 38
    assert worst(tried(product(kind=Kind.CUSTOM, **SIZE))) is None


@pytest.mark.parametrize(("day", "refused"), [(date(2027, 12, 31), 0), (date(2028, 1, 1), 38)])
def test_the_law_of_the_day_of_signing_counts(day, refused):
    """14.4 % is above 4 × LPR, which holds for microcredit companies from 2028 on."""
    found = tried(product(annual_rate_ppm=144_000, **SIZE), day)
    assert sum(corner.verdict.outcome is Outcome.REFUSED for corner in found) == refused
