"""`plan project` as an analyst meets it: a borrower's revenue or a table becomes futures, a chart and a page."""

import csv
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

PRINCIPAL = ("--principal", "50000")
MONTHS = [52_000, 61_000, 72_000, 88_000.5, 95_000, 91_000, 60_000, 52_000, 41_000, 36_000, 22_000, 15_000]


@pytest.fixture
def table(desk) -> Path:
    path = desk.folder / "revenue.csv"
    names = [f"2025-{month:02d}" for month in range(1, 13)]
    lines = [f"{name},{amount}" for name, amount in zip(names, MONTHS, strict=True)]
    path.write_text("month,amount_yuan\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def project(desk, *words, product="revenue-share"):
    return desk.done("plan", "project", product, *PRINCIPAL, *words, "--format", "json").json()


def test_a_borrowers_revenue_is_what_the_plan_counts_net_of_refunds_and_fees(desk):
    found = project(desk, "--borrower", "B0012", "--futures", "100")
    sums = {row["from_on"]: row["net_sure_fen"] for row in desk.done(
        "revenue", "show", "B0012", "--format", "json").json()}  # fmt: skip
    months = list(sums.values())[: found["history_months"]]
    first = next(iter(sums))
    assert found["history_from_on"] in sums or found["history_from_on"] > first
    known = [fen for on, fen in sums.items() if on >= found["history_from_on"]][: len(months)]
    assert found["history_mean_fen"] == sum(known) // len(known)
    assert [plan["plan"] for plan in found["plans"]] == ["revenue_share", "equal_instalments"]
    assert found["instalments"][0]["number"] == 1


def test_the_same_seed_gives_the_same_answer_and_a_stress_another(desk, table):
    words = ("--history", table, "--futures", "300")
    first = project(desk, *words)
    assert project(desk, *words) == first
    assert project(desk, *words, "--seed", "2")["instalments"] != first["instalments"]
    for stress in ("minus_30", "dead_months", "late_season"):
        stressed = project(desk, *words, "--stress", stress)
        assert stressed["stress"] == stress
        assert stressed["instalments"] != first["instalments"]
    tighter = project(desk, *words, "--burden", "5%")
    assert tighter["burden_ppm"] == 50_000
    chances = [each["plans"][1]["chance_above_burden_ppm"] for each in (tighter, first)]
    assert chances[0] == 1_000_000 >= chances[1]


def test_a_weekly_plan_has_windows_of_seven_days(desk, table):
    found = project(desk, "--history", table, "--futures", "50", product="revenue-share-weekly")
    first = found["instalments"][0]
    assert (first["window_from_on"], first["window_to_on"]) == ("2026-03-01", "2026-03-07")


def test_days_give_the_same_as_their_months(desk, table):
    path = desk.folder / "days.csv"
    lines = []
    for month, amount in enumerate(MONTHS, start=1):
        last = 28 if month == 2 else 30 if month in (4, 6, 9, 11) else 31
        lines += [f"2025-{month:02d}-01,{amount - 10}", f"2025-{month:02d}-{last},10.00"]
    path.write_text("day,amount_yuan\n" + "\n".join(lines), encoding="utf-8")
    words = ("--futures", "50")
    assert project(desk, "--history", path, *words) == project(desk, "--history", table, *words)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_terminal_has_both_tables_and_the_fan(desk, table, lang):
    words = ("plan", "project", "revenue-share", *PRINCIPAL, "--history", table, "--futures", "200")
    shown = desk.screen(*words, lang=lang)
    assert ("equal instalments" if lang == "en" else "等额本息") in shown
    fan = [line for line in shown.splitlines() if re.match(r"2026-\d\d-\d\d  ", line)]
    assert len(fan) >= 9
    assert any("█" in line and "░" in line and "│" in line for line in fan)


def test_the_page_is_one_file_chinese_first_and_asks_the_network_for_nothing(desk, table):
    page = desk.folder / "page.html"
    told = desk.done("plan", "project", "revenue-share", *PRINCIPAL, "--history", table, "--html", page, "-o", "a.csv")
    assert "page.html" in told.err
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"https?://|src=|@import|url\(|<script", text)
    assert text.index("营收预演") < text.index("what revenue may bring")
    charts = re.findall(r"<svg viewBox=\"0 0 900.*?</svg>", text, re.DOTALL)
    assert len(charts) == 2
    rows = list(csv.DictReader(io.StringIO((desk.folder / "a.csv").read_text(encoding="utf-8-sig"))))
    band, equal, middle = (
        next(each for each in ET.fromstring(charts[0]).iter() if each.get("class") == name).get("points").split()
        for name in ("band", "equal", "middle")
    )
    assert len(band) == 2 * len(rows) == 2 * len(middle)
    assert len(equal) == sum(row["equal_fen"] != "0" for row in rows)
    for point in (*band, *equal, *middle):
        across, height = map(float, point.split(","))
        assert 0 <= across <= 900
        assert 0 <= height <= 300
    heights = [float(point.split(",")[1]) for point in middle]
    dues = [int(row["due_p50_fen"]) for row in rows]
    assert heights.index(min(heights)) == dues.index(max(dues))
    assert page.stat().st_mode & 0o077 == 0


def test_a_burden_without_measure_is_drawn_as_at_least(desk, table):
    words = ("--history", table, "--stress", "dead_months", "--periods", "6", "--futures", "100", "--html", "page.html")
    project(desk, *words)
    text = (desk.folder / "page.html").read_text(encoding="utf-8")
    assert "≥ 1000%" in text
    assert "≥ 200%" in text
    heights = re.findall(r"\d+\.\d,(\d+\.\d)", text)
    assert all(0 <= float(height) <= 300 for height in heights)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        pytest.param((), 3, "name one source", id="no source"),
        pytest.param(("--borrower", "B0012", "--history", "revenue.csv"), 3, "name one source", id="two sources"),
        pytest.param(("--history", "none.csv"), 4, "none.csv: no such file", id="no file"),
        pytest.param(("--history", "bad.csv"), 3, "bad.csv:3:amount_yuan: 'x' is not an amount", id="a bad cell"),
        pytest.param(("--borrower", "B9999"), 4, "B9999", id="no borrower"),
        pytest.param(
            ("--history", "revenue.csv", "--burden", "30"), 2, "is not a part of the revenue", id="no percent"
        ),
        pytest.param(("--history", "revenue.csv", "--burden", "0%"), 2, "is not a part of the revenue", id="nothing"),
        pytest.param(("--history", "revenue.csv", "--futures", "0"), 2, "--futures", id="no futures"),
        pytest.param(("--history", "revenue.csv", "--stress", "war"), 2, "--stress", id="no such stress"),
        pytest.param(("--history", "revenue.csv", "--start", "2024-06-01"), 3, "start: the first window", id="before"),
    ],
)
def test_what_is_wrong_is_told(desk, table, words, code, told):
    (desk.folder / "bad.csv").write_text("month,amount_yuan\n2025-01,1\n2025-02,x\n", encoding="utf-8")
    with desk.unchanged():
        refused = desk.run("plan", "project", "revenue-share", *PRINCIPAL, *words)
    assert (refused.code, refused.out) == (code, "")
    assert told in refused.err


def test_a_plan_that_no_revenue_changes_is_held_against_the_revenue_as_well(desk, table):
    own, equal = project(desk, "--history", table, "--futures", "100", product="equal-principal")["plans"]
    assert (own["plan"], equal["plan"]) == ("equal_principal", "equal_instalments")
    assert len({own[f"total_{each}_fen"] for each in ("p10", "p50", "p90")}) == 1
    assert own["worst_burden_p10_ppm"] < own["worst_burden_p90_ppm"]
    same, beside = project(desk, "--history", table, "--futures", "100", product="equal-instalments")["plans"]
    assert same == beside


def test_a_product_without_an_instalment_for_each_window_is_refused(desk, table):
    refused = desk.run("plan", "project", "single-payment", *PRINCIPAL, "--history", table)
    assert refused.code == 3
    assert "has no instalment for each period" in refused.err


def test_a_borrower_without_revenue_is_refused(desk):
    desk.done("borrower", "add", "B7000", "--name", "新客")
    refused = desk.run("plan", "project", "revenue-share", *PRINCIPAL, "--borrower", "B7000")
    assert refused.code == 3
    assert "B7000: no revenue is imported" in refused.err
