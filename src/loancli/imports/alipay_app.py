"""Alipay app statement, the CSV since February 2023 (FORMATS §2.3): header on line 24 or 25, no trailer."""

from collections.abc import Iterator, Mapping

from loancli.core.errors import Problem
from loancli.core.statement import StatementRow
from loancli.imports.rows import Counted, Outcome, Words, read_rows
from loancli.imports.text import Layout, Source

NAME = "alipay_app_v2"
_SIGNATURE = frozenset({"交易时间", "交易分类", "收/付款方式", "交易订单号", "商家订单号"})
_WAYS = ("in", "out", "neutral")


def _whatever_way(status_class: str, moved: int, *statuses: str) -> dict[tuple[str, str], Outcome]:
    return {(status, way): (status_class, moved) for status in statuses for way in _WAYS}


def _refund_of(external_id: str, _kind: str, _links: Mapping[str, str]) -> str:
    """A refund's id is '<the payment's id>_<suffix>'."""
    payment_id, found, _ = external_id.partition("_")
    return payment_id if found else ""


WORDS = Words(
    channel="alipay",
    columns={
        "time": "交易时间",
        "direction": "收/支",
        "amount": "金额",
        "external_id": "交易订单号",
        "merchant_order_id": "商家订单号",
        "counterparty": "交易对方",
        "account": "对方账号",
        "kind": "交易分类",
        "item": "商品说明",
        "method": "收/付款方式",
        "status": "交易状态",
        "note": "备注",
    },
    directions={"收入": "in", "支出": "out", "不计收支": "neutral"},
    outcomes={
        **_whatever_way("settled", 1, "交易成功", "支付成功", "还款成功", "放款成功", "代付成功"),
        **_whatever_way("settled", 1, "亲情卡付款成功", "退税成功"),
        # Paid, but not final: the buyer may still refuse the goods.
        **_whatever_way("pending", 1, "等待确认收货", "等待对方发货", "缴费中"),
        **_whatever_way("refunded", 1, "退款成功"),
        **_whatever_way("closed", 0, "交易关闭", "已关闭"),
        ("交易关闭", "out"): ("closed", 1),  # went out and came back: a 退款成功 row tells the return
        **_whatever_way("pending", 0, "等待付款"),
        **_whatever_way("failed", 0, "还款失败"),
        # Events of credit and deposits, no payments.
        **_whatever_way("settled", 0, "解冻成功", "冻结成功", "信用服务使用成功", "芝麻免押下单成功"),
    },
    outcome=lambda _status: None,
    refund_of=_refund_of,
    account="支付宝账户",
    neutral="不计收支",
)


def recognises(cells: list[str]) -> bool:
    """Is this the header? The statement of 2021 has the same names, but begins with 收/支 and ends with 交易时间."""
    named = [cell for cell in cells if cell]
    return _SIGNATURE.issubset(named) and not (named[0] == "收/支" and named[-1] == "交易时间")


def parse(source: Source, layout: Layout, counted: Counted) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""
    return read_rows(source, layout, WORDS, counted, links={}, repaired=lambda _cells: None)
