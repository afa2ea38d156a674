"""A fixed fee as people meet it: the card, the plan, a signing that is refused and one that is not, the early quote."""

from pathlib import Path

import pytest

CAPITAL = ("stripe-capital", "square-loans", "shopify-capital", "paypal-working-capital")
SHOP = """\
name_zh = "周还固定费用"
name_en = "Weekly, fixed fee"
summary_zh = "每周还营收的15%，费用为本金的4%。"
summary_en = "15% of the week's revenue, and a fee of 4%."
kind = "revenue_share"
lender_kind = "microcredit"
frequency = "weekly"
roll = "none"
periods = 40
periods_min = 10
periods_max = 60
principal_min = 1000
principal_max = 200000
[fixed_fee]
amount = "4%"
[revenue]
share = "15%"
counts = ["sure"]
missing = "level"
cap = "150% of level"
[revenue.minimum_progress]
windows = 4
total = "1/10"
"""
DAILY = """\
name_zh = "日还固定费用"
name_en = "Daily, fixed fee"
summary_zh = "费用1000元。"
summary_en = "A fee of 1000 yuan."
kind = "equal_instalments"
lender_kind = "microcredit"
frequency = "every 1 days"
roll = "none"
periods = 200
periods_min = 1
periods_max = 600
principal_min = 1000
principal_max = 200000
[fixed_fee]
amount = "1000 yuan"
"""


@pytest.fixture
def shop(desk) -> Path:
    path = desk.folder / "shop.toml"
    path.write_text(SHOP, encoding="utf-8")
    return path


def plan(desk, code, principal, *words):
    return desk.done("plan", "show", code, "--principal", principal, *words, "--format", "json").json()


def test_the_card_tells_the_fee_what_is_owed_early_and_that_no_such_loan_is_signed(desk):
    card = desk.done("product", "show", "stripe-capital", "--format", "json").json()
    assert "10% of the principal" in card["price"]
    assert card["paid_early"] == "all of the fee is owed"
    assert card["weak_month"].endswith("at least 1/9 of all that is owed at signing every 60 days")
    assert "annual_rate_ppm" not in card
    assert (card["example_fixed_fee_fen"], card["example_total_fen"]) == (100_000, 1_100_000)
    assert card["example_within_ceiling"] == "refused"
    assert "fastest path: 10.0000% × 365 = 3650.00% a year simple" in card["example_refused"]
    assert float(card["example_apr_expected_percent"]) < 24 < float(card["example_apr_simple_percent"])
    rates = {row["product"]: row["annual_rate_ppm"] for row in desk.done("product", "list", "--format", "json").json()}
    assert (rates["stripe-capital"], rates["flat"]) == (None, 72_000)
    chinese = desk.run("product", "show", "square-loans", "--format", "json", lang="zh").json()
    assert chinese["price"] == "一次性固定费用，为本金的 14%，自放款起即为欠款，随还款逐步计入"
    assert chinese["weak_month"] == "按当期营收的 14% 还款；但每 60 天至少还签约时全部应还的 1/18"


def test_a_file_is_checked_and_told_that_it_could_not_be_signed(desk, shop):
    products = Path(__file__).resolve().parents[2] / "schedules" / "products"
    told = desk.run("product", "check", *(products / f"{code}.toml" for code in CAPITAL), shop)
    assert told.code == 3
    assert told.err.count(": sound (") == 1
    assert told.err.count("loans tried on these terms could be signed") == 4
    shop.write_text(SHOP.replace('"4%"', '"4%"\nrate = "1%"').replace("1/10", "10/9"), encoding="utf-8")
    wrong = desk.run("product", "check", shop)
    assert wrong.code == 3
    assert ":fixed_fee.rate: unknown key; allowed: amount, early" in wrong.err
    assert ":revenue.minimum_progress.total: 10/9 is not allowed; at most 1/1" in wrong.err


def test_as_many_instalments_as_the_expected_one_needs(desk):
    path = desk.folder / "daily.toml"
    path.write_text(DAILY, encoding="utf-8")
    found = plan(desk, path, "9000", "--start", "2026-01-01", "--instalment", "50")
    assert (found["instalments"], found["fixed_fee_fen"], found["total_fen"]) == (200, 100_000, 1_000_000)
    first = found["rows"][0]
    assert (first["due_fen"], first["fixed_fee_fen"], first["left_fen"]) == (5_000, 961, 895_961)
    assert (found["apr_compound_percent"], found["within_ceiling"]) == ("47.63", "refused")
    table = desk.screen("plan", "show", path, "--principal", "9000", "--start", "2026-01-01", "--periods", "3")
    assert "fixed fee" in table
    assert "interest" not in table
    chinese = desk.screen("plan", "show", path, "--principal", "9000", "--periods", "3", lang="zh")
    assert "固定费用（元）" in chinese
    rows = desk.done("plan", "show", path, "--principal", "9000", "--periods", "3", "--format", "csv").out.split("\n")
    assert rows[0] == "number,due_on,due_fen,principal_fen,fixed_fee_fen,fee_fen,left_fen,why"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("daily.toml", "--instalment", "0.09"), "instalment: 0.09 on 10,000.00 yuan needs 111112 instalments"),
        (("daily.toml", "--instalment", "0"), "instalment: 0.00 on 10,000.00 yuan would never repay it"),
        (("daily.toml", "--instalment", "50", "--periods", "200"), "the number of periods follows from it"),
        (("equal-instalments", "--instalment", "50"), "equal-instalments has no fixed fee"),
    ],
)
def test_an_expected_instalment_that_says_nothing_about_a_term_is_refused(desk, words, message):
    (desk.folder / "daily.toml").write_text(DAILY, encoding="utf-8")
    told = desk.run("plan", "show", words[0], "--principal", "9000", *words[1:])
    assert (told.code, told.out) == (3, "")
    assert message in told.err


def test_a_change_calls_the_fixed_fee_what_the_plan_calls_it(desk, shop):
    """It stays what it was, and nothing beside it is called interest."""
    asked = ("plan", "change", shop, "extend 3", "--principal", "10000", "--format", "json")
    found = desk.done(*asked).json()
    assert [side["fixed_fee_fen"] for side in found["plans"]] == [40_000, 40_000]
    assert found["difference"]["fixed_fee_fen"] == 0
    assert "interest_fen" not in str(found)


@pytest.mark.parametrize("code", CAPITAL)
def test_signing_a_published_mechanic_is_refused_with_the_sum(desk, code):
    with desk.unchanged():
        told = desk.run("loan", "open", "--borrower", "B0012", "--product", code, "--principal", "10000")
    assert told.code == 3
    assert "fixed fee and 0.00 fees" in told.err
    assert "above the ceiling 24%" in told.err


def test_a_loan_is_signed_closed_quoted_and_the_books_are_sound(desk, shop):
    signed = ("loan", "open", "--borrower", "B0012", "--principal", "10000", "--format", "json")
    opened = desk.done(*signed, "--product", shop, "--loan-id", "F1").json()
    assert (opened["fixed_fee_fen"], opened["within_ceiling"]) == (40_000, "ok")
    waived = desk.folder / "waived.toml"
    waived.write_text(SHOP.replace('"4%"', '"4%"\nearly = "unearned_waived"'), encoding="utf-8")
    desk.done(*signed, "--product", waived, "--loan-id", "F2")
    desk.done("--as-of", "2026-04-02", "day", "close")
    lost = desk.done("--as-of", "2026-04-01", "loan", "show", "F1", "--format", "json").json()
    fallen = [row for row in lost["instalments"] if row["state"] == "due"]
    assert len(fallen) == 4
    assert [row["fixed_fee_fen"] for row in fallen] == [row["fixed_fee_fen"] for row in opened["rows"][:4]]

    quoted = {
        loan: desk.done("loan", "quote", loan, "--on", "2026-04-01", "--format", "json").json() for loan in ("F1", "F2")
    }
    assert [quoted[loan]["principal_fen"] for loan in ("F1", "F2")] == [1_000_000] * 2
    assert quoted["F1"]["fixed_fee_fen"] == 40_000
    due_fen = sum(row["fixed_fee_fen"] for row in fallen)
    assert due_fen < quoted["F2"]["fixed_fee_fen"] < due_fen + opened["rows"][4]["fixed_fee_fen"]
    assert quoted["F1"]["saved_fen"] == 0  # this fee is owed whenever it is paid
    assert quoted["F2"]["saved_fen"] == 40_000 - quoted["F2"]["fixed_fee_fen"]
    assert desk.done("ledger", "check").code == 0


def test_a_projection_has_the_same_fee_in_every_future(desk, shop):
    path = desk.folder / "revenue.csv"
    months = [f"2025-{month:02d},{amount}" for month, amount in enumerate((8_000, 0, 9_000, 3_000, 7_000, 1_000), 7)]
    path.write_text("month,amount_yuan\n" + "\n".join(months) + "\n", encoding="utf-8")
    found = desk.done(
        "plan", "project", shop, "--principal", "10000", "--start", "2026-01-05", "--history", path,
        "--futures", "200", "--format", "json",
    ).json()  # fmt: skip
    share, equal = found["plans"]
    assert {share[f"cost_{rank}_fen"] for rank in ("p10", "p50", "p90")} == {40_000} == {equal["cost_p50_fen"]}
    assert share["apr_p10_ppm"] < share["apr_p90_ppm"]
