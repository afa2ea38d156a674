"""What a payment export says, one row per transaction, and what the file says about itself.

`StatementRow` is a NamedTuple, not a dataclass: files have hundreds of thousands of rows, and SQLite takes tuples.
"""

from dataclasses import dataclass
from typing import NamedTuple


class StatementRow(NamedTuple):
    """One transaction of an export. Texts are trimmed; '' means absent. Times are Beijing wall time, +08:00."""

    line: int  # physical line of the file, as a person counts
    occurred_at: str  # '2026-10-03T08:30:00+08:00'
    amount_fen: int  # never negative; the direction says where it went
    direction: str  # in | out | neutral
    money_moved: int  # 0: closed, failed or 0.00
    external_id: str  # the platform's transaction id; '' where lost or absent
    merchant_order_id: str
    counterparty: str
    counterparty_account: str
    kind: str  # the platform's word: Alipay 交易分类, WeChat 交易类型
    item: str  # Alipay 商品说明, WeChat 商品
    method: str  # 收/付款方式, 支付方式
    status: str  # the platform's word
    status_class: str  # settled | pending | refunded | part_refunded | closed | failed
    note: str  # 备注
    refund_of: str  # number of the payment that this row pays back, where the file proves it
    trade_id: str = ""  # the platform's number of this movement in its other exports, where external_id is another
    fee_milli_fen: int = 0  # what the platform kept of this row, in 1/1000 fen; below zero: given back

    @property
    def movement(self) -> str:
        """The number under which every export of the platform shows this movement: '2026…_5' is one of '2026…'."""
        return (self.trade_id or self.external_id).partition("_")[0]

    @property
    def occurred_on(self) -> str:
        return self.occurred_at[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the file states about itself in its preamble or trailer; None where it says nothing (or is redacted)."""

    channel: str  # alipay | wechat
    account_label: str  # the account or nickname as written; never stored in clear
    from_on: str | None  # ISO days
    to_on: str | None
    filtered: bool  # the user exported only some transaction types
    row_count: int | None
    totals: dict[str, tuple[int, int]]  # in | out | neutral → (count, amount_fen)
