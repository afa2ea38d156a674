"""WeChat Pay personal statement (FORMATS §4.1, §4.2): CSV until mid 2025, a workbook since; no trailer.

The header stands in line 17 or 18; amounts are texts with ¥, and numbers in workbooks since March 2026.
"""

import re
from collections.abc import Iterator, Mapping

from loancli.core.errors import InputError, Problem
from loancli.core.money import fen_of
from loancli.core.statement import Declared, StatementRow
from loancli.imports.rows import Outcome, Words, read_rows
from loancli.imports.source import Layout, Source
from loancli.imports.totals import Counted, Figures, declared_by_person

NAME = "wechat_csv"  # in a workbook wechat_xlsx
CHANNEL = "wechat"
ENDS = ()
OPTIONAL = frozenset({"account", "method", "note"})
COLUMNS = {
    "time": "交易时间",
    "direction": "收/支",
    "amount": "金额(元)",
    "external_id": "交易单号",
    "merchant_order_id": "商户单号",
    "counterparty": "交易对方",
    "kind": "交易类型",
    "item": "商品",
    "method": "支付方式",
    "status": "当前状态",
    "note": "备注",
}
_SIGNATURE = frozenset({"交易时间", "交易类型", "收/支", "金额(元)", "当前状态", "交易单号", "商户单号"})
_WAYS = ("in", "out", "neutral")
_PAID_BACK = ("已全额退款", "对方已退还")
_FEE = re.compile(r"服务费\s*[¥￥]?(\d{1,6}\.\d{2})", re.ASCII)
_LINKS_MAX = 50_000  # no statement has so many returned transfers; beyond it refunds stay unlinked


def _whatever_way(status_class: str, moved: int, *statuses: str) -> dict[tuple[str, str], Outcome]:
    return {(status, way): (status_class, moved) for status in statuses for way in _WAYS}


def _outcome(status: str) -> Outcome | None:
    """'已退款(￥39.93)' stands on the payment, '已退款￥39.93' on the row that brings the money back."""
    if status.startswith(("已退款(", "已退款（")):
        return "part_refunded", 1
    if status.startswith("已退款"):
        return "refunded", 1
    return None


def _refund_of(external_id: str, kind: str, links: Mapping[str, str]) -> str:
    """A returned transfer or red packet has the payment's 商户单号 as its 交易单号. A shop's refund proves nothing."""
    return links.get(external_id, "") if _is_return(kind) else ""


def _is_return(kind: str) -> bool:
    return kind.startswith(("转账", "微信红包")) and kind.endswith("-退款")


_WORDS = Words(
    directions={"收入": "in", "支出": "out", "/": "neutral"},
    outcomes={
        **_whatever_way(
            "settled", 1, "支付成功", "已转账", "对方已收钱", "朋友已收钱", "已收钱", "已存入零钱", "已到账"
        ),
        **_whatever_way("settled", 1, "充值完成", "充值成功", "提现已到账"),
        **_whatever_way("refunded", 1, *_PAID_BACK),
        **_whatever_way("closed", 0, "交易关闭"),
        **_whatever_way("failed", 0, "提现失败，已退回零钱", "提现失败,已退回零钱"),
    },
    outcome=_outcome,
    refund_of=_refund_of,
    fee_milli_fen=lambda _item, note, _amount_fen: _fee_milli_fen(note),
)


def recognises(cells: list[str]) -> bool:
    """Is this the header?"""
    return _SIGNATURE.issubset(cells)


def parse(source: Source, layout: Layout, counted: Counted, _shops: frozenset[str]) -> Iterator[StatementRow | Problem]:
    """All rows that can be read, and a problem for each that cannot."""

    def repaired(cells: list[str]) -> list[str] | None:
        return _with_whole_counterparty(cells, layout)

    yield from read_rows(source, layout, _WORDS, counted, links=_links(source, layout), repaired=repaired)


def stated(lines: list[str], _counted: Counted) -> tuple[Declared, Figures | None]:
    """What the lines above the table say."""
    words = {"收入": "in", "支出": "out", "中性交易": "neutral"}
    return declared_by_person(CHANNEL, "微信昵称", lines, words), None


def _links(source: Source, layout: Layout) -> dict[str, str]:
    """商户单号 → 交易单号 of the payments that came back; they may stand above or below the row that returns them."""
    links: dict[str, str] = {}
    at = layout.positions
    for cells in source.records_with(layout, *_PAID_BACK):
        if len(cells) > max(at.values()) and cells[at["direction"]].strip() == "支出":
            order_id = cells[at["merchant_order_id"]].strip()
            if len(order_id) > 1 and len(links) < _LINKS_MAX:
                links[order_id] = cells[at["external_id"]].strip()
    return links


def _with_whole_counterparty(cells: list[str], layout: Layout) -> list[str] | None:
    """WeChat does not quote 交易对方: 'WALMART HONG KONG CO.,LIMITED' makes a cell too many (FORMATS §1.4).

    The cell 收入, 支出 or / that an amount follows shows how many belong to 交易对方. None: not so, or not one answer.
    """
    at = layout.positions
    party, way = at["counterparty"], at["direction"]
    if not party < way or at["amount"] != way + 1:
        return None
    mended: list[str] | None = None
    for found in range(way + 1, len(cells) - 1):
        surplus = found - way
        fits = layout.width_min <= len(cells) - surplus <= len(layout.columns)
        if fits and cells[found].strip() in _WORDS.directions and _is_amount(cells[found + 1]):
            if mended is not None:
                return None
            mended = [*cells[:party], ",".join(cells[party : party + surplus + 1]), *cells[party + surplus + 1 :]]
    return mended


def _fee_milli_fen(note: str) -> int:
    """A withdrawal's amount includes the fee, which the note tells: '服务费¥0.10'."""
    match = _FEE.match(note)
    return 1_000 * fen_of(match[1]) if match else 0


def _is_amount(cell: str) -> bool:
    try:
        fen_of(cell)
    except InputError:
        return False
    return True
