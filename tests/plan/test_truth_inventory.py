"""Every case of the reference shelf that concerns plans and loans is tested under its id, or left out for a reason.

revenue_plans.json and schedule_changes.json are counted where fixed fees and plan changes are tested.
"""

from pathlib import Path

import pytest
import shelf

TESTS = Path(__file__).resolve().parents[1]
FILES = (
    "truth/schedules.json",
    "truth/apr.json",
    "truth/tvm.json",
    "truth/day_count.json",
    "truth/law_cn.json",
    "truth/allocation.json",
    "truth/delinquency.json",
    "domain/cases.json",
)

ODD_FIRST = "Appendix J discounts an odd first period by simple interest; PRC-02 counts its days over 365"
EU_DAYS = "whole months counted back with odd days over 365 or 366: a third way to count, beside PRC-01 and PRC-02"
OUT_OF_SCOPE = {
    "fin-emi-weekly-364": "a year of 364 days is none of our day counts",
    "fin-31st-roll-actact": "the 31st goes over into the next month; here it is the last day of the month (CAL-03)",
    "curo-4-subsidised-zero": "a third party's subsidy belongs to coupons",
    "hs-nothing-first-3": "interest added to the balance: negative amortisation, which no plan of ours has",
    "regz-c1ii": ODD_FIRST,
    "regz-c1iv": ODD_FIRST,
    "regz-c1v": ODD_FIRST,
    "regz-c2ii": ODD_FIRST,
    "regz-x-quarter-0623": ODD_FIRST,
    "regz-x-weekly-long": ODD_FIRST,
    "regz-x-weekly-short": ODD_FIRST,
    "regz-x-yearly": ODD_FIRST,
    "eu-int-1": EU_DAYS,
    "eu-int-2": EU_DAYS,
    "eu-int-5": EU_DAYS,
    "eu-int-6": EU_DAYS,
    "automated-decision": "no number: segments and campaigns tell why, and a person approves what is sent",
    "wcl-near-breach": "a checkpoint inside a period: nothing is due before the due day; segments see revenue and days",
    "VAT-01": "tax on interest is the lender's accounting; the books keep each day's interest for it",
    "IDN-01": "no identity numbers are kept (PRV-01), so none is checked",
    "CMP-01": "belongs to issue 6: deadlines of complaints",
    "EXT-01": "belongs to plan changes: limits of an extension by the kind of borrower, rules of banks",
}


def named_in_tests() -> str:
    """The text of every test file but this one."""
    files = sorted(path for path in TESTS.rglob("*.py") if path != Path(__file__).resolve())
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def is_named(case_id: str, text: str) -> bool:
    """As 'np-rate-1', or in the name of a test as np_rate_1."""
    return f'"{case_id}"' in text or f"test_{case_id.replace('-', '_')}" in text.lower()


@pytest.mark.parametrize("name", FILES)
def test_every_case_is_tested_or_left_out_for_a_reason(name):
    cases = shelf.cases(name)
    if not cases:
        pytest.skip("the reference shelf is not here")
    text = named_in_tests()
    assert [case_id for case_id in cases if not is_named(case_id, text) and case_id not in OUT_OF_SCOPE] == []


def test_what_is_left_out_exists_and_is_not_tested_after_all():
    known = [case_id for name in FILES for case_id in shelf.cases(name)]
    if not known:
        pytest.skip("the reference shelf is not here")
    text = named_in_tests()
    assert set(OUT_OF_SCOPE) - set(known) == set()
    assert [case_id for case_id in OUT_OF_SCOPE if is_named(case_id, text)] == []
