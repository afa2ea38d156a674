"""What Alipay's personal statements say alike: the app's columns, status words, refunds, fees (FORMATS §2)."""

import re
from collections.abc import Mapping

from loancli.imports.rows import Outcome

APP_COLUMNS = {
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
}
_WAYS = ("in", "out", "neutral")
_FEE = re.compile(r"(?:花呗|收钱码|信用卡|经营码|收款).*服务费")


def _whatever_way(status_class: str, moved: int, *statuses: str) -> dict[tuple[str, str], Outcome]:
    return {(status, way): (status_class, moved) for status in statuses for way in _WAYS}


OUTCOMES: Mapping[tuple[str, str], Outcome] = {
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
}


def refund_of(external_id: str, _kind: str, _links: Mapping[str, str]) -> str:
    """A refund's id is '<the payment's id>_<suffix>'."""
    payment_id, found, _ = external_id.partition("_")
    return payment_id if found else ""


def fee_milli_fen(item: str, _note: str, amount_fen: int) -> int:
    """A row that is nothing but the platform's fee for receipts: '花呗收钱服务费[…]'."""
    return 1_000 * amount_fen if _FEE.match(item) else 0
