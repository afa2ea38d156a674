"""The WeChat statement CSV: BOM or not, tabs, 备注 twice, a counterparty with a comma; its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.imports import wechat_statement

SETTLED = ["支付成功", "已转账", "对方已收钱", "朋友已收钱", "已收钱", "已存入零钱", "已到账"]
SETTLED += ["充值完成", "充值成功", "提现已到账"]
CELLS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=12).map(str.strip)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("commas", [0, 8, 10])
@pytest.mark.parametrize("eol", ["\n", "\r\n"])
def test_every_writing_of_the_file_is_read(wechat, wechat_row, read, encoding, commas, eol):
    statement, [row], [] = read(wechat([wechat_row()], encoding=encoding, commas=commas, eol=eol))
    assert (statement.format, statement.encoding, statement.header_line) == ("wechat_csv", encoding, 9)
    assert (row.amount_fen, row.direction, row.merchant_order_id, row.note) == (1250, "in", "", "")


def test_a_file_of_nothing_but_its_table_is_read(wechat, wechat_row, read):
    data = wechat([wechat_row()], encoding="utf-8")
    statement, [row], [] = read(b"\xef\xbb\xbf" + data[data.index("交易时间".encode()) :])
    assert (statement.header_line, row.line, statement.declared().row_count) == (1, 2, None)


@pytest.mark.parametrize("amount", ["¥12.50", "￥12.50", "12.50", "¥12.5", "0012.50"])
def test_the_yen_sign_is_no_digit(wechat, wechat_row, read, amount):
    assert read(wechat([wechat_row(**{"金额(元)": amount})]))[1][0].amount_fen == 1250


def test_of_two_remark_columns_the_first_counts(wechat, wechat_row, read, wechat_columns):
    columns = [*wechat_columns, "备注"]
    rows = [[*wechat_row(1, 备注="服务费¥0.10"), "自己加的"], wechat_row(2, 备注="一"), [*wechat_row(3), ""]]
    _, found, problems = read(wechat(rows, columns=columns))
    assert ([row.note for row in found], problems) == (["服务费¥0.10", "一", ""], [])


def test_tabs_inside_and_after_quotes_are_no_part_of_an_id(wechat, wechat_row, read):
    data = wechat([wechat_row(交易单号="AAA", 商户单号="BBB")]).replace(b"AAA,BBB", b'"3985734\t","129847129"\t')
    _, [row], [] = read(data)
    assert (row.external_id, row.merchant_order_id) == ("3985734", "129847129")


@pytest.mark.parametrize("party", ["WALMART HONG KONG CO.,LIMITED", "A,B,C CO.", "收入,支出"])
def test_an_unquoted_comma_in_the_counterparty_is_repaired(wechat, wechat_row, read, party):
    data = wechat([wechat_row(1), wechat_row(2, 交易对方="XX"), wechat_row(3)]).replace(b"XX", party.encode())
    _, rows, problems = read(data)
    assert problems == []
    assert [row.counterparty for row in rows] == ["小明", party, "小明"]
    assert rows[1][1:7] == read(wechat([wechat_row(2)]))[1][0][1:7]


@pytest.mark.parametrize("column", ["金额(元)", "支付方式", "当前状态", "交易单号", "备注"])
def test_a_comma_behind_the_direction_is_reported_not_guessed(wechat, wechat_row, read, column):
    _, [], [problem] = read(wechat([wechat_row(**{column: "XX"})]).replace(b"XX", b"a,b"))
    assert str(problem).startswith("export.csv:10:column 12: 12 cells; the header on line 9 asks for 11")


def test_a_row_that_can_be_repaired_in_two_ways_is_reported(wechat, wechat_row, read, wechat_columns):
    columns = [*wechat_columns, "备注", "标签", "分组"]
    row = wechat_row(交易对方="XX")
    data = wechat([row], columns=columns).replace(b"XX", "a,b,c,收入,¥1.00".encode())
    assert [str(each).split(": ")[0] for each in read(data)[2]] == ["export.csv:10:column 15"]


def test_a_row_too_wide_is_not_repaired_where_the_columns_stand_otherwise(wechat, wechat_row, read, wechat_columns):
    columns = list(wechat_columns)
    row = wechat_row(交易对方="XX")
    for each in (columns, row):
        each[2], each[10] = each[10], each[2]
    _, [], [problem] = read(wechat([row], columns=columns).replace(b"XX", b"a,b"))
    assert problem.row == 10
    first = [0, 4, 5, 2, 1, 3, 6, 7, 8, 9, 10]  # the direction before the counterparty
    row, columns = wechat_row(交易对方="XX"), list(wechat_columns)
    data = wechat([[row[at] for at in first]], columns=[columns[at] for at in first])
    assert [each.row for each in read(data.replace(b"XX", b"/,1.00,x"))[2]] == [10]


def test_what_the_preamble_says(wechat, wechat_row, read):
    totals = ["共4笔记录", "收入：1笔 12.50元", "支出：2笔 3.00元", "中性交易：1笔 9.00元"]
    declared = read(wechat([wechat_row()], totals=totals))[0].declared()
    assert (declared.channel, declared.account_label, declared.row_count) == ("wechat", "某人", 4)
    assert (declared.from_on, declared.to_on, declared.filtered) == ("2026-01-01", "2026-01-31", False)
    assert declared.totals == {"in": (1, 1250), "out": (2, 300), "neutral": (1, 900)}
    assert read(wechat([wechat_row()], exported="零钱"))[0].declared().filtered


@pytest.mark.parametrize(
    ("status", "direction", "outcome"),
    [
        *[(status, "收入", ("settled", 1)) for status in SETTLED],
        ("已全额退款", "支出", ("refunded", 1)),
        ("已全额退款", "收入", ("refunded", 1)),
        ("对方已退还", "支出", ("refunded", 1)),
        ("已退款(￥39.93)", "支出", ("part_refunded", 1)),
        ("已退款（￥39.93）", "支出", ("part_refunded", 1)),
        ("已退款￥39.93", "收入", ("refunded", 1)),
        ("提现失败，已退回零钱", "/", ("failed", 0)),
        ("交易关闭", "/", ("closed", 0)),
    ],
)
def test_status_tells_whether_money_moved(wechat, wechat_row, read, status, direction, outcome):
    statement, [row], [] = read(wechat([wechat_row(当前状态=status, **{"收/支": direction})]))
    assert (row.status_class, row.money_moved) == outcome
    assert statement.counted.unknown_statuses == {}


def test_an_unknown_type_is_kept(wechat, wechat_row, read):
    assert read(wechat([wechat_row(交易类型="明年的新类型")]))[1][0].kind == "明年的新类型"


@pytest.mark.parametrize("is_newest_first", [True, False])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_returned_transfer_points_at_its_payment(wechat, wechat_row, read, is_newest_first, encoding):
    paid = {"收/支": "支出", "交易单号": "PAID1\t", "商户单号": "BACK1\t"}
    back = {"交易类型": "转账-退款", "当前状态": "已全额退款", "交易单号": "BACK1\t", "商户单号": "\t"}
    rows = [
        wechat_row(1, 交易类型="转账", 当前状态="对方已退还", **paid),
        wechat_row(2, **back),
        wechat_row(3, **(back | {"交易单号": "BACK2"})),  # its payment lies in another file
        wechat_row(4, **(back | {"交易类型": "某店-退款"})),  # a shop's refund proves nothing by its number
        wechat_row(5, 交易类型="转账", 当前状态="已全额退款", **(paid | {"收/支": "收入", "商户单号": "BACK2"})),
        wechat_row(6, **(back | {"交易单号": "4.2E+27"})),
        wechat_row(7, 交易类型="转账", 当前状态="对方已退还", **(paid | {"交易单号": "PAID3", "商户单号": ""})),
    ]
    data = wechat(rows[::-1] if is_newest_first else rows, encoding=encoding)
    links = {(row.external_id, row.kind): row.refund_of for row in read(data)[1]}
    assert links == {
        ("PAID1", "转账"): "",
        ("BACK1", "转账-退款"): "PAID1",
        ("BACK2", "转账-退款"): "",
        ("BACK1", "某店-退款"): "",
        ("", "转账-退款"): "",
        ("PAID3", "转账"): "",
    }


def test_the_links_of_returned_transfers_are_bounded(wechat, wechat_row, read, monkeypatch):
    monkeypatch.setattr(wechat_statement, "_LINKS_MAX", 1)
    rows = [
        wechat_row(n, 当前状态="对方已退还", 交易单号=f"P{n}", 商户单号=f"B{n}", **{"收/支": "支出"}) for n in (1, 2)
    ]
    rows += [wechat_row(n, 当前状态="已全额退款", 交易类型="转账-退款", 交易单号=f"B{n}") for n in (1, 2)]
    assert [row.refund_of for row in read(wechat(rows))[1]] == ["", "", "P1", ""]


@given(
    st.lists(
        st.tuples(CELLS, CELLS, CELLS, st.integers(0, 10**10), st.sampled_from(["收入", "支出", "/"])), max_size=6
    ),
    st.sampled_from(["utf-8-sig", "gb18030"]),
)
def test_what_is_written_is_what_is_read(wechat, wechat_row, read, rows, encoding):
    data = wechat(
        [
            wechat_row(
                number,
                交易对方=party,
                商品=item,
                备注=note,
                **{"金额(元)": f"¥{fen // 100}.{fen % 100:02d}", "收/支": direction},
            )
            for number, (party, item, note, fen, direction) in enumerate(rows)
        ],
        encoding=encoding,
    )
    _, found, problems = read(data, encoding=encoding)
    assert problems == []
    ways = {"in": "收入", "out": "支出", "neutral": "/"}
    absent = {"/": ""}
    assert [(row.counterparty, row.item, row.note, row.amount_fen, ways[row.direction]) for row in found] == [
        (*[absent.get(text, text) for text in row[:3]], *row[3:]) for row in rows
    ]
