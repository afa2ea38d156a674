"""A product file with a fixed fee: what it says, what it leaves out, and what it may not say."""

from dataclasses import replace

import pytest
from terms import product, revenue_product

from loancli.core.errors import InputError
from loancli.core.rates import DayCount
from loancli.plan.contradictions import contradictions
from loancli.plan.product import Base, Bound, Early, FixedFee, Frequency, Kind, MinimumProgress, Penalty
from loancli.plan.product_file import read_product
from loancli.plan.product_json import from_json, to_json

HEAD = """\
name_zh = "费"
name_en = "fee"
summary_zh = "费"
summary_en = "fee"
kind = "revenue_share"
lender_kind = "microcredit"
frequency = "every 1 days"
roll = "none"
periods = 360
periods_min = 60
periods_max = 540
principal_min = 5000
principal_max = 200000
"""
FEE = """\
[fixed_fee]
amount = "10%"
"""
REVENUE = """\
[revenue]
share = "12%"
counts = ["sure"]
missing = "level"
"""
PROGRESS = """\
[revenue.minimum_progress]
every_days = 60
total = "1/18"
"""
TEXT = HEAD + FEE + REVENUE + PROGRESS


def read(text):
    return read_product(text, "fee.toml")


def refused(text):
    with pytest.raises(InputError) as error:
        read(text)
    return str(error.value).split("\n")


def changed(old, new, text=TEXT):
    assert old in text
    return text.replace(old, new, 1)


def test_a_fee_stands_in_the_place_of_the_yearly_rate():
    terms = read(TEXT)
    assert terms.fixed_fee == FixedFee(principal_ppm=100_000, early=Early.ALL_DUE)
    assert (terms.annual_rate_ppm, terms.penalty) == (0, Penalty())
    assert read(changed("roll =", 'annual_rate = "0%"\nroll =')) == terms
    assert terms.revenue is not None
    assert terms.revenue.minimum_progress == MinimumProgress(every_days=60, total_over=1, total_under=18)


@pytest.mark.parametrize(
    ("old", "new", "fee"),
    [
        ('"10%"', '"1000.50 yuan"', FixedFee(amount_fen=100_050)),
        ('"10%"', '"100%"', FixedFee(principal_ppm=1_000_000)),
        ('"10%"', '"10%"\nearly = "unearned_waived"', FixedFee(principal_ppm=100_000, early=Early.UNEARNED_WAIVED)),
    ],
)
def test_a_part_of_the_principal_or_an_amount_and_what_becomes_of_it_early(old, new, fee):
    terms = read(changed(old, new))
    assert terms.fixed_fee == fee
    assert from_json(to_json(terms)) == terms


@pytest.mark.parametrize(
    ("total", "found"),
    [('"10%"', (1, 10)), ('"2/6"', (1, 3)), ('"1/1"', (1, 1)), ('"5.2632%"', (6579, 125_000))],
)
def test_a_minimum_is_a_fraction_of_it_all(total, found):
    revenue = read(changed('"1/18"', total)).revenue
    assert revenue is not None
    assert revenue.minimum_progress is not None
    assert (revenue.minimum_progress.total_over, revenue.minimum_progress.total_under) == found


def test_without_a_fee_the_rate_is_still_asked_for():
    lines = refused(HEAD + REVENUE)
    assert [line.split(": ")[0].split(":")[-1] for line in lines] == ["annual_rate", "day_count"]


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ("roll =", 'annual_rate = "12%"\nroll =', "annual_rate", "a fixed fee is the whole price"),
        ('"10%"', '"0%"', "fixed_fee.amount", "0 is no fee"),
        ('"10%"', '"100.01%"', "fixed_fee.amount", "at most 100% of the principal"),
        ('"10%"', '"5000.01 yuan"', "fixed_fee.amount", "at most principal_min (5,000.00)"),
        ('"10%"', "10", "fixed_fee.amount", "10 is not allowed; write"),
        ('"10%"', '"10%"\nearly = "half"', "fixed_fee.early", "write all_due | unearned_waived"),
        ('"10%"', '"10%"\nerly = "all_due"', "fixed_fee.erly", "did you mean 'early'"),
        ('"level"', '"level"\nfloor = "interest"', "revenue.floor", "'interest' has no meaning with a fixed fee"),
        ('share = "12%"', 'share = "0%"', "revenue.share", "0% is not allowed"),
        (
            '"level"',
            '"level"\nfloor = "30 yuan"\ncap = "20 yuan"',
            "revenue.floor",
            "30.00 is above the cap, 20.00",
        ),
        (FEE, FEE + "[penalty]\ngrace_days = 3\n", "penalty", "which a fixed fee does not have"),
        (
            FEE,
            FEE + '[breathing_space]\npays = "interest"\nrest = "extend"\nperiods_max = 2\n',
            "breathing_space",
            "has no interest to go on with",
        ),
        (
            "every_days = 60",
            "every_days = 60\nwindows = 60",
            "revenue.minimum_progress",
            "either windows or every_days",
        ),
        ("every_days = 60", "", "revenue.minimum_progress", "either windows or every_days"),
        ("every_days = 60", "every_days = 541", "revenue.minimum_progress.every_days", "at most the days of"),
        ("every_days = 60", "every_days = 0", "revenue.minimum_progress.every_days", "from 1 to 3650"),
        ('"1/18"', '"3/2"', "revenue.minimum_progress.total", "3/2 is not allowed; at most 1/1"),
        ('"1/18"', '"1/0"', "revenue.minimum_progress.total", "write a part of all that is owed"),
        ('"1/18"', '"1/18"\nlevels = "60%"', "revenue.minimum_progress", "either levels or total"),
        ('total = "1/18"', "", "revenue.minimum_progress.levels", "above 0%"),
        (
            'total = "1/18"',
            'levels = "60%"\ntotal_unit = "yuan"',
            "revenue.minimum_progress.total_unit",
            "only goes with total",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_under_its_key(old, new, key, message):
    (line,) = refused(changed(old, new))
    place, _, told = line.partition(f":{key}: ")
    assert place.startswith("fee.toml:"), line
    assert message in told, line


@pytest.mark.parametrize(
    ("terms", "key"),
    [
        (product(annual_rate_ppm=0, kind=Kind.FLAT, fixed_fee=FixedFee(amount_fen=1)), "fixed_fee"),
        (
            revenue_product(
                share={"minimum_progress": MinimumProgress(windows=3, total_over=1, total_under=9)},
            ),
            "revenue.minimum_progress.total",
        ),
        (
            revenue_product(share={"minimum_progress": MinimumProgress(every_days=30, levels_ppm=600_000)}),
            "revenue.minimum_progress.every_days",
        ),
        (
            product(
                annual_rate_ppm=0,
                fixed_fee=FixedFee(amount_fen=1),
                roll_interest=True,
                day_count=DayCount.ACT_365F,
            ),
            "roll_interest",
        ),
    ],
    ids=["a flat loan", "a part of all, and all is not known", "days, where windows are months", "days moved"],
)
def test_terms_that_have_no_such_table(terms, key):
    assert [".".join(map(str, place)) for place, _ in contradictions(terms)] == [key]


def test_equal_instalments_may_have_a_fee():
    terms = product(annual_rate_ppm=0, day_count=DayCount.ACT_365F, fixed_fee=FixedFee(principal_ppm=1))
    assert contradictions(replace(terms, frequency=Frequency(days=1), principal_min_fen=1_000_000)) == []
    assert contradictions(
        revenue_product(annual_rate_ppm=0, fixed_fee=FixedFee(principal_ppm=1), share={"floor": Bound(base=Base.YUAN)})
    ) == []  # fmt: skip
