"""Alipay statement from the web site (FORMATS §2.1): header in line 5, what it states around the table.

It has no payment method, so 花呗, card and balance cannot be told apart; and 资金状态 says whether money moved.
"""

from collections.abc import Iterator

from loancli.core.errors import Problem
from loancli.core.statement import Declared, StatementRow
from loancli.imports import alipay_words
from loancli.imports.rows import CellError, Cells, read_bill, unknown_status, unknown_word
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures, declared_by_person

NAME = "alipay_web"
CHANNEL = "alipay"
ENDS = ("------",)
OPTIONAL = frozenset({"fee", "refunded", "note"})
COLUMNS = {
    "external_id": "交易号",
    "merchant_order_id": "商家订单号",
    "created": "交易创建时间",
    "paid": "付款时间",
    "kind": "类型",
    "counterparty": "交易对方",
    "item": "商品名称",
    "amount": "金额(元)",
    "direction": "收/支",
    "status": "交易状态",
    "fee": "服务费(元)",
    "refunded": "成功退款(元)",
    "note": "备注",
    "funds": "资金状态",
}
_SIGNATURE = frozenset({"交易号", "商家订单号", "交易创建时间", "金额(元)", "收/支", "资金状态"})
_DIRECTIONS = {"收入": "in", "支出": "out", "": "neutral", "不计收支": "neutral", "其他": "neutral"}
_FUNDS = {"已支出": 1, "已收入": 1, "资金转移": 1, "": 0}


def recognises(cells: list[str]) -> bool:
    """Is this the header?"""
    return _SIGNATURE.issubset(cells)


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""

    def row_of(cells: Cells, line: int) -> StatementRow:
        occurred_at = cells.moment("paid", "created")
        amount_fen = cells.fen("amount")
        direction = _DIRECTIONS.get(cells["direction"])
        if direction is None:
            raise CellError("direction", unknown_word(cells["direction"], _DIRECTIONS))
        if amount_fen < 0:
            raise CellError("amount", f"'{cells['amount']}' is below zero; the direction says where money went")
        external_id = cells.number("external_id", counted)
        status = cells["status"]
        found = alipay_words.OUTCOMES.get((status, direction)) or unknown_status(status, counted)
        status_class = found[0]
        moved = _FUNDS.get(cells["funds"])
        if moved is None:  # a word of its own, such as of frozen money: kept, counted, and told
            moved = unknown_status(cells["funds"], counted)[1]
        if status_class == "settled" and 0 < cells.fen("refunded") < amount_fen:
            status_class = "part_refunded"
        return StatementRow(
            line=line,
            occurred_at=occurred_at,
            amount_fen=amount_fen,
            direction=direction,
            money_moved=moved if amount_fen else 0,
            external_id=external_id,
            merchant_order_id=cells.order_id(),
            counterparty=cells["counterparty"],
            counterparty_account="",
            kind=cells["kind"],
            item=cells["item"],
            method="",
            status=status,
            status_class=status_class,
            note=cells["note"],
            refund_of=alipay_words.refund_of(external_id, "", {}) if status_class == "refunded" else "",
            fee_milli_fen=abs(cells.milli_fen("fee")),
        )

    return read_bill(source, layout, counted, row_of)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """What the lines around the table say."""
    words = {"已收入": "in", "已支出": "out"}
    return declared_by_person(CHANNEL, "账号", lines, words), None
