"""A statement row among the others of its owner, and what follows for it from them (the same money twice, a loop)."""

from typing import NamedTuple


class Seen(NamedTuple):
    """A row as it stands in the ledger: with its latest status, and the class that its own rule gives it."""

    txn_id: int
    key: str
    format: str  # of the file that brought it
    place: str  # file:line
    occurred_at: str
    amount_fen: int
    direction: str
    money_moved: int
    external_id: str
    trade_id: str
    kind: str
    refund_of: str
    fee_milli_fen: int
    status_class: str
    revenue_class: str | None  # None: the lender's row

    @property
    def movement(self) -> str:
        """The number under which every export of the platform shows this movement; '' where it is lost."""
        return (self.trade_id or self.external_id).partition("_")[0]


class Ruling(NamedTuple):
    """What a row counts as because of other rows. Without a class the row's own rule stands."""

    rule: str
    revenue_class: str | None
    other_txn_id: int | None  # the row that makes it so
