"""The time value of money as spreadsheets and numpy-financial print it, against plans and yearly rates of ours."""

from datetime import date
from fractions import Fraction
from functools import partial

import pytest
import shelf
from terms import CALENDAR, product

from loancli.plan.build import build
from loancli.plan.cost import apr
from loancli.plan.due_days import due_dates
from loancli.plan.kinds import level_exact

TVM = shelf.cases("truth/tvm.json")
need = partial(shelf.need, TVM)
START = date(2026, 1, 15)


def terms_of(case):
    """'0.1/12', …, 24, 2000 → the terms, and the principal in fen."""
    rate, *_ = case["inputs"]["args"]
    yearly = Fraction(rate.split("/")[0])
    assert rate.endswith("/12")
    return product(annual_rate_ppm=int(yearly * 10**6))


def level(terms, principal_fen, count):
    dues = due_dates(terms, start_on=START, first_due_on=None, periods=count, calendar=CALENDAR)
    return level_exact(terms, principal_fen, dues)


@pytest.mark.parametrize(("case_id", "part"), [("np-ipmt-1", "interest_fen"), ("np-ppmt-1", "principal_fen")])
def test_the_parts_of_an_instalment(case_id, part):
    case = need(case_id)
    _, number, count, principal = case["inputs"]["args"]
    plan = build(terms_of(case), principal * 100, START, periods=count, calendar=CALENDAR)
    printed = -Fraction(case["expected"]["value"]) * 100
    assert abs(getattr(plan.rows[number - 1], part) - printed) <= 1  # ours are whole fen, of a whole level


def test_np_nper_1():
    """64.07 instalments of 150 repay 8,000: 64 are too few, 65 too many; and the level of 64.07 lies between."""
    case = need("np-nper-1")
    _, payment, principal = case["inputs"]["args"]
    terms, count = terms_of(case), int(Fraction(case["expected"]["value"]))
    assert level(terms, principal * 100, count) > -payment * 100 > level(terms, principal * 100, count + 1)


def test_np_rate_1():
    case = need("np-rate-1")
    count, payment, present, future = case["inputs"]["args"]
    assert payment == 0
    flows = [(START, -present * 100), *[(START, 0)] * (count - 1), (START, -future * 100)]
    found = apr(flows, periods_a_year=Fraction(1))
    assert found.periodic_irr == pytest.approx(float(case["expected"]["value"]), abs=1e-9)


@pytest.mark.parametrize(("case_id", "part"), [("xl-cumipmt-y2", "interest_fen"), ("xl-cumprinc-y2", "principal_fen")])
def test_a_year_of_instalments_summed(case_id, part):
    """A spreadsheet rounds nothing in between; our 24 roundings differ by a fen each at most, of the level by half."""
    case = need(case_id)
    _, count, principal, first, last, _ = case["inputs"]["args"]
    plan = build(terms_of(case), principal * 100, START, periods=count, calendar=CALENDAR)
    found_fen = sum(getattr(row, part) for row in plan.rows[first - 1 : last])
    assert abs(found_fen + Fraction(case["expected"]["value"]) * 100) <= 12
