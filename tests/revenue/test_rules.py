"""Revenue by rules that are data: the order of FORMATS §8, guards no file can overrule, sums that add up."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.errors import InputError
from loancli.core.statement import StatementRow
from loancli.revenue.rules import CLASSES, Classifier, Owner, Sums, by_day, sums
from loancli.revenue.rules_file import read_rules

FOLDER = Path(__file__).resolve().parents[2] / "schedules" / "revenue"
SHIPPED = {
    channel: read_rules((FOLDER / f"{channel}.toml").read_text(encoding="utf-8"), f"{channel}.toml")
    for channel in ("alipay", "wechat")
}
OWNER = Owner(names=frozenset({"王小面", "shop@example.com"}))


def _row(**changes):
    return StatementRow(
        line=1,
        occurred_at="2026-01-05T08:30:00+08:00",
        amount_fen=1250,
        direction="in",
        money_moved=1,
        external_id="1",
        merchant_order_id="",
        counterparty="**智",
        counterparty_account="",
        kind="其他",
        item="",
        method="",
        status="",
        status_class="settled",
        note="",
        refund_of="",
    )._replace(**changes)


def _code(channel, **changes):
    return Classifier(SHIPPED[channel], OWNER).classify(_row(**changes))


CLOSED = {"money_moved": 0, "status_class": "closed"}
REFUNDED = {"status_class": "refunded"}


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        # FORMATS §8, rule by rule.
        ({"item": "收钱码收款", **CLOSED}, ("excluded", "not_moved")),
        ({"item": "收钱码收款", "direction": "out"}, ("excluded", "not_income")),
        ({"item": "收钱码收款", "direction": "neutral"}, ("excluded", "not_income")),
        ({"item": "收钱码收款", **REFUNDED}, ("excluded", "refund_received")),
        ({"kind": "退款", "item": "收钱码收款"}, ("excluded", "refund_received_by_kind")),
        ({"item": "退款-收钱码收款"}, ("excluded", "refund_received_by_item")),
        ({"kind": "信用借还"}, ("excluded", "borrowed_by_kind")),
        ({"status": "放款成功"}, ("excluded", "borrowed_by_status")),
        ({"item": "网商贷-放款至余额"}, ("excluded", "borrowed")),
        ({"item": "蚂蚁借呗放款"}, ("excluded", "borrowed")),
        ({"item": "备用金取出"}, ("excluded", "borrowed")),
        ({"kind": "投资理财"}, ("excluded", "own_money_by_kind")),
        ({"kind": "账户存取"}, ("excluded", "own_money_by_kind")),
        ({"item": "余额宝-2026.01.05-收益发放"}, ("excluded", "own_money")),
        ({"item": "充值-普通充值"}, ("excluded", "own_money_moved")),
        ({"item": "提现-实时提现"}, ("excluded", "own_money_moved")),
        ({"item": "收钱码收款", "counterparty": "王小面"}, ("excluded", "own_account")),
        ({"item": "收钱码收款", "counterparty_account": "shop@example.com"}, ("excluded", "own_account")),
        ({"item": "收钱码收款"}, ("sure", "qr_receipt")),
        ({"item": "收钱码经营版收款", "kind": "转账红包"}, ("sure", "qr_receipt")),
        ({"item": "经营码收款", "counterparty": "张三"}, ("sure", "qr_receipt")),
        ({"item": "收钱码收款", "status_class": "pending"}, ("possible", "not_final")),
        ({"item": "商品", "kind": "收入"}, ("possible", "goods_receipt")),
        ({"item": "商品", "kind": "收入", "counterparty": "张三"}, ("possible", "other_receipt")),
        ({"item": "收到普通红包", "kind": "转账红包"}, ("excluded", "red_packet")),
        ({"item": "结婚礼金", "kind": "转账红包"}, ("excluded", "red_packet")),
        ({"item": "1月工资", "kind": "转账"}, ("possible", "wages")),
        ({"item": "货款", "counterparty": "某某食品有限公司"}, ("possible", "company_payer")),
        ({"item": "转账", "kind": "转账红包"}, ("possible", "transfer")),
        ({"item": "转账", "kind": "转账"}, ("possible", "transfer")),
        ({"item": "转账", "kind": "转账", "amount_fen": 52_000}, ("excluded", "gift_amount")),
        ({"item": "收钱码收款", "kind": "转账红包", "amount_fen": 52_000}, ("sure", "qr_receipt")),
        ({"item": "转账收款到余额宝"}, ("possible", "transfer_into_fund")),
        ({"item": "转账", "kind": "即时到账交易"}, ("possible", "transfer_by_item")),
        ({"item": "没人见过的"}, ("possible", "other_receipt")),
        # Reductions.
        ({"item": "花呗收钱服务费[2026]", "direction": "out", "kind": "商业服务"}, ("reduction", "collection_fee")),
        ({"item": "收钱码经营版信用卡收钱服务费[2]", "direction": "out"}, ("reduction", "collection_fee")),
        ({"item": "退款-收钱码收款", "direction": "out", **REFUNDED}, ("reduction", "refund_to_customer")),
        ({"item": "退款-面", "kind": "退款", "direction": "out"}, ("reduction", "refund_to_customer_by_kind")),
        ({"item": "收钱服务费", "direction": "out", **CLOSED}, ("excluded", "not_moved")),
        ({"item": "退款-袜子", "direction": "neutral", **REFUNDED}, ("excluded", "not_income")),
        ({"item": "袜子", "direction": "out", "status_class": "closed"}, ("excluded", "not_income")),
    ],
)
def test_alipay_rows_fall_under_the_first_rule_that_holds(changes, answer):
    assert _code("alipay", **changes) == answer


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"kind": "二维码收款", **CLOSED}, ("excluded", "not_moved")),
        ({"kind": "二维码收款", "direction": "out"}, ("excluded", "not_income")),
        ({"kind": "零钱提现", "direction": "neutral"}, ("excluded", "not_income")),
        ({"kind": "同程旅行-退款", **REFUNDED}, ("excluded", "refund_received")),
        ({"kind": "二维码收款", **REFUNDED}, ("excluded", "refund_received")),
        ({"kind": "某店-退款"}, ("excluded", "refund_received_by_kind")),
        ({"kind": "退款"}, ("excluded", "refund_received_by_kind")),
        ({"kind": "零钱通转出-到零钱"}, ("excluded", "own_money")),
        ({"kind": "转入零钱通-来自零钱"}, ("excluded", "own_money")),
        ({"kind": "转账", "item": "微粒贷放款"}, ("excluded", "borrowed")),
        ({"kind": "转账", "counterparty": "王小面"}, ("excluded", "own_account")),
        ({"kind": "二维码收款", "status_class": "pending"}, ("possible", "not_final")),
        ({"kind": "二维码收款", "status_class": "part_refunded"}, ("possible", "part_refunded")),
        ({"kind": "二维码收款"}, ("sure", "qr_receipt")),
        ({"kind": "商户消费"}, ("possible", "merchant_payout")),
        ({"kind": "微信红包"}, ("excluded", "red_packet")),
        ({"kind": "微信红包（单发）"}, ("excluded", "red_packet")),
        ({"kind": "企业微信红包"}, ("excluded", "red_packet")),
        ({"kind": "转账", "item": "转账备注:1月工资"}, ("possible", "wages")),
        ({"kind": "转账"}, ("possible", "transfer")),
        ({"kind": "转账", "amount_fen": 1_314}, ("excluded", "gift_amount")),
        ({"kind": "赞赏码"}, ("possible", "appreciation")),
        ({"kind": "群收款"}, ("possible", "transfer")),
        ({"kind": "其他"}, ("possible", "other_receipt")),
        ({"kind": "明年的新类型"}, ("possible", "other_receipt")),
        ({"kind": "二维码收款-退款", "direction": "out", **REFUNDED}, ("reduction", "refund_to_customer")),
        # The borrower's own purchase that came back is nothing to the revenue.
        ({"kind": "商户消费", "direction": "out", **REFUNDED}, ("excluded", "not_income")),
    ],
)
def test_wechat_rows_fall_under_the_first_rule_that_holds(changes, answer):
    assert _code("wechat", **changes) == answer


OUT, GONE = {"direction": "out"}, {"status_class": "refunded"}


@pytest.mark.parametrize(
    ("file_format", "changes", "answer"),
    [
        ("alipay_app_v1", {"item": "商品", "kind": "收入"}, ("sure", "goods_receipt_2021")),
        ("alipay_app_v1", {"item": "商品", "kind": "收入", "counterparty": "张三"}, ("possible", "other_receipt")),
        ("alipay_app_v2", {"item": "商品", "kind": "收入"}, ("possible", "goods_receipt")),
        ("alipay_trade_detail", {"kind": "交易", "item": "红包封面"}, ("sure", "bill_sale")),
        ("alipay_app_v2", {"kind": "交易", "item": "红包封面"}, ("excluded", "red_packet")),
        ("alipay_trade_detail", {"kind": "交易", "counterparty": "王小面"}, ("excluded", "own_account")),
        ("alipay_trade_detail", {"kind": "退款", "item": "面", **OUT, **GONE}, ("reduction", "refund_to_customer")),
        ("alipay_fund_detail", {"kind": "交易付款"}, ("sure", "bill_receipt")),
        ("alipay_fund_detail", {"kind": "在线支付"}, ("sure", "bill_receipt")),
        ("alipay_fund_detail", {"kind": "在线支付", **OUT}, ("excluded", "not_income")),
        ("alipay_fund_detail", {"kind": "其它", "item": "收钱码收款"}, ("excluded", "bill_own_money")),
        ("alipay_fund_detail", {"kind": "充值"}, ("excluded", "bill_own_money")),
        ("alipay_fund_detail", {"kind": "提现", **OUT}, ("excluded", "not_income")),
        ("alipay_fund_detail", {"kind": "转账"}, ("excluded", "bill_own_money")),
        ("alipay_fund_detail", {"kind": "交易退款", **OUT, **GONE}, ("reduction", "refund_to_customer")),
        ("alipay_fund_detail", {"kind": "交易退款", **GONE}, ("excluded", "refund_received")),
        ("alipay_fund_detail", {"kind": "收费", **OUT}, ("reduction", "bill_fee")),
        ("alipay_fund_detail", {"kind": "服务费", **OUT}, ("reduction", "bill_fee")),
        ("alipay_fund_detail", {"kind": "收费"}, ("sure", "fee_given_back")),
        ("alipay_fund_detail", {"kind": "交易分账"}, ("possible", "bill_share")),
        ("alipay_fund_detail", {"kind": "明年的新业务"}, ("possible", "other_receipt")),
        ("alipay_app_v2", {"kind": "收费", **OUT}, ("excluded", "not_income")),
        ("wechat_trade_bill", {"kind": "JSAPI", "status": "SUCCESS"}, ("sure", "bill_sale")),
        ("wechat_trade_bill", {"kind": "JSAPI", "status": "REFUND SUCCESS", **OUT}, ("reduction", "bill_refund")),
        (
            "wechat_trade_bill",
            {"status": "REFUND PROCESSING", "status_class": "pending", **OUT},
            ("reduction", "bill_refund"),
        ),
        ("wechat_trade_bill", {"status": "REFUND FAIL", **CLOSED, **OUT}, ("excluded", "not_moved")),
        ("wechat_trade_bill", {"kind": "MICROPAY", "status": "REVOKED", **OUT}, ("reduction", "bill_revoked")),
        ("wechat_csv", {"kind": "JSAPI", "status": "SUCCESS"}, ("possible", "other_receipt")),
        ("wechat_fund_bill", {"kind": "交易", "item": "交易"}, ("sure", "bill_receipt")),
        ("wechat_fund_bill", {"kind": "退款", "item": "退款", **OUT, **GONE}, ("reduction", "bill_fund_refund")),
        ("wechat_fund_bill", {"kind": "扣除交易手续费", "item": "交易", **OUT}, ("reduction", "bill_fee")),
        ("wechat_fund_bill", {"kind": "退还交易手续费", "item": "退款"}, ("sure", "fee_given_back")),
        ("wechat_fund_bill", {"kind": "退款关闭", "item": "退款"}, ("sure", "refund_came_back")),
        ("wechat_fund_bill", {"kind": "充值", "item": "充值/提现"}, ("excluded", "bill_own_money")),
        ("wechat_fund_bill", {"kind": "分账", "item": "别的"}, ("excluded", "bill_own_money_by_kind")),
        ("wechat_fund_bill", {"kind": "明年的新业务"}, ("possible", "other_receipt")),
    ],
)
def test_a_merchants_bill_and_an_older_export_have_rules_of_their_own(file_format, changes, answer):
    channel = file_format.partition("_")[0]
    assert Classifier(SHIPPED[channel], OWNER, file_format).classify(_row(**changes)) == answer


@pytest.mark.parametrize("channel", SHIPPED)
def test_every_shipped_rule_has_a_sentence_in_both_languages(channel):
    rules = SHIPPED[channel]
    assert rules.channel == channel
    for rule in rules.rules:
        assert rules.why(rule.code, "zh") == rule.why_zh != rules.why(rule.code, "en") == rule.why_en
    assert rules.why("gone", "zh") == "gone"


TEXTS = [
    "",
    "收钱码收款",
    "退款",
    "退款-x",
    "收钱服务费",
    "商品",
    "红包",
    "花呗",
    "转账",
    "工资",
    "-退款",
    "二维码收款",
]
ROWS = st.builds(
    _row,
    amount_fen=st.integers(0, 10**9),
    direction=st.sampled_from(["in", "out", "neutral"]),
    money_moved=st.sampled_from([0, 1]),
    counterparty=st.sampled_from(["", "**智", "王小面", "某公司"]),
    counterparty_account=st.sampled_from(["", "shop@example.com"]),
    kind=st.sampled_from(TEXTS),
    item=st.sampled_from(TEXTS),
    status=st.sampled_from(["", "放款成功"]),
    status_class=st.sampled_from(["settled", "pending", "refunded", "part_refunded", "closed", "failed"]),
    occurred_at=st.dates(date(2026, 1, 1), date(2026, 1, 9)).map(lambda day: f"{day.isoformat()}T10:00:00+08:00"),
)


@pytest.mark.parametrize("channel", SHIPPED)
@given(rows=st.lists(ROWS, max_size=30))
def test_every_row_has_one_class_and_the_sums_add_up(channel, rows):
    classifier = Classifier(SHIPPED[channel], OWNER)
    classified = [(row, classifier.classify(row)[0]) for row in rows]
    assert {revenue_class for _, revenue_class in classified} <= set(CLASSES)
    for row, revenue_class in classified:
        if revenue_class != "excluded":
            assert row.money_moved
            assert row.direction == ("out" if revenue_class == "reduction" else "in")
    total = sums(by_day(classified))
    came_in_fen = sum(row.amount_fen for row in rows if row.direction == "in")
    reduced_fen = sum(row.amount_fen for row, revenue_class in classified if revenue_class == "reduction")
    assert total.sure_fen + total.possible_fen + total.excluded_fen == came_in_fen
    assert total.reduction_fen == reduced_fen


@pytest.mark.parametrize("channel", SHIPPED)
@given(rows=st.lists(ROWS, min_size=2, max_size=30), order=st.randoms(use_true_random=False))
def test_what_is_remembered_changes_no_answer(channel, rows, order):
    classifier = Classifier(SHIPPED[channel], OWNER)
    remembered = {id(row): classifier.classify(row) for row in rows}
    order.shuffle(rows)
    for row in rows:
        assert classifier.classify(row) == remembered[id(row)]
        assert Classifier(SHIPPED[channel], OWNER).classify(row) == remembered[id(row)]


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr("loancli.revenue.rules._REMEMBERED_MAX", 3)
    classifier = Classifier(SHIPPED["alipay"], OWNER)
    rows = [_row(item=f"收钱码收款{number}", counterparty=f"客{number}") for number in range(20)]
    assert {classifier.classify(row) for row in rows} == {("sure", "qr_receipt")}
    remembered = [classifier._known, *(field.known for field in (*classifier._words, *classifier._rare))]
    assert max(map(len, remembered)) <= 3


def test_days_add_up_to_windows_with_both_ends():
    rows = [
        (_row(occurred_at="2026-01-05T00:00:00+08:00", amount_fen=1000), "sure"),
        (_row(occurred_at="2026-01-05T23:59:59+08:00", amount_fen=200), "possible"),
        (_row(occurred_at="2026-01-06T10:00:00+08:00", amount_fen=30, direction="out"), "reduction"),
        (_row(occurred_at="2026-01-07T10:00:00+08:00", amount_fen=4), "excluded"),
        (_row(occurred_at="2026-01-08T10:00:00+08:00", amount_fen=9, direction="out"), "excluded"),
    ]
    days = by_day(reversed(rows))
    assert list(days.items()) == [
        (date(2026, 1, 5), Sums(sure_fen=1000, possible_fen=200)),
        (date(2026, 1, 6), Sums(reduction_fen=30)),
        (date(2026, 1, 7), Sums(excluded_fen=4)),
    ]
    assert sums(days, date(2026, 1, 5), date(2026, 1, 6)) == Sums(sure_fen=1000, possible_fen=200, reduction_fen=30)
    assert sums(days, date(2026, 1, 8)) == Sums()


def test_net_revenue_is_what_a_plan_counts_less_reductions():
    total = Sums(sure_fen=1000, possible_fen=200, excluded_fen=7, reduction_fen=30)
    assert total.net_fen() == total.net_fen(("sure",)) == 970
    assert total.net_fen(("sure", "possible")) == 1170
    assert Sums(reduction_fen=5).net_fen(("sure",)) == -5
    with pytest.raises(AssertionError):
        total.net_fen(("excluded",))


def test_fees_take_from_revenue_and_are_rounded_once():
    rows = [
        (_row(amount_fen=10_000, fee_milli_fen=60_400), "sure"),
        (_row(amount_fen=10_000, fee_milli_fen=60_400), "sure"),
        (_row(amount_fen=5_000, fee_milli_fen=-30_200, direction="out"), "reduction"),
        (_row(amount_fen=70, fee_milli_fen=70_000, direction="out"), "reduction"),  # the fee itself
        (_row(amount_fen=50, fee_milli_fen=-50_000), "sure"),  # a fee given back
        (_row(amount_fen=900, fee_milli_fen=5_400), "possible"),
        (_row(amount_fen=900, fee_milli_fen=5_400), "excluded"),
    ]
    total = sums(by_day(rows))
    assert (total.sure_fee_milli_fen, total.possible_fee_milli_fen, total.reduction_fee_milli_fen) == (
        120_800, 5_400, -30_200
    )  # fmt: skip
    assert total.fee_fen() == 91  # 90.6
    assert total.net_fen() == 20_050 - 5_070 - 91
    assert total.net_fen(("sure", "possible")) == 20_950 - 5_070 - 96
    assert Sums(sure_fee_milli_fen=500).fee_fen() == 1
    assert Sums(reduction_fee_milli_fen=-500).fee_fen() == 0


@given(rows=st.lists(ROWS, max_size=30), cut=st.integers(0, 9))
def test_windows_that_follow_each_other_share_out_all_revenue(rows, cut):
    classifier = Classifier(SHIPPED["alipay"], OWNER)
    days = by_day([(row, classifier.classify(row)[0]) for row in rows])
    last = date(2026, 1, 1) + timedelta(days=cut)
    assert sums(days, to_on=last) + sums(days, from_on=last + timedelta(days=1)) == sums(days)


LAST = """
[[rule]]
code = "rest"
class = "possible"
why_zh = "z"
why_en = "e"
"""


def _file(body="", channel='channel = "alipay"', last=LAST):
    return f"{channel}\n{body}\n{last}"


def _rule(when="", code='code = "one"', kind='class = "sure"', why='why_zh = "z"\nwhy_en = "e"'):
    return f"[[rule]]\n{code}\n{kind}\n{why}\n[rule.when]\n{when}\n"


def test_what_the_class_asks_holds_whatever_a_file_says():
    for kind, direction in (("sure", "in"), ("possible", "in"), ("reduction", "out")):
        rules = read_rules(_file(_rule(kind=f'class = "{kind}"')), "x.toml")
        classify = Classifier(rules, OWNER).classify
        assert classify(_row(direction=direction)) == (kind, "one")
        for other in {"in", "out", "neutral"} - {direction}:
            assert classify(_row(direction=other))[1] != "one"
        assert classify(_row(direction=direction, money_moved=0)) == ("excluded", "not_income")


@pytest.mark.parametrize(
    ("when", "held", "missed"),
    [
        ('direction = "in"', {}, {"direction": "neutral"}),
        ('status_class = ["settled", "pending"]', {"status_class": "pending"}, {"status_class": "failed"}),
        ('status = "好"', {"status": "好"}, {"status": "好的"}),
        ('kind = ["a", "b"]', {"kind": "b"}, {"kind": "ab"}),
        ('kind_prefix = ["a", "b"]', {"kind": "bx"}, {"kind": "xb"}),
        ('kind_suffix = "b"', {"kind": "xb"}, {"kind": "bx"}),
        ('kind_contains = "b"', {"kind": "xbx"}, {"kind": "x"}),
        ('item = "a"', {"item": "a"}, {"item": "ab"}),
        ('item_prefix = "a"', {"item": "ab"}, {"item": "ba"}),
        ('item_contains = ["q", "a"]', {"item": "bab"}, {"item": "b"}),
        ('item_suffix = "a"', {"item": "ba"}, {"item": "ab"}),
        ('counterparty = "张三"', {"counterparty": "张三"}, {"counterparty": "张三丰"}),
        ('amount_min = "12.50"', {}, {"amount_fen": 1249}),
        ('amount_max = "12.50"', {}, {"amount_fen": 1251}),
        ('amount_in = ["5.20", "12.5"]', {}, {"amount_fen": 1251}),
        ('amount_in = "5.20"', {"amount_fen": 520}, {"amount_fen": 52}),
        ('amount_multiple_of = "100"', {"amount_fen": 70_000}, {"amount_fen": 70_050}),
        ('counterparty_contains = "公司"', {"counterparty": "某公司"}, {"counterparty": "某"}),
        ('method_contains = "余额"', {"method": "余额宝"}, {"method": "花呗"}),
        ('note_contains = "a"', {"note": "bab"}, {"note": ""}),
        ("counterparty_is_owner = true", {"counterparty": "王小面"}, {"counterparty": "王小"}),
        ("counterparty_is_owner = true", {"counterparty_account": "shop@example.com"}, {"counterparty_account": ""}),
        ("counterparty_is_owner = false", {"counterparty": "王小"}, {"counterparty": "王小面"}),
        ("counterparty_is_masked = true", {"counterparty": "*三"}, {"counterparty": "十月**店"}),
        ("counterparty_is_masked = false", {"counterparty": "张三"}, {"counterparty": "**智"}),
        ("money_moved = true", {}, {"money_moved": 0}),
        ('kind = "a"\nkind_prefix = "a"\nitem = "b"', {"kind": "a", "item": "b"}, {"kind": "a", "item": "c"}),
    ],
)
def test_each_condition_holds_where_it_should_and_nowhere_else(when, held, missed):
    classify = Classifier(read_rules(_file(_rule(when, kind='class = "excluded"')), "x.toml"), OWNER).classify
    assert classify(_row(**held)) == ("excluded", "one")
    assert classify(_row(**missed))[1] != "one"


def test_an_absent_counterparty_is_nobody():
    rules = read_rules(_file(_rule("counterparty_is_owner = true", kind='class = "excluded"')), "x.toml")
    assert Classifier(rules, Owner(names=frozenset({""}))).classify(_row(counterparty="")) == ("possible", "rest")


def test_money_that_did_not_move_can_be_asked_for():
    rules = read_rules(_file(_rule("money_moved = false", kind='class = "excluded"')), "x.toml")
    assert Classifier(rules, OWNER).classify(_row(money_moved=0)) == ("excluded", "one")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("channel =", "x.toml: not TOML: "),
        ("x = " + "[" * 5000, "x.toml: not TOML: "),
        (_file(channel=""), "x.toml:channel: must be one of alipay, wechat"),
        (_file(channel="channel = []"), "x.toml:channel: must be one of"),
        (_file(channel='channel = "alipay"\nrules = 1'), "x.toml:rules: is not known, did you mean rule?"),
        ('channel = "alipay"', "x.toml:rule: must be a list of [[rule]] tables"),
        ('channel = "alipay"\nrule = [1]', "x.toml:rule: must be a list of [[rule]] tables"),
        (
            _file(_rule('item_contain = "a"')),
            "x.toml:rule 1: when.item_contain: is not known, did you mean item_contains",
        ),
        (_file(_rule(why="why_en = 'e'")), "x.toml:rule 1: why_zh: must be a sentence"),
        (_file(_rule(code="")), "x.toml:rule 1: code: must be a short name"),
        (_file(_rule(code='code = "One"')), "x.toml:rule 1: code: must be a short name"),
        (_file(_rule(code='code = "rest"')), "x.toml:rule 2: code: 'rest' is already rule 1"),
        (
            _file(_rule(kind='class = "yes"')),
            "x.toml:rule 1: class: must be one of sure, possible, excluded, reduction",
        ),
        (_file(_rule(kind='class = "sure"\nweight = 1')), "x.toml:rule 1: weight: is not known"),
        (
            _file(_rule('direction = "inn"', kind='class = "excluded"')),
            "when.direction: 'inn' is not known, did you mean in",
        ),
        (_file(_rule('status_class = ["done"]')), "x.toml:rule 1: when.status_class: 'done' is not known"),
        (
            _file(_rule('format = "alipay_app_v3"')),
            "when.format: 'alipay_app_v3' is not known, did you mean alipay_app_v2",
        ),
        (_file(_rule("amount_min = 5")), "when.amount_min: must be an amount of yuan above zero as a text"),
        (_file(_rule('amount_min = ["5", "6"]')), "when.amount_min: must be an amount of yuan above zero as a text"),
        (_file(_rule('amount_min = "five"')), "when.amount_min: 'five' is not an amount"),
        (_file(_rule('amount_in = ["5.20", "0"]')), "when.amount_in: must be an amount of yuan above zero as a text"),
        (_file(_rule("amount_in = []")), "when.amount_in: must be an amount of yuan above zero as a text"),
        (_file(_rule('amount_multiple_of = "0.00"')), "when.amount_multiple_of: must be an amount of yuan above zero"),
        (_file(_rule("kind = 1")), "x.toml:rule 1: when.kind: must be a text or a list of texts"),
        (_file(_rule("kind = true")), "x.toml:rule 1: when.kind: must be a text or a list of texts"),
        (_file(_rule("kind = []")), "x.toml:rule 1: when.kind: must be a text or a list of texts"),
        (_file(_rule('kind = [""]')), "x.toml:rule 1: when.kind: must be a text or a list of texts"),
        (_file(_rule('counterparty_is_owner = "yes"')), "when.counterparty_is_owner: must be true or false"),
        (_file(_rule('direction = "out"')), "x.toml:rule 1: when.direction: class sure is for direction in"),
        (_file(_rule("money_moved = false")), "x.toml:rule 1: when.money_moved: money that did not move is always"),
        (_file("[[rule]]\nwhen = 1"), "x.toml:rule 1: when: must be a table of conditions"),
        (_file(last=_rule('item = "a"')), "x.toml:rule 1: the last rule takes what no other knows"),
        (_file(last=_rule()), "x.toml:rule 1: the last rule takes what no other knows"),
    ],
)
def test_a_wrong_file_is_refused_with_rule_and_key(text, told):
    with pytest.raises(InputError) as refused:
        read_rules(text, "x.toml")
    assert told in str(refused.value)


def test_all_problems_of_a_file_are_told_at_once():
    with pytest.raises(InputError) as refused:
        read_rules(_file(_rule("kind = 1\nitem = 2", code="")), "x.toml")
    assert len(str(refused.value).splitlines()) == 3
