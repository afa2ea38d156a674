"""`plan fit` as an analyst meets it: terms for a shop with a season, signed, and paid off as projected."""

import re
import runpy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from loancli.core.days import months_after
from loancli.plan.product_file import read_product

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
SEED = 7
BURDEN = ("--burden", "20%")
DAY = timedelta(days=1)


class Shop(NamedTuple):
    """A ledger on the day before signing that knows two years of the ice shop's revenue; the files that follow."""

    desk: Any
    season: dict[str, Any]
    files: list[Path]


@pytest.fixture(scope="module")
def shop(new_desk, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    season = runpy.run_path(str(FIXTURES / "season.py"))
    files = season["write_seasonal"](folder, SEED)
    first = season["FIRST_MONTH"]
    desk = replace(new_desk(folder), now=f"{first}T10:00:00+08:00")
    desk.done("init")
    desk.done("borrower", "add", "B0061", "--name", season["SHOP"].name, "--alias", season["SHOP"].shop)
    desk.done("import", *files[: season["FILES_BEFORE"]], "--as", "revenue", "--borrower", "B0061")
    return Shop(desk, season, files[season["FILES_BEFORE"] :])


@pytest.fixture
def desk(shop, tmp_path):
    return shop.desk.copy(tmp_path / "desk")


def asked(*words, source=("--borrower", "B0061"), product="revenue-share"):
    loan = ("--principal", "80000", "--start", "2025-05-08")
    return ("plan", "fit", product, *loan, *source, *BURDEN, "--periods-max", "18", *words)


def projected(desk, product):
    words = ("--principal", "80000", "--start", "2025-05-08", "--borrower", "B0061", *BURDEN)
    return desk.done("plan", "project", product, *words, "--format", "json").json()


def test_the_story_of_a_fitted_loan(desk, shop):
    """A product is found that keeps 20 %, which equal instalments break; it is signed, and 18 months pay it off."""
    season = shop.season
    found = desk.done(*asked("--save", "ice.toml", "--format", "json")).json()
    answer, equal = found["plans"][0], found["plans"][-1]
    assert (answer["plan"], equal["plan"]) == ("answer", "equal_instalments")
    before = projected(desk, "ice.toml")
    own, beside = before["plans"]
    assert own["worst_burden_p90_ppm"] == answer["worst_burden_p90_ppm"] < 200_000 < beside["worst_burden_p90_ppm"]
    assert own["chance_finished_by_maturity_ppm"] >= 900_000
    told = desk.done(
        *("loan", "open", "--borrower", "B0061", "--product", "ice.toml", "--principal", "80000"),
        *("--start", "2025-05-08", "--loan-id", season["LOAN_ID"]),
    )
    assert "signed and paid out" in told.err
    worst_ppm = _live_through_18_months(desk, shop)
    loan = desk.done("--as-of", "2026-11-01", "loan", "show", season["LOAN_ID"], "--format", "json").json()
    assert loan["status"] == "settled"
    last = [row["paid_on"] for row in loan["instalments"] if row["due_fen"]][-1]
    assert own["paid_off_p10_on"] <= last <= own["paid_off_p90_on"]
    assert worst_ppm < 200_000
    # A band from P10 to P90 holds four futures of five, so that about four instalments of five lie in it.
    spans = [(line["due_p10_fen"], line["due_p90_fen"]) for line in before["instalments"]]
    dues = [row["due_fen"] for row in loan["instalments"]]
    inside = [low <= due <= high for (low, high), due in zip(spans, dues, strict=False)]
    assert len(inside) == 18
    assert sum(inside) >= 14, inside
    assert sum(dues) <= own["total_p90_fen"]
    assert "sound" in desk.done("ledger", "check").err


def _live_through_18_months(desk, shop):
    """Import each month's statements, close its days, and pay on the day what falls due; the worst month in ppm."""
    lender = runpy.run_path(str(FIXTURES / "lender.py"))
    world = lender["World"](seed=SEED, months=(), borrowers=(), loans=(), behaviours={})
    shop.season["join"](world, "ice.toml", 18)
    loan_id, worst_ppm = shop.season["LOAN_ID"], 0
    month = shop.season["FIRST_MONTH"]
    for number in range(18):
        month = months_after(month, 1)
        morning = replace(desk, now=f"{month + DAY}T09:00:00+08:00")
        morning.done("-q", "import", *shop.files[2 * number : 2 * number + 2], "--as", "revenue", "--borrower", "B0061")
        morning.done("-q", "day", "close")
        rows = morning.done("loan", "show", loan_id, "--format", "json").json()["instalments"]
        due = next((row for row in rows if row["due_on"][:7] == f"{month:%Y-%m}"), None)
        if due is None or not due["due_fen"]:
            continue
        came_in = re.findall(r"revenue ([\d,.]+\d)", due["why"])
        assert len(came_in) == 2, due["why"]
        fen = sum(int(amount.replace(",", "").replace(".", "")) for amount in came_in)
        worst_ppm = max(worst_ppm, 1_000_000 * due["due_fen"] // fen)
        dues = [(loan_id, month.fromisoformat(due["due_on"]), due["due_fen"])]
        paid = lender["lender_month"](desk.folder, world, month, dues)
        end = replace(desk, now=f"{months_after(month, 1)}T08:00:00+08:00")
        end.done("-q", "import", paid[0], "--as", "repayments")
    replace(desk, now="2026-11-02T09:00:00+08:00").done("-q", "day", "close")
    return worst_ppm


def test_the_file_is_a_product_with_its_reasons_in_both_languages(desk):
    told = desk.done(*asked("--save", "ice.toml", "--format", "json"))
    assert "the product is in ice.toml" in told.err
    text = (desk.folder / "ice.toml").read_text(encoding="utf-8")
    terms = read_product(text, "ice.toml")
    assert (terms.code, terms.name_en) == ("ice", "Revenue share, fitted")
    answer = told.json()["plans"][0]
    assert terms.revenue.share_ppm == answer["revenue_share_ppm"]
    assert terms.periods == answer["periods"]
    head = [line for line in text.splitlines() if line.startswith("# ")]
    for part in ("B0061", "24", "5000", "80,000.00", "20%", "19.5%", "90%", "2025-05-01", "revenue-share"):
        assert sum(part in line for line in head) >= 2, part
    assert any("借款人成本最低" in line for line in head)
    assert any("costs the borrower least" in line for line in head)
    card = desk.done("product", "show", "ice.toml", "--format", "json").json()
    assert card["product"] == "ice"
    again = desk.done(*asked("--save", "again.toml", product="ice.toml"))
    assert "again.toml" in again.err
    assert read_product((desk.folder / "again.toml").read_text("utf-8"), "again.toml").name_en == terms.name_en


def test_the_same_seed_writes_the_same_file_and_a_stress_is_told(desk):
    for name in ("a.toml", "b.toml"):
        desk.done(*asked("--save", name, "--futures", "200"))
    assert (desk.folder / "a.toml").read_bytes() == (desk.folder / "b.toml").read_bytes()
    stressed = desk.done(*asked("--save", "c.toml", "--futures", "200", "--stress", "late_season", "--for", "lender"))
    assert stressed.code == 0
    text = (desk.folder / "c.toml").read_text(encoding="utf-8")
    assert "the season a month late" in text
    assert "most certain for the lender" in text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_terminal_shows_what_fits_beside_equal_instalments(desk, lang):
    shown = desk.screen(*asked("--futures", "200"), lang=lang)
    rows = [line for line in shown.splitlines() if "%" in line]
    assert ("fits best" if lang == "en" else "最合适") in rows[0]
    assert ("equal instalments" if lang == "en" else "等额本息") in rows[-1]
    assert "19.5%" in rows[0]
    assert any(("months by season" if lang == "en" else "按季节大小月") in line for line in rows)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_where_nothing_fits_the_bound_in_the_way_is_told_with_what_would_do(desk, lang):
    words = ("plan", "fit", "revenue-share", "--principal", "150000", "--start", "2025-05-08", "--borrower", "B0061")
    with desk.unchanged():
        refused = desk.run(*words, *BURDEN, "--save", "no.toml", "--format", "json", lang=lang)
    assert refused.code == 3
    assert '"would_have_to_be"' in refused.out
    assert '"answer"' not in refused.out
    told = refused.err.splitlines()
    assert ("the chance to be done within 24 instalments is" if lang == "en" else "24 期内还清的可能只有") in told[-2]
    burden, periods, principal = re.findall(r"\d[\d,.]*", told[-1])
    assert int(burden.strip(".,")) > 20
    assert int(periods.strip(",.")) > 24
    assert int(principal.replace(",", "").replace(".", "")) < 15_000_000


def test_weights_by_season_are_resolved_for_a_plan_and_signed_as_numbers(desk):
    loan = ("--principal", "80000", "--start", "2025-05-08", "--periods", "18")
    shown = desk.done(
        *("plan", "show", "season-months", *loan, "--borrower", "B0061", "--format", "json")
    ).json()  # fmt: skip
    assert shown["rows"][2]["why"].startswith("weight 215 of 215")
    compared = desk.done(
        *("plan", "compare", "season-months", "equal-instalments", *loan, "--borrower", "B0061", "--format", "json")
    ).json()  # fmt: skip
    assert compared[0]["biggest_fen"] > compared[1]["biggest_fen"]
    own, equal = desk.done(
        *("plan", "project", "season-months", *loan, "--borrower", "B0061", "--format", "json", "--html", "p.html")
    ).json()["plans"]  # fmt: skip
    assert (own["plan"], equal["plan"]) == ("big_small_months", "equal_instalments")
    assert own["worst_burden_p90_ppm"] * 3 < equal["worst_burden_p90_ppm"]
    assert "大小月" in (desk.folder / "p.html").read_text(encoding="utf-8")
    desk.done("loan", "open", "--product", "season-months", "--borrower", "B0061", *loan)
    signed = [row for rows in desk.dump().values() for row in rows if '"weights":' in row]
    assert '"weights":[33,23,23,44,85,130,180,215,210,131,79,47]' in signed[0]
    assert "by_season" not in signed[0]
    rows = desk.done("loan", "show", "LN000001", "--format", "json").json()["instalments"]
    assert [row["due_fen"] for row in rows] == [row["due_fen"] for row in shown["rows"]]


@pytest.mark.parametrize("command", ["plan show", "plan compare"])
def test_a_season_without_a_revenue_is_refused(desk, command):
    refused = desk.run(*command.split(), "season-months", "--principal", "80000")
    assert refused.code == 3
    assert "weights: season-months takes them from a borrower's revenue" in refused.err


def test_a_season_of_a_borrower_without_revenue_is_no_contract(desk):
    desk.done("borrower", "add", "B7000", "--name", "新客")
    with desk.unchanged():
        refused = desk.run("loan", "open", "--product", "season-months", "--borrower", "B7000", "--principal", "8000")
    assert refused.code == 3
    assert "B7000: no revenue is imported" in refused.err


def test_the_card_of_a_season_says_where_its_weights_come_from(desk):
    card = desk.done("product", "show", "season-months", "--format", "json").json()
    assert "--borrower" in card["example"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param(("--chance", "101%"), 2, "is not a chance such as 90%", id="a chance above all"),
        pytest.param(("--chance", "0%"), 2, "is not a part", id="no chance"),
        pytest.param(("--save", "ice.json"), 2, "is not the name of a product file", id="no product file"),
        pytest.param(("--save", "Ice Shop.toml"), 3, "cannot be a product's code", id="no code"),
        pytest.param(("--for", "nobody"), 2, "--for", id="for nobody"),
        pytest.param(("--periods-max", "40"), 3, "periods_max: 40 is not allowed", id="too long"),
        pytest.param(("--history", "none.csv"), 3, "name one source", id="two sources"),
        pytest.param(("--seed", "-1"), 2, "--seed", id="no seed"),
    ],
)
def test_what_is_wrong_is_told(desk, words, code, told):
    with desk.unchanged():
        refused = desk.run(*asked("--futures", "50", *words))
    assert refused.code == code
    assert told in refused.err


@pytest.mark.parametrize("product", ["single-payment", "custom"])
def test_a_product_without_an_instalment_each_period_cannot_be_fitted(desk, product):
    refused = desk.run(*asked(product=product))
    assert refused.code == 3
    assert "has no instalment for each period" in refused.err
