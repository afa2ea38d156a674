"""The Alipay app statement since 2023: both header lines, both issuers, padding, tabs, commas; its words."""

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.imports import open_statement

CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12).map(str.strip)
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "交易分类": CELLS.filter(bool),
            "交易对方": CELLS,
            "对方账号": CELLS,
            "商品说明": CELLS,
            "收/支": st.sampled_from(["收入", "支出", "不计收支"]),
            "金额": st.integers(0, 10**10).map(lambda fen: f"{fen // 100}.{fen % 100:02d}"),
            "收/付款方式": CELLS,
            "交易状态": st.sampled_from(["交易成功", "退款成功", "交易关闭", "等待付款"]),
            "交易订单号": st.from_regex(r"20[0-9]{20,30}(_[0-9]{1,9})?", fullmatch=True),
            "备注": CELLS,
        }
    ),
    max_size=6,
)


@pytest.mark.parametrize("header_line", [24, 25])
@pytest.mark.parametrize("issuer", ["支付宝（中国）网络技术有限公司", "支付宝支付科技有限公司"])
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-8-sig", "utf-16"])
def test_the_header_is_found_wherever_it_stands(alipay, alipay_row, read, header_line, issuer, encoding):
    data = alipay([alipay_row(1), alipay_row(2)], header_line=header_line, issuer=issuer, encoding=encoding)
    statement, rows, problems = read(data)
    assert (statement.format, statement.header_line, statement.encoding) == ("alipay_app_v2", header_line, encoding)
    assert ([row.line for row in rows], problems) == ([header_line + 1, header_line + 2], [])


def test_padding_tabs_commas_and_line_ends_change_nothing(alipay, alipay_row, read):
    rows = [alipay_row(number, 商家订单号=f"T{number}", 备注="好") for number in range(1, 5)]
    plain = read(alipay(rows))[1]
    assert plain[0].merchant_order_id == "T1"
    for options in ({"is_padded": True}, {"ends": ["", ","]}, {"ends": [""]}, {"eol": "\n"}, {"eol": "\r"}):
        assert read(alipay(rows, **options))[1] == plain, options


def test_the_columns_may_stand_in_another_order(alipay, alipay_row, read, alipay_columns):
    order = [9, 6, 0, 2, 11, 4, 7, 1, 3, 5, 8, 10]
    names = alipay_columns
    data = alipay([[alipay_row(1)[at] for at in order]], columns=[names[at] for at in order])
    assert read(data)[1] == read(alipay([alipay_row(1)]))[1]


def test_a_bare_quote_inside_a_cell_stays(alipay, alipay_row, read):
    data = alipay([alipay_row(商品说明="QQ多多")]).replace(
        "QQ多多".encode("gb18030"), '打开，点"多多'.encode("gb18030")
    )
    assert read(data)[1][0].item == '打开，点"多多'


def test_a_tab_separated_file_from_excel_is_read(alipay, alipay_row, read):
    lines = csv.reader(io.StringIO(alipay([alipay_row(1), alipay_row(2)], ends=[""]).decode("gb18030")))
    out = io.StringIO()
    csv.writer(out, delimiter="\t").writerows(lines)
    _, rows, problems = read(out.getvalue().encode("utf-16"))
    assert (rows, problems) == (read(alipay([alipay_row(1), alipay_row(2)]))[1], [])


def test_what_the_preamble_says(alipay, alipay_row, read):
    declared = read(alipay([alipay_row()], totals=["共1笔记录", "收入：1笔 12.50元"]))[0].declared()
    assert (declared.channel, declared.account_label) == ("alipay", "shop@example.com")
    assert (declared.from_on, declared.to_on) == ("2026-01-01", "2026-01-31")
    assert (declared.row_count, declared.totals, declared.filtered) == (1, {"in": (1, 1250)}, False)
    assert read(alipay([alipay_row()], exported="转账"))[0].declared().filtered
    assert not read(alipay([alipay_row()], exported=""))[0].declared().filtered


@pytest.mark.parametrize(
    ("status", "direction", "outcome"),
    [
        ("交易成功", "收入", ("settled", 1)),
        ("支付成功", "支出", ("settled", 1)),
        ("还款成功", "不计收支", ("settled", 1)),
        ("放款成功", "收入", ("settled", 1)),
        ("代付成功", "支出", ("settled", 1)),
        ("等待确认收货", "支出", ("pending", 1)),
        ("退款成功", "不计收支", ("refunded", 1)),
        ("退款成功", "支出", ("refunded", 1)),
        ("交易关闭", "支出", ("closed", 1)),
        ("交易关闭", "不计收支", ("closed", 0)),
        ("交易关闭", "收入", ("closed", 0)),
        ("已关闭", "支出", ("closed", 0)),
        ("等待付款", "支出", ("pending", 0)),
        ("还款失败", "不计收支", ("failed", 0)),
        ("解冻成功", "不计收支", ("settled", 0)),
        ("信用服务使用成功", "不计收支", ("settled", 0)),
        ("芝麻免押下单成功", "不计收支", ("settled", 0)),
        ("冻结成功", "不计收支", ("settled", 0)),
    ],
)
def test_status_and_direction_tell_whether_money_moved(alipay, alipay_row, read, status, direction, outcome):
    statement, [row], [] = read(alipay([alipay_row(交易状态=status, **{"收/支": direction})]))
    assert (row.status_class, row.money_moved) == outcome
    assert statement.counted.unknown_statuses == {}


def test_a_refund_points_at_the_payment_its_id_begins_with(alipay, alipay_row, read):
    refund = alipay_row(1, 交易状态="退款成功", 交易订单号="2026010122001_2026", **{"收/支": "不计收支"})
    no_link = alipay_row(2, 交易状态="退款成功", 交易订单号="2026010122002")
    payment = alipay_row(3, 交易订单号="2026010122003_1")
    assert [row.refund_of for row in read(alipay([refund, no_link, payment]))[1]] == ["2026010122001", "", ""]


@given(ROWS, st.sampled_from(["gb18030", "utf-8"]), st.booleans())
def test_what_is_written_is_what_is_read(alipay, alipay_row, read, rows, encoding, is_padded):
    data = alipay(
        [alipay_row(number, **row) for number, row in enumerate(rows)], encoding=encoding, is_padded=is_padded
    )
    _, found, problems = read(data, encoding=encoding)
    assert problems == []
    for number, (row, read_row) in enumerate(zip(rows, found, strict=True)):
        said = {name: "" if text == "/" else text for name, text in row.items()}
        assert read_row.line == 26 + number
        assert (read_row.kind, read_row.counterparty, read_row.item) == (
            row["交易分类"],
            said["交易对方"],
            said["商品说明"],
        )
        assert (read_row.counterparty_account, read_row.method) == (said["对方账号"], said["收/付款方式"])
        assert (read_row.status, read_row.note) == (row["交易状态"], said["备注"])
        assert read_row.direction == {"收入": "in", "支出": "out", "不计收支": "neutral"}[row["收/支"]]
        assert f"{read_row.amount_fen // 100}.{read_row.amount_fen % 100:02d}" == row["金额"]
        assert read_row.external_id in ("", row["交易订单号"])


def test_memory_stays_flat_however_long_the_file_is(alipay, alipay_row):
    data = alipay([alipay_row(number, 交易对方=f"顾客{number}") for number in range(20_000)])
    file = io.BytesIO(data)
    tracemalloc.start()
    count = sum(1 for _ in open_statement(file, "f.csv"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 20_000
    assert peak < 2_000_000 < len(data)
