"""Real files of the reference shelf read to exactly what EXPECTED.json counts."""

import io
import json
from collections import Counter

import pytest
import shelf

from loancli.imports.containers import members

SAMPLES = "exports/samples"
FOUND = shelf.SHELF / SAMPLES / "EXPECTED.json"
EXPECTED = json.loads(FOUND.read_text(encoding="utf-8")) if FOUND.exists() else {}
PERSONAL = {
    "alipay_web_statement": "alipay_web",
    "alipay_app_statement_v1": "alipay_app_v1",
    "alipay_app_statement_v2": "alipay_app_v2",
    "wechat_statement_csv": "wechat_csv",
}
OURS = [name for name in EXPECTED if name.split("/")[0] in PERSONAL]
WORKBOOKS = [name for name in EXPECTED if name.startswith("wechat_statement_xlsx/")]
HANDMADE = [name for name in EXPECTED if name.startswith("handmade_fixtures/")]
FUND_ZIP, FUND_DETAIL, FUND_SUMMARY = (
    f"alipay_merchant_fund_bill/oomall-202111-fund-{part}" for part in ("bill.zip", "detail.csv", "summary.csv")
)
TRADE_BILL = "wechat_merchant_trade_bill/wechatpay-php-bill-ALL.csv"
BILLS = [FUND_ZIP, FUND_DETAIL, FUND_SUMMARY, TRADE_BILL]
NEUTRAL = {"alipay_web": "", "alipay_app_v1": "其他", "alipay_app_v2": "不计收支"}
WAYS = {"in": "收入", "out": "支出"}


def _way(name, row):
    return WAYS.get(row.direction, NEUTRAL.get(PERSONAL.get(name.split("/")[0], ""), "/"))


def _neutral_total(file_format):
    return {"alipay_app_v1": "其他", "alipay_app_v2": "不计收支"}.get(file_format, "中性交易")


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
    assert statement.format == PERSONAL[name.split("/")[0]]
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
    words = {"in": "收入", "out": "支出", "neutral": _neutral_total(statement.format)}
    if statement.format == "alipay_web":
        words = {"in": "已收入", "out": "已支出"}
    assert statement.declared().row_count == own.get("rows")
    assert statement.declared().totals == {
        way: (own[word]["count"], own[word]["amount_fen"]) for way, word in words.items() if word in own
    }
    assert bool(statement.warnings()) is (expected.get("file_own_totals_agree_with_rows") is False)


@pytest.mark.parametrize("name", HANDMADE)
def test_a_handmade_file_loses_only_the_rows_whose_direction_is_no_word_of_the_platform(name, read):
    expected = EXPECTED[name]
    statement, rows, problems = read(shelf.path(f"{SAMPLES}/{name}").read_bytes(), name)
    known = {"收入", "支出", "不计收支" if statement.declared().channel == "alipay" else "/"}
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


@pytest.mark.parametrize("name", WORKBOOKS)
def test_a_real_workbook_reads_to_exactly_what_is_expected(name, read):
    whole = EXPECTED[name]
    expected = whole["per_sheet"][whole.get("import_sheet", whole["sheets"][0])]
    statement, rows, problems = read(shelf.path(f"{SAMPLES}/{name}").read_bytes(), name)
    assert problems == []
    assert (statement.format, statement.encoding, statement.header_line) == (
        "wechat_xlsx",
        "xlsx",
        expected["header_line"],
    )
    assert len(rows) == expected["row_count"]
    ways = {_way(name, row) for row in rows}
    assert {way: sum(row.amount_fen for row in rows if _way(name, row) == way) for way in ways} == {
        way: each["amount_fen"] for way, each in expected["by_direction"].items()
    }
    assert Counter(row.status for row in rows) == expected["by_status"]
    assert Counter(row.kind for row in rows) == expected["by_type"]
    assert _facts(name, rows[0]) == expected["first_row"]
    assert _facts(name, rows[-1]) == expected["last_row"]
    if len(whole["sheets"]) > 1:
        assert f"hold the same rows; {whole['import_sheet']} was read" in statement.warnings()[-1]


def _fund_facts(read, data, name, expected):
    statement, rows, problems = read(data, name)
    assert (problems, statement.mismatches(), statement.format) == ([], [], "alipay_fund_detail")
    assert len(rows) == expected["row_count"]
    for way, word in (("in", "income"), ("out", "expense")):
        found = [row.amount_fen for row in rows if row.direction == way]
        assert (len(found), sum(found)) == (expected[word]["count"], abs(expected[word]["amount_fen"]))
    assert len({row.external_id for row in rows}) == expected["distinct_account_log_ids"]
    assert len({row.trade_id for row in rows}) == expected["distinct_business_flow_ids"]
    assert min(row.occurred_at for row in rows) == expected["first_occurred_at"]
    assert Counter(row.kind for row in rows) == {
        kind: each["income_count"] + each["expense_count"] for kind, each in expected["by_business_type"].items()
    }
    return rows


def _member(name):
    """What is expected of a member, whose name is told without the account."""
    [found] = [each for known, each in EXPECTED[FUND_ZIP]["members"].items() if known.endswith(name.partition("_")[2])]
    return found


def test_the_real_fund_bill_reads_the_same_from_its_archive_and_alone(read):
    data = shelf.path(f"{SAMPLES}/{FUND_ZIP}").read_bytes()
    inside = {each.name.partition("!")[2]: each.file.read() for each in members(io.BytesIO(data), "bill.zip")}
    assert {_member(name)["encoding"] for name in inside} == {"gb18030"}
    alone = shelf.path(f"{SAMPLES}/{FUND_DETAIL}").read_bytes()
    summed = shelf.path(f"{SAMPLES}/{FUND_SUMMARY}").read_bytes()
    [detail] = [name for name in inside if "汇总" not in name]
    [summary] = [name for name in inside if "汇总" in name]
    rows = _fund_facts(read, inside[detail], detail, _member(detail))
    assert rows == _fund_facts(read, alone, "detail.csv", EXPECTED[FUND_DETAIL])
    total = EXPECTED[FUND_SUMMARY]["rows"]["合计"]
    for found in (inside[summary], summed):
        statement, none, problems = read(found, "summary.csv")
        assert (none, problems, statement.mismatches()) == ([], [], [])
        assert statement.control() == {
            "in": (total["income_count"], total["income_fen"]),
            "out": (total["expense_count"], abs(total["expense_fen"])),
        }


def test_the_real_trade_bill_reads_to_its_own_totals(read):
    expected = EXPECTED.get(TRADE_BILL)
    statement, rows, problems = read(shelf.path(f"{SAMPLES}/{TRADE_BILL}").read_bytes(), TRADE_BILL)
    assert (problems, statement.mismatches(), statement.warnings()) == ([], [], [])
    assert (len(rows), statement.header_line) == (expected["row_count"], expected["header_line"])
    assert Counter(row.status.split(" ")[0] for row in rows) == expected["by_trade_status"]
    assert Counter(row.kind for row in rows) == expected["by_trade_type"]
    assert sum(row.amount_fen for row in rows if row.direction == "in") == expected["success_settle_total_fen"]
    assert sum(row.amount_fen for row in rows if row.direction == "out") == expected["refund_total_fen"]
    assert sum(row.fee_milli_fen for row in rows) == 8_000  # 0.08000 yuan
    assert len({row.refund_of or row.external_id for row in rows}) == expected["distinct_transaction_ids"]
    assert len({row.external_id for row in rows if row.direction == "out"}) == expected["distinct_refund_ids"]


def test_every_sample_of_the_shelf_is_in_one_of_these_tests():
    assert {name for name in EXPECTED if name != "_about"} == {*OURS, *WORKBOOKS, *HANDMADE, *BILLS} or not EXPECTED
