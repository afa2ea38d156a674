"""Merchant bills and the old Alipay statements: each column means what FORMATS says, and own totals must match."""

import pytest

from loancli.core.errors import Problem

FUND = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,"
    "交易渠道,业务类型,备注"
)
FUND_16 = (
    "账务流水号,业务流水号,商品名称,发生时间,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,业务类型,备注,"
    "业务描述,业务账单来源,业务基础订单号,业务订单号,商户订单号,对方账号"
)
TRADE = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,商家实收（元）,"
    "支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,"
    "退款批次号/请求号,服务费（元）,分润（元）,备注"
)
ALL = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,"
    "代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,"
    "申请退款金额,费率备注"
)
OLD = (
    "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,总金额,"
    "代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率"
)
ALL_SUMMARY = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
FLOW = (
    "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),"
    "资金变更提交申请人,备注,业务凭证号"
)
WEB = (
    "交易号,商家订单号,交易创建时间,付款时间,最近修改时间,交易来源地,类型,交易对方,商品名称,金额（元）,收/支,交易状态,服务费（元）,"
    "成功退款（元）,备注,资金状态,"
)
V1 = "收/支,交易对方,对方账号,商品说明,收/付款方式,金额,交易状态,交易分类,交易订单号,商家订单号,交易时间,"


def fund(*rows, income="1笔，共88.00元", expense="1笔，共-0.53元", header=FUND):
    lines = [
        "#支付宝账务明细查询",
        "#账号：[20881234567890120156]",
        "#起始日期：[2026年10月01日 00:00:00]   终止日期：[2026年11月01日 00:00:00]",
        "#-----账务明细列表----",
        header,
        *rows,
        "#-----账务明细列表结束----",
        f"#支出合计：{expense}",
        f"#收入合计：{income}",
        "#导出时间：[2026年11月02日 10:00:00]",
    ]
    return "\r\n".join([*lines, ""]).encode("gb18030")


SALE = "L1\t,T1\t,M1\t,一碗面,2026-10-03 12:00:00,****y,88.00,0.00,88.00,支付宝,在线支付,"
FEE = "L2\t,T1\t,M1\t,,2026-10-03 12:00:01,,0.00,-0.53,87.47,,收费,"


def test_a_fund_bill_is_rows_of_its_ledger(read):
    statement, [sale, fee], problems = read(fund(SALE, FEE))
    declared = statement.declared()
    assert (problems, statement.mismatches(), statement.warnings()) == ([], [], [])
    assert (declared.account_label, declared.from_on, declared.to_on) == (
        "2088123456789012",
        "2026-10-01",
        "2026-10-31",
    )
    assert (sale.direction, sale.amount_fen, sale.external_id, sale.trade_id) == ("in", 8800, "L1", "T1")
    assert (sale.kind, sale.item, sale.counterparty_account, sale.fee_milli_fen) == ("在线支付", "一碗面", "****y", 0)
    assert (fee.direction, fee.amount_fen, fee.fee_milli_fen, fee.movement) == ("out", 53, 53_000, "T1")


def test_the_columns_of_a_fund_bill_may_stand_in_another_order(read):
    row = "L1\t,T1\t,一碗面,2026-10-03 12:00:00,88.00,,88.00,支付宝,交易退款,备,描述,来源,B,O,M1\t,****y"
    out = row.replace("88.00,,", ",-88.00,")
    _, [sale, back], problems = read(fund(row, out, header=FUND_16, income="1笔，共88.00元", expense="1笔，共-88.00元"))
    assert problems == []
    assert (sale.merchant_order_id, sale.counterparty_account, sale.note) == ("M1", "****y", "备")
    assert (back.status_class, back.refund_of, sale.refund_of) == ("refunded", "T1", "")


def test_a_fund_bill_may_not_name_the_goods(read):
    bare = [line.replace("一碗面,", "", 1).replace("\t,,2026", "\t,2026", 1) for line in (SALE, FEE)]
    _, rows, problems = read(fund(*bare, header=FUND.replace("商品名称,", "")))
    assert problems == []
    assert [(row.item, row.amount_fen, row.kind) for row in rows] == [("", 8800, "在线支付"), ("", 53, "收费")]


@pytest.mark.parametrize(
    ("income", "expense", "told"),
    [
        ("2笔，共88.00元", "1笔，共-0.53元", "the file states 收入 2 rows 88.00 yuan, 1 rows 88.00 yuan were read"),
        ("1笔，共88.01元", "1笔，共-0.53元", "the file states 收入 1 rows 88.01 yuan, 1 rows 88.00 yuan were read"),
        ("1笔，共88.00元", "1笔，共-0.54元", "the file states 支出 1 rows 0.54 yuan, 1 rows 0.53 yuan were read"),
    ],
)
def test_a_bill_whose_totals_differ_says_both(read, income, expense, told):
    statement, rows, _ = read(fund(SALE, FEE, income=income, expense=expense))
    assert (len(rows), statement.mismatches()) == (2, [f"export.csv: {told}"])


def test_a_bill_that_was_cut_has_no_totals(read):
    data = fund(SALE, FEE)
    statement, rows, _ = read(data[: data.index("#-----账务明细列表结束".encode("gb18030"))])
    assert (len(rows), statement.mismatches()) == (2, ["export.csv: its own totals are missing: it was cut off"])


@pytest.mark.parametrize("amounts", ["0.00,0.00", "88.00,-0.53", ","])
def test_a_row_with_both_or_neither_amount_is_a_problem(read, amounts):
    _, _, [problem] = read(fund(SALE.replace("88.00,0.00", amounts), FEE))
    assert str(problem).startswith("export.csv:6:收入金额(+元): of 收入金额 and 支出金额 exactly one must be filled")


def test_a_bill_without_rows_says_so(read):
    statement, rows, _ = read(fund(income="0笔，共0.00元", expense="0笔，共0.00元"))
    assert (rows, statement.mismatches(), statement.states_no_rows()) == ([], [], True)


def test_rows_below_the_end_of_the_table_are_not_lost_without_a_word(read):
    data = fund(SALE, FEE) + (SALE.replace("L1", "L9") + "\r\n").encode("gb18030")
    _, rows, [problem] = read(data)
    assert len(rows) == 2
    assert str(problem).startswith("export.csv:12: a row below the end of the table, which stands on line 8")


def summary(*rows):
    head = ["#支付宝账务汇总查询", "#账号：[20881234567890120156]"]
    columns = "类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）"
    return "\r\n".join([*head, columns, *rows, "#导出时间：[x]", ""]).encode("gb18030")


def test_a_summary_has_no_rows_and_must_add_up(read):
    lines = ["在线支付,2,10.00,0,0.00,10.00", "收费,0,0.00,1,-0.06,-0.06"]
    statement, rows, problems = read(summary(*lines, "合计,2,10.00,1,-0.06,9.94"))
    assert (statement.format, rows, problems, statement.mismatches()) == ("alipay_fund_summary", [], [], [])
    assert statement.control() == {"in": (2, 1000), "out": (1, 6)}
    wrong, _, _ = read(summary(*lines, "合计,2,10.00,1,-0.07,9.93"))
    assert wrong.mismatches() == ["export.csv: the file states out 1 rows 0.07 yuan, 1 rows 0.06 yuan were read"]
    cut, _, _ = read(summary(*lines))
    assert "its own totals are missing" in cut.mismatches()[0]


def trade(
    *rows, sales="1笔，商家实收共88.00元，商家优惠共0.00元", refunds="1笔，商家实收退款共-8.00元，商家优惠退款共0.00元"
):
    lines = ["#支付宝业务明细查询", "#账号：[20881234567890120156]", "#---业务明细列表---", TRADE, *rows]
    lines += ["#---业务明细列表结束---", f"#交易合计：{sales}", f"##退款合计：{refunds}", "#导出时间：[x]"]
    return "\r\n".join([*lines, ""]).encode("gb18030")


def _trade_row(kind, received, *, trade_id="T1", batch="", fee="0.00", finished="2026-10-03 12:00:05"):
    times = f"2026-10-03 12:00:00,{finished}"
    amounts = f"{received},{received},0,0,0,0,0,,0,0"
    return f"{trade_id}\t,M1\t,{kind},一碗面,{times},,,,,**智,{amounts},{batch},{fee},0,备"


@pytest.mark.parametrize("refunded", ["-8.00", "8.00"])
def test_a_trade_bill_is_sales_with_fees_and_refunds_whichever_sign_they_have(read, refunded):
    rows = [_trade_row("交易", "88.00", fee="-0.53"), _trade_row("退款", refunded, batch="R7", fee="0.05", finished="")]
    statement, [sale, back], problems = read(trade(*rows))
    assert (statement.format, problems, statement.mismatches()) == ("alipay_trade_detail", [], [])
    assert (sale.direction, sale.amount_fen, sale.fee_milli_fen) == ("in", 8800, 53_000)
    assert (sale.external_id, sale.occurred_at[11:19], sale.counterparty) == ("T1", "12:00:05", "**智")
    assert (back.direction, back.amount_fen, back.fee_milli_fen, back.refund_of) == ("out", 800, -5_000, "T1")
    assert (back.external_id, back.movement, back.occurred_at[11:19]) == ("T1_R7", "T1", "12:00:00")


def test_a_kind_that_no_bill_has_is_a_problem(read):
    _, [], [problem] = read(trade(_trade_row("分账", "1.00")))
    assert str(problem) == "export.csv:5:业务类型: '分账' is none of 交易, 退款"


def wechat_bill(*rows, header=ALL, names=ALL_SUMMARY, values="2,88.00,8.00,0.00,0.47,88.00,8.00"):
    lines = [header, *["`" + ",`".join(row) for row in rows], names, "`" + ",`".join(values.split(","))]
    return b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode()


def _row(header=ALL, **cells):
    plain = {
        "交易时间": "2026-10-03 12:00:00",
        "商户号": "1900000109",
        "特约商户号": "0",
        "子商户号": "0",
        "微信订单号": "4200001",
        "商户订单号": "M1",
        "用户标识": "oUser",
        "交易类型": "JSAPI",
        "交易状态": "SUCCESS",
        "付款银行": "CFT",
        "货币种类": "CNY",
        "应结订单金额": "88.00",
        "总金额": "88.00",
        "订单金额": "88.00",
        "微信退款单号": "0",
        "退款金额": "0.00",
        "申请退款金额": "0.00",
        "商品名称": "一碗面",
        "手续费": "0.52800",
    }
    refund = {
        "交易状态": "REFUND",
        "应结订单金额": "0.00",
        "订单金额": "0.00",
        "总金额": "0.00",
        "微信退款单号": "5030001",
        "商户退款单号": "MR1",
        "退款金额": "8.00",
        "申请退款金额": "8.00",
        "退款状态": "SUCCESS",
        "手续费": "-0.05800",
    }
    cells = {**plain, **(refund if cells.get("交易状态") == "REFUND" else {}), **cells}
    return [cells.get(name, "") for name in header.split(",")]


def test_a_wechat_trade_bill_is_sales_and_refunds_with_exact_fees(read):
    statement, [sale, back], problems = read(wechat_bill(_row(), _row(交易状态="REFUND")))
    assert (statement.format, problems, statement.mismatches()) == ("wechat_trade_bill", [], [])
    assert (sale.direction, sale.amount_fen, sale.fee_milli_fen, sale.external_id) == ("in", 8800, 52_800, "4200001")
    assert (back.direction, back.amount_fen, back.fee_milli_fen) == ("out", 800, -5_800)
    assert (back.external_id, back.refund_of, back.status, back.status_class) == (
        "5030001",
        "4200001",
        "REFUND SUCCESS",
        "refunded",
    )


def test_a_name_with_commas_quotes_and_ticks_is_one_cell(read):
    name = '苹果,"梨",3`'
    statement, [row], problems = read(wechat_bill(_row(商品名称=name), values="1,88.00,0.00,0.00,0.53,88.00,0.00"))
    assert (problems, row.item, statement.mismatches()) == ([], name, [])


def test_the_layout_before_coupons_is_read(read):
    names = "总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额,手续费总金额"
    rows = [_row(OLD), _row(OLD, 交易状态="REFUND")]
    statement, [sale, back], problems = read(
        wechat_bill(*rows, header=OLD, names=names, values="2.0,88.00,8.00,0.00 ,0.47")
    )
    assert (problems, statement.mismatches(), sale.amount_fen, back.amount_fen) == ([], [], 8800, 800)


def test_success_and_refund_bills_hold_the_rows_of_all_under_the_same_numbers(read):
    success = ALL.split(",")[:14] + ALL.split(",")[20:25] + ["费率备注"]
    refund = [*ALL.split(",")[:14], "退款申请时间", "退款成功时间", *ALL.split(",")[14:]]
    _, [sale, back], _ = read(wechat_bill(_row(), _row(交易状态="REFUND")))
    header = ",".join(success)
    _, [only], problems = read(
        wechat_bill(
            _row(header),
            header=header,
            names="总交易单数,应结订单总金额,手续费总金额,订单总金额",
            values="1,88.00,0.53,88.00",
        )
    )
    assert (problems, only._replace(line=0)) == ([], sale._replace(line=0))
    header = ",".join(refund)
    cells = _row(header, 交易状态="REFUND", 交易时间="2026-09-30 09:00:00", 退款申请时间="2026-10-03 12:00:00")
    _, [later], problems = read(wechat_bill(cells, header=header, values="1,0.00,8.00,0.00,-0.06,0.00,8.00"))
    assert (problems, later._replace(line=0)) == ([], back._replace(line=0))


@pytest.mark.parametrize(
    ("word", "status_class", "moved"),
    [("SUCCESS", "refunded", 1), ("PROCESSING", "pending", 1), ("FAIL", "failed", 0), ("CHANGE", "pending", 1)],
)
def test_a_refund_moved_money_unless_it_failed(read, word, status_class, moved):
    _, [row], _ = read(wechat_bill(_row(交易状态="REFUND", 退款状态=word)))
    assert (row.status_class, row.money_moved) == (status_class, moved)


def test_a_reversed_sale_goes_out_again_under_its_own_number(read):
    _, [sale, back], _ = read(wechat_bill(_row(), _row(交易状态="REVOKED")))
    assert (back.direction, back.amount_fen, back.movement, back.refund_of) == ("out", 8800, "4200001", "4200001")
    assert back.external_id != sale.external_id


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"货币种类": "USD"}, "货币种类: 'USD': only CNY is read"),
        ({"交易状态": "PAID"}, "交易状态: 'PAID' is none of SUCCESS, REFUND, REVOKED"),
        ({"手续费": "0.528001"}, "手续费: '0.528001' is not a fee in yuan with at most five decimals"),
        ({"应结订单金额": "8.005"}, "应结订单金额: '8.005' is not an amount in yuan"),
        ({"交易时间": ""}, "交易时间: empty"),
        ({"微信订单号": ""}, "微信订单号: empty"),
    ],
)
def test_a_bad_cell_of_a_bill_is_a_problem_of_its_column(read, changes, place):
    _, [], [problem] = read(wechat_bill(_row(**changes)))
    assert str(problem).startswith(f"export.csv:2:{place}")


def test_of_a_service_providers_bill_only_the_shop_that_is_named_is_read(read):
    rows = [_row(特约商户号="1600000001"), _row(特约商户号="1600000002", 微信订单号="4200002")]
    data = wechat_bill(*rows, values="2,176.00,0.00,0.00,1.06,176.00,0.00")
    everything, found, _ = read(data)
    assert (len(found), everything.strangers()) == (2, ["1600000001", "1600000002"])
    mine, [row], _ = read(data, shops=frozenset({"1600000002"}))
    assert (row.external_id, mine.strangers(), mine.mismatches()) == ("4200002", [], [])
    assert mine.warnings() == ["export.csv: 1 rows of other shops (特约商户号) were left out"]


def flow(*rows, values):
    lines = [FLOW, *["`" + ",`".join(row.split("|")) for row in rows]]
    lines += ["资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额", "`" + ",`".join(values.split(","))]
    return "\r\n".join([*lines, ""]).encode()


def test_a_wechat_fund_bill_is_movements_both_ways(read):
    rows = [
        "2026-10-03 12:00:00|4200001|F1|交易|交易|收入|88.00|88.00|system|/|M1",
        "2026-10-03 12:00:00|4200001|F2|交易|扣除交易手续费|支出|0.53|87.47|system||M1",
        "2026-10-04 12:00:00|5030001|F3|退款|退款|支出|8.00|79.47|system|退款总金额8.00元;含手续费0.00元|MR1",
    ]
    statement, [sale, fee, back], problems = read(flow(*rows, values="3.0,1.0,88.00,2.0,8.53"))
    assert (statement.format, problems, statement.mismatches()) == ("wechat_fund_bill", [], [])
    assert (sale.direction, sale.trade_id, sale.external_id, sale.merchant_order_id) == ("in", "4200001", "F1", "M1")
    assert (fee.direction, fee.fee_milli_fen, fee.movement) == ("out", 53_000, "4200001")
    assert (back.direction, back.status_class, back.note) == ("out", "refunded", "退款总金额8.00元;含手续费0.00元")
    wrong, _, _ = read(flow(*rows, values="3,1,88.00,2,8.50"))
    assert wrong.mismatches() == ["export.csv: the file states 支出 2 rows 8.50 yuan, 2 rows 8.53 yuan were read"]


def web(*rows):
    head = [
        "支付宝交易记录明细查询",
        "账号:[shop@example.com]",
        "起始日期:[2026-10-01 00:00:00]    终止日期:[2026-10-31 00:00:00]",
    ]
    lines = [
        *head,
        "-----交易记录明细列表-----",
        WEB,
        *rows,
        "-" * 84,
        f"共{len(rows)}笔记录",
        "已收入:1笔,88.00元",
        "已支出:1笔,30.00元",
    ]
    return "\r\n".join([*lines, "导出时间:[2026-11-01 09:00:00]    用户:某人", ""]).encode("gb18030")


def _web_row(number, amount, way, status, funds, *, paid="2026-10-03 12:00:05", refunded="0.00", item="一碗面"):
    times = f"2026-10-03 12:00:00 ,{paid} ,2026-10-03 12:00:09 "
    what = f"淘宝      ,即时到账交易          ,**智      ,{item},{amount}   ,{way}      ,{status}    "
    return f"{number}\t,M1\t,{times},{what},0.10      ,{refunded}      ,          ,{funds}     ,"


def test_a_web_statement_tells_by_its_funds_whether_money_moved(read):
    rows = [
        _web_row("T1", "88.00", "收入", "交易成功", "已收入"),
        _web_row("T2", "30.00", "支出", "交易成功", "已支出", refunded="5.00"),
        _web_row("T3", "9.00", "支出", "交易关闭", "", paid=""),
        _web_row("T2_7", "5.00", "", "退款成功", "已收入", item="退款-一碗面"),
        _web_row("T4", "7.00", "不计收支", "交易成功", "资金转移"),
    ]
    statement, found, problems = read(web(*rows))
    assert (statement.format, problems) == ("alipay_web", [])
    assert [row.direction for row in found] == ["in", "out", "out", "neutral", "neutral"]
    assert [row.money_moved for row in found] == [1, 1, 0, 1, 1]
    assert [row.status_class for row in found] == ["settled", "part_refunded", "closed", "refunded", "settled"]
    assert (found[0].occurred_at[11:19], found[2].occurred_at[11:19]) == ("12:00:05", "12:00:00")
    assert (found[3].refund_of, found[0].fee_milli_fen, found[0].kind, found[0].item) == (
        "T2",
        10_000,
        "即时到账交易",
        "一碗面",
    )
    assert statement.declared().row_count == 5
    assert statement.declared().account_label == "shop@example.com"
    assert statement.warnings() == ["export.csv: the file states 支出 1 rows 30.00 yuan, 2 rows 39.00 yuan were read"]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (("收入", "转入"), "收/支: '转入' is none of"),
        (("88.00", "-88.00"), "金额(元): '-88.00' is below zero"),
    ],
)
def test_a_web_row_that_says_something_else_is_a_problem(read, change, place):
    row = _web_row("T1", "88.00", "收入", "交易成功", "已收入")
    _, [], [problem] = read(web(row.replace(*change, 1)))
    assert str(problem).startswith(f"export.csv:6:{place}")


def test_a_word_that_no_table_has_is_kept_and_told(read):
    statement, [row], problems = read(web(_web_row("T1", "88.00", "收入", "交易成功", "已冻结")))
    assert (problems, row.status_class, row.money_moved) == ([], "settled", 1)
    assert "status '已冻结' is not known (1 rows)" in statement.warnings()[-1]
    bill, [refund], problems = read(wechat_bill(_row(交易状态="REFUND", 退款状态="LATER")))
    assert (problems, refund.status, refund.status_class) == ([], "REFUND LATER", "pending")
    assert "status 'REFUND LATER' is not known" in bill.warnings()[-1]


def test_the_app_statement_of_2021_says_below_the_table_what_it_is(read):
    row = "收入        ,*三  ,/  ,商品 ,  ,12.50  ,交易成功 ,收入 ,20210601\t,\t,2021-06-01 12:00:00  ,"
    lines = [
        "----支付宝（中国）网络技术有限公司  电子客户回单----",
        V1,
        row,
        "-" * 84,
        "导出信息：",
        "姓名：某人",
        "支付宝账户：shop@example.com",
    ]
    lines += [
        "起始时间：[2021-06-01 00:00:00]    终止时间：[2021-06-30 23:59:59]",
        "共1笔记录",
        "收入：1笔,12.50元",
        "其他：0笔,0.00元",
    ]
    statement, [found], problems = read("\r\n".join(lines).encode("gb18030"))
    declared = statement.declared()
    assert (statement.format, statement.header_line, problems, statement.warnings()) == ("alipay_app_v1", 2, [], [])
    assert (declared.account_label, declared.from_on, declared.row_count) == ("shop@example.com", "2021-06-01", 1)
    assert (found.amount_fen, found.kind, found.item, found.note) == (1250, "收入", "商品", "")


def test_a_table_that_excel_padded_ends_where_it_ended(read):
    padded = [line + "," * (27 - line.count(",") - 1) for line in (ALL_SUMMARY, "2,88.00,8.00,0.00,0.47,88.00,8.00")]
    rows = [",".join("`" + cell for cell in each) for each in (_row(), _row(交易状态="REFUND"))]
    statement, found, problems = read("\r\n".join([ALL, *rows, *padded, ""]).encode())
    assert (len(found), problems, statement.mismatches()) == (2, [], [])


def test_a_bill_yields_rows_and_problems_only(read):
    _, rows, problems = read(fund(SALE, SALE[:20], FEE))
    assert len(rows) == 2
    assert all(isinstance(each, Problem) for each in problems)
