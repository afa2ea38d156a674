"""Rules of Chinese law that the shelf states with numbers, lived by a loan of ours."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
import shelf
from lives import PLAIN, contract_for, payout

from loancli.core.days import Roll
from loancli.core.money import fen_of
from loancli.core.rates import DayCount, rate_ppm_of
from loancli.plan.product import Allocation, Frequency, Kind, Penalty
from loancli.servicing.allocate import pour
from loancli.servicing.life import life, quote

LAW = shelf.cases("truth/law_cn.json")
START = date(2026, 1, 15)
BY_THE_DAY = replace(PLAIN, kind=Kind.SINGLE_PAYMENT, day_count=DayCount.ACT_365F, roll=Roll.NONE, periods=1)


def need(case_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if case_id not in LAW:
        pytest.skip("the reference shelf is not here")
    return LAW[case_id]["inputs"], LAW[case_id]["expected"]


def test_upfront_interest_is_no_principal() -> None:
    """Civil Code 670: of 10,000 with 1,000 kept back, 9,000 is owed, and interest runs on it."""
    given, expect = need("upfront-interest")
    stated_fen, paid_out_fen = fen_of(given["stated"]), fen_of(given["stated"]) - fen_of(given["kept_back"])
    contract = contract_for(PLAIN, stated_fen, START)

    lived = life(contract, [payout(contract, amount_fen=paid_out_fen)], contract.rows[0].due_on)

    assert lived.position.principal_outstanding_fen == fen_of(expect["principal"]) == paid_out_fen
    honest = contract_for(PLAIN, paid_out_fen, START)
    assert lived.instalments[0].interest_fen == honest.rows[0].interest_fen


def test_late_interest_plus_fees_cap() -> None:
    """Article 29: 4 × LPR for all that is charged for being late. Ours has no charge but the penalty, capped at it."""
    given, expect = need("late-interest-plus-fees-cap")
    cap_ppm = 4 * rate_ppm_of(given["lpr_1y_percent"] + "%")
    terms = replace(BY_THE_DAY, annual_rate_ppm=cap_ppm, penalty=Penalty(multiple_ppm=2_000_000, cap_ppm=cap_ppm))
    contract = contract_for(terms, fen_of(given["principal"]), START)
    on = contract.rows[0].due_on + timedelta(days=given["days_late"])

    charged_fen = life(contract, [payout(contract)], on).position.penalty_accrued_fen

    assert charged_fen == fen_of(expect["cap"]) == fen_of(expect["allowed_total"])
    asked_fen = fen_of(given["late_interest"]) + fen_of(given["penalty"])
    assert asked_fen - charged_fen == fen_of(expect["cut"])


def test_waterfall_561() -> None:
    given, expect = need("waterfall-561")
    owed = {
        "fee": fen_of(given["cost"]),
        "interest": fen_of(given["interest"]),
        "principal": fen_of(given["principal"]),
    }

    taken, left_fen = pour(fen_of(given["payment"]), [(1, owed)], Allocation().order, by=Allocation().by)

    split = expect["split"]
    assert [(each.part, each.amount_fen) for each in taken] == [
        ("fee", fen_of(split["cost"])),
        ("interest", fen_of(split["interest"])),
        ("principal", fen_of(split["principal"])),
    ]
    assert left_fen == 0


def test_prepay_actual_days() -> None:
    """Civil Code 677: repaid after 100 of 365 days, interest for 100 days."""
    given, expect = need("prepay-actual-days")
    rate_ppm = rate_ppm_of(given["annual_rate_percent"] + "%")
    terms = replace(BY_THE_DAY, annual_rate_ppm=rate_ppm, frequency=Frequency(days=given["planned_days"]))
    contract = contract_for(terms, fen_of(given["principal"]), START)

    settled = quote(contract, [payout(contract)], START + timedelta(days=given["real_days"]))

    assert settled.interest_fen == fen_of(expect["interest"])
    assert settled.principal_fen == fen_of(given["principal"])
