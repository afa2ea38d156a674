"""loancli plan cost, product check and plan compare as a user runs them."""

import csv
import io
import re

import pytest
from terms import SCHEDULES

ASKED = ("--principal", "50000", "--start", "2026-03-01")
FEE = '\n[[fees]]\nname = "担保费"\nprincipal_share = "0.5%"\ncharged_by = "某担保公司"\n'


@pytest.fixture(scope="module")
def office(new_desk, tmp_path_factory):
    """A folder with product files, without a ledger: equal instalments with a fee, and flat loans of several rates."""
    desk = new_desk(tmp_path_factory.mktemp("office"))

    def text(name):
        return (SCHEDULES / "products" / f"{name}.toml").read_text(encoding="utf-8")

    files = {
        "guarantee": text("equal-instalments") + FEE,
        "small-fee": text("equal-instalments") + '\n[[fees]]\nname = "a"\namount = 50\n',
        "dear": text("flat").replace("0.6% /month", "1.5% /month"),
        "compound": text("flat").replace("0.6% /month", "1.1% /month"),
    }
    for name, content in files.items():
        (desk.folder / f"{name}.toml").write_text(content, encoding="utf-8")
    (desk.folder / "rows.csv").write_text("number,share\n1,30%\n2,30%\n3,40%\n", encoding="utf-8")
    return desk


def test_the_parts_of_the_table_add_up(office):
    found = office.done("plan", "cost", "guarantee.toml", *ASKED, "--format", "json").json()
    costs = [row for row in found["rows"] if row["part"] == "cost"]
    (total,) = [row for row in found["rows"] if row["part"] == "total"]
    assert [row["charged_by"] for row in costs] == ["the lender", "某担保公司"]
    assert sum(row["amount_fen"] for row in costs) == total["amount_fen"]
    assert sum(row["yearly_simple_ppm"] for row in costs) == total["yearly_simple_ppm"] == found["yearly_simple_ppm"]
    assert found["total_fen"] == 5_000_000 + total["amount_fen"]
    shown = office.done("plan", "show", "guarantee.toml", *ASKED, "--format", "json").json()
    assert shown["apr_simple_percent"] == f"{found['yearly_simple_ppm'] // 100 / 100:.2f}"


def test_a_default_and_early_repayment_are_told_and_that_nothing_else_is_charged(office):
    rows = office.done("plan", "cost", "guarantee.toml", *ASKED, "--format", "json").json()["rows"]
    assert [row["part"] for row in rows[-5:]] == ["contingent"] * 4 + ["statement"]
    assert "21.6% a year (150% of the contract rate, at most 24%)" in rows[-5]["how"]


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        ("person", "个人贷款综合融资成本明示表"),
        ("sole_trader", "个人贷款综合融资成本明示表"),
        ("company", "企业贷款综合融资成本清单"),
    ],
)
def test_the_page_is_in_both_languages_and_asks_the_network_for_nothing(office, kind, title):
    words = ("plan", "cost", "revenue-share", *ASKED, "--borrower-kind", kind, "--html", "cost.html", "-o", "c.xlsx")
    assert "cost.html" in office.done(*words).err
    page = office.folder / "cost.html"
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=|@import|url\(|<script", text)
    assert text.count(title) == 2
    assert text.index("综合融资成本") < text.index("Full cost")
    assert "借款人（签字或盖章）" in text
    assert "最快还款" in text
    assert page.stat().st_mode & 0o077 == 0


def test_the_rows_of_a_csv_are_the_same_in_both_languages_but_for_the_words(office):
    def rows(lang):
        told = office.run("plan", "cost", "revenue-share", *ASKED, "--format", "csv", lang=lang)
        return list(csv.DictReader(io.StringIO(told.out)))

    zh, en = rows("zh"), rows("en")
    numbers = ("part", "amount_fen", "yearly_simple_ppm", "fastest_amount_fen", "fastest_yearly_simple_ppm")
    assert [[row[name] for name in numbers] for row in zh] == [[row[name] for name in numbers] for row in en]
    assert zh[-1]["how"] == "除上列各项外，不收取其他任何费用。"


def test_a_loan_that_may_not_be_signed_has_no_table(office):
    told = office.run("plan", "cost", "dear.toml", *ASKED, "--html", "never.html", lang="zh")
    assert (told.code, told.out) == (3, "")
    assert "年化 31.72%（单利）" in told.err
    assert not (office.folder / "never.html").exists()


def test_custom_rows_have_a_table(office):
    found = office.done("plan", "cost", "custom", *ASKED, "--rows", "rows.csv", "--format", "json").json()
    assert found["instalments"] == 3


# --- product check ---


@pytest.mark.parametrize(
    ("file", "code", "told"),
    [
        ("small-fee.toml", 0, "loans tried on these terms could not be signed"),
        ("compound.toml", 0, "the compound figure of some is above the ceiling"),
        ("dear.toml", 3, "none of 38 loans tried on these terms could be signed"),
    ],
)
def test_check_tells_of_loans_that_could_not_be_signed(office, file, code, told):
    found = office.run("product", "check", file)
    assert found.code == code
    assert told in found.err
    assert "1,000.00 yuan over" in found.err
    assert (": sound (" in found.err) is (code == 0)


def test_one_product_that_is_refused_does_not_hide_the_others(office):
    found = office.run("product", "check", "dear.toml", "compound.toml")
    assert found.code == 3
    assert "compound.toml: sound" in found.err


# --- plan compare ---


def test_compare_takes_the_rows_of_a_custom_product(office):
    found = office.done("plan", "compare", "custom", "flat", *ASKED, "--rows", "rows.csv", "--format", "json").json()
    assert [(row["kind"], row["instalments"]) for row in found] == [("custom", 3), ("flat", 12)]
    shown = office.run("plan", "compare", "custom", "flat", *ASKED, "--rows", "rows.csv", lang="zh")
    assert "自定义还款" in shown.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("custom", "flat"), "rows: custom has no rows until they are agreed", id="no rows"),
        pytest.param(("flat", "--rows", "rows.csv"), "rows: none of flat is of kind custom", id="rows for nobody"),
    ],
)
def test_compare_says_what_to_do_about_rows(office, words, told):
    found = office.run("plan", "compare", *words, *ASKED)
    assert (found.code, found.out) == (3, "")
    assert told in found.err
