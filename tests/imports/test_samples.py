"""Real files of the reference shelf read to exactly what EXPECTED.json counts; other kinds are refused by name."""

import json
import re
from collections import Counter

import pytest
import shelf

from loancli.core.errors import InputError

SAMPLES = "exports/samples"
FOUND = shelf.SHELF / SAMPLES / "EXPECTED.json"
EXPECTED = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
OURS = [name for name in EXPECTED if name.startswith(("alipay_app_statement_v2/", "wechat_statement_csv/"))]
HANDMADE = [name for name in EXPECTED if name.startswith("handmade_fixtures/")]
WAYS = {"in": "收入", "out": "支出"}
OTHERS = {
    "alipay_web_statement/triplez-web-7rows.csv": "Alipay statement from the web site",
    "alipay_app_statement_v1/gaocegege-app-v1-2021.csv": "Alipay app statement of 2021 to early 2023",
    "alipay_merchant_fund_bill/oomall-202111-fund-bill.zip": "ZIP archive: unpack it first",
    "alipay_merchant_fund_bill/oomall-202111-fund-detail.csv": "Alipay merchant fund bill",
    "alipay_merchant_fund_bill/oomall-202111-fund-summary.csv": "holds totals, no transactions",
    "wechat_statement_xlsx/daoru-xlsx-2025-text-amounts.xlsx": "Excel workbook",
    "wechat_statement_xlsx/debsig-xlsx-2026-numeric-amounts.xlsx": "Excel workbook",
    "wechat_merchant_trade_bill/wechatpay-php-bill-ALL.csv": "WeChat merchant trade bill",
}


def _way(name, row):
    return WAYS.get(row.direction, "不计收支" if "alipay" in name else "/")


def _facts(name, row):
    return {
        "occurred_at": row.occurred_at,
        "amount_fen": row.amount_fen,
        "direction": _way(name, row),
        "status": row.status,
        "external_id": row.external_id,
        "merchant_order_id": row.merchant_order_id,
        "type": row.kind,
    }


@pytest.mark.parametrize("name", OURS)
def test_a_real_sample_reads_to_exactly_what_is_expected(name, read):
    expected = EXPECTED[name]
    statement, rows, problems = read(shelf.path(f"{SAMPLES}/{name}").read_bytes(), name)
    assert problems == []
    assert statement.format == ("alipay_app_v2" if "alipay" in name else "wechat_csv")
    assert statement.encoding == expected["encoding"]
    assert statement.header_line == expected["header_line"]
    assert len(rows) == expected["row_count"]
    sums = {
        way: (sum(1 for row in rows if _way(name, row) == way), sum(r.amount_fen for r in rows if _way(name, r) == way))
        for way in {_way(name, row) for row in rows}
    }
    assert sums == {way: (each["count"], each["amount_fen"]) for way, each in expected["by_direction"].items()}
    assert Counter(row.status for row in rows) == expected["by_status"]
    assert Counter(row.kind for row in rows) == expected["by_type"]
    assert Counter(f"{_way(name, row)}|{row.status}" for row in rows) == expected["by_direction_and_status"]
    ids = Counter(row.external_id for row in rows)
    assert len(ids) == expected["distinct_external_ids"]
    assert sum(count > 1 for count in ids.values()) == expected["external_ids_on_more_than_one_row"]
    assert min(row.occurred_at for row in rows) == expected["first_occurred_at"]
    assert max(row.occurred_at for row in rows) == expected["last_occurred_at"]
    assert _facts(name, rows[0]) == expected["first_row"]
    assert _facts(name, rows[-1]) == expected["last_row"]
    assert [row.line for row in rows] == list(range(expected["header_line"] + 1, rows[-1].line + 1))


@pytest.mark.parametrize("name", OURS)
def test_what_a_real_sample_states_about_itself_is_told_apart_from_its_rows(name, read):
    expected = EXPECTED[name]
    statement, _, _ = read(shelf.path(f"{SAMPLES}/{name}").read_bytes(), name)
    own = expected["file_own_totals"] or {}
    words = {"in": "收入", "out": "支出", "neutral": "不计收支" if "alipay" in name else "中性交易"}
    assert statement.declared.row_count == own.get("rows")
    assert statement.declared.totals == {
        way: (own[word]["count"], own[word]["amount_fen"]) for way, word in words.items() if word in own
    }
    assert bool(statement.warnings()) is (expected.get("file_own_totals_agree_with_rows") is False)


@pytest.mark.parametrize("name", HANDMADE)
def test_a_handmade_file_loses_only_the_rows_whose_direction_is_no_word_of_the_platform(name, read):
    expected = EXPECTED[name]
    statement, rows, problems = read(shelf.path(f"{SAMPLES}/{name}").read_bytes(), name)
    known = {"收入", "支出", "不计收支" if statement.declared.channel == "alipay" else "/"}
    unknown = sum(each["count"] for word, each in expected["by_direction"].items() if word not in known)
    assert statement.header_line == expected["header_line"]
    assert len(rows) + len(problems) == expected["row_count"]
    assert [problem.column for problem in problems] == ["收/支"] * unknown


def test_returned_transfers_of_the_real_file_point_at_their_payment(read):
    name = f"{SAMPLES}/wechat_statement_csv/transbackend-wechat-full.csv"
    _, rows, _ = read(shelf.path(name).read_bytes(), name)
    by_id = {row.external_id: row for row in rows}
    linked = [(by_id[row.refund_of], row) for row in rows if row.refund_of]
    assert len(linked) == 3
    for payment, refund in linked:
        assert payment.direction == "out"
        assert payment.amount_fen == refund.amount_fen
        assert payment.status in {"已全额退款", "对方已退还"}


def test_a_refund_of_the_real_alipay_file_points_at_its_closed_payment(read):
    name = f"{SAMPLES}/alipay_app_statement_v2/debsig-app-v2-2023.csv"
    _, rows, _ = read(shelf.path(name).read_bytes(), name)
    [refund] = [row for row in rows if row.refund_of]
    [payment] = [row for row in rows if row.external_id == refund.refund_of]
    assert (payment.status_class, payment.money_moved, payment.direction) == ("closed", 1, "out")
    assert payment.amount_fen == refund.amount_fen == 5000


@pytest.mark.parametrize(("name", "sentence"), OTHERS.items())
def test_a_sample_of_another_kind_is_refused_by_its_name(name, sentence, read):
    with pytest.raises(InputError, match=f"^{re.escape(name)}: this is ") as refused:
        read(shelf.path(f"{SAMPLES}/{name}").read_bytes(), name)
    assert sentence in str(refused.value)


def test_every_sample_of_the_shelf_is_in_one_of_these_tests():
    assert {name for name in EXPECTED if name != "_about"} == {*OURS, *HANDMADE, *OTHERS} or not EXPECTED
