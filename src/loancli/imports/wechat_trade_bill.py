"""WeChat Pay merchant trade bill ALL, SUCCESS or REFUND, and the layout before coupons (FORMATS §5.1).

No lines above the header; every value has a back-tick before it; two lines below the table sum it up. The same sale has
the same number in ALL and SUCCESS, the same refund in ALL and REFUND.
"""

from collections.abc import Iterator
from itertools import pairwise

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports.rows import CellError, Cells, read_bill, unknown_status, unknown_word
from loancli.imports.source import Columns, Layout, Source, column_name
from loancli.imports.text import split_line
from loancli.imports.totals import Counted, Figures, milli_fen_of

NAME = "wechat_trade_bill"
CHANNEL = "wechat"
ENDS = ("总交易单数",)
COLUMNS: Columns = {
    "time": "交易时间",
    "refunded_at": "退款申请时间",  # only in REFUND, where 交易时间 is the payment's
    "merchant": "商户号",
    "shop": ("特约商户号", "子商户号"),
    "trade_id": "微信订单号",
    "merchant_order_id": "商户订单号",
    "counterparty": "用户标识",
    "kind": "交易类型",
    "status": "交易状态",
    "method": "付款银行",
    "currency": "货币种类",
    "received": ("应结订单金额", "总金额"),
    "refund_id": "微信退款单号",
    "refund_order_id": "商户退款单号",
    "refund": "退款金额",
    "refund_coupon": ("充值券退款金额", "企业红包退款金额", "代金券或立减优惠退款金额"),
    "refund_status": "退款状态",
    "item": "商品名称",
    "note": "商户数据包",
    "fee": "手续费",
    "order": "订单金额",
    "refund_applied": "申请退款金额",
}
_ALWAYS = {"time", "merchant", "trade_id", "merchant_order_id", "kind", "status", "currency", "received", "fee"}
OPTIONAL = frozenset(COLUMNS) - _ALWAYS
_SIGNATURE = frozenset({"公众账号ID", "商户号", "微信订单号", "交易状态"})
# A column that the summary adds up → what it calls the sum, now and before.
_SUMS = {
    "received": ("应结订单总金额", "总交易额"),
    "refund": ("退款总金额", "总退款金额"),
    "refund_coupon": ("充值券退款总金额", "总代金券或立减优惠退款金额", "总企业红包退款金额"),
    "fee": ("手续费总金额",),
    "order": ("订单总金额",),
    "refund_applied": ("申请退款总金额",),
}
_ROWS = "总交易单数"
_STATUSES = ("SUCCESS", "REFUND", "REVOKED")
# 退款状态 → (status_class, money_moved). The bill is never brought up to date, so PROCESSING stays what it was.
_REFUNDS = {"SUCCESS": ("refunded", 1), "PROCESSING": ("pending", 1), "CHANGE": ("pending", 1), "FAIL": ("failed", 0)}


def recognises(cells: list[str]) -> bool:
    """Is this the header?"""
    return _SIGNATURE.issubset(cells)


def parse(source: Source, layout: Layout, counted: Counted, shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot; of a service provider's bill those of `shops`."""
    sums = [(column, names[0]) for column, names in _SUMS.items() if column in layout.positions]

    def row_of(cells: Cells, line: int) -> StatementRow | None:
        occurred_at = cells.moment("refunded_at", "time")
        if cells["currency"] != "CNY":
            raise CellError("currency", f"'{cells['currency'][:20]}': only CNY is read")
        status = cells["status"]
        if status not in _STATUSES:
            raise CellError("status", unknown_word(status, _STATUSES))
        counted.add(_ROWS, 0)
        for column, label in sums:
            counted.add(label, cells.milli_fen(column))
        shop = cells["shop"].strip("0") or cells["merchant"]
        counted.accounts[shop] = counted.accounts.get(shop, 0) + 1
        if shops and shop not in shops:
            return None
        trade_id = cells.number("trade_id", counted)
        is_refund = status == "REFUND"
        if is_refund:
            word = cells["refund_status"]
            status_class, moved = _REFUNDS.get(word) or unknown_status(f"{status} {word}", counted)
            status = f"{status} {word}"
        else:
            status_class, moved = ("settled" if status == "SUCCESS" else "refunded"), 1
        amount_fen = cells.fen("refund" if is_refund else "received")
        if amount_fen < 0:
            raise CellError("received", "below zero; the status says which way money went")
        return StatementRow(
            line=line,
            occurred_at=occurred_at,
            amount_fen=amount_fen,
            direction="in" if status == "SUCCESS" else "out",
            money_moved=moved if amount_fen else 0,
            external_id=_external_id(cells, trade_id, counted),
            merchant_order_id=cells.order_id("refund_order_id" if is_refund else "merchant_order_id"),
            counterparty=cells["counterparty"],
            counterparty_account="",
            kind=cells["kind"],
            item=cells["item"],
            method=cells["method"],
            status=status,
            status_class=status_class,
            note=cells["note"],
            refund_of="" if status == "SUCCESS" else trade_id,
            fee_milli_fen=cells.milli_fen("fee"),
        )

    return read_bill(source, layout, counted, row_of)


def _external_id(cells: Cells, trade_id: str, counted: Counted) -> str:
    if cells["status"] == "REFUND":
        return cells.number("refund_id", counted)
    return f"{trade_id}_REVOKED" if trade_id and cells["status"] == "REVOKED" else trade_id


def stated(lines: list[str], counted: Counted) -> tuple[Declared, Figures | None]:
    """The summary below the table: a line of names and a line of values."""
    shops = list(counted.accounts)
    declared = Declared(
        channel=CHANNEL,
        account_label=shops[0] if len(shops) == 1 else "",
        from_on=None,
        to_on=None,
        filtered=False,
        row_count=None,
        totals={},
    )
    # A SUCCESS bill has no refund columns, whatever its summary says of refunds.
    labels = {name: names[0] for names in _SUMS.values() for name in names if names[0] in counted.figures}
    return declared, summary(lines, _ROWS, labels)


def summary(lines: list[str], rows: str, columns: dict[str, str]) -> Figures:
    """The figures of a line of names that starts with `rows` and of the line of values below it, under `columns`."""
    found: Figures = {}
    for above, below in pairwise(lines):
        if above.strip('"`\ufeff').startswith(rows):
            names = [column_name(cell) for cell in split_line(above, ",")]
            values = [milli_fen_of(cell) for cell in split_line(below, ",")]
            for name, value in zip(names, values, strict=False):
                if value is None:
                    continue
                if name == rows:
                    found[rows] = value // 100_000, 0  # a count, read as an amount of yuan
                elif name in columns:
                    found[columns[name]] = None, value
    return found
