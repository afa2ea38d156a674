"""The five classes of a lender's assets and the rules that set them; the figures are data (policies/ageing.toml)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Protocol, TypeVar


class AssetClass(Enum):
    """The five classes, the best first (CLS-01)."""

    NORMAL = "normal"  # 正常
    SPECIAL_MENTION = "special_mention"  # 关注
    SUBSTANDARD = "substandard"  # 次级; from here on non-performing
    DOUBTFUL = "doubtful"  # 可疑
    LOSS = "loss"  # 损失

    @property
    def rank(self) -> int:
        """0 for the best."""
        return _RANK[self]

    @property
    def is_non_performing(self) -> bool:
        """不良: the last three."""
        return self not in {AssetClass.NORMAL, AssetClass.SPECIAL_MENTION}


_RANK = {each: rank for rank, each in enumerate(AssetClass)}


def worse(one: AssetClass, other: AssetClass) -> AssetClass:
    """The worse of two classes."""
    return max(one, other, key=_RANK.__getitem__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """A rule for the classes of some lenders' loans: from how many days past due on each class is the least."""

    id: str
    lenders: tuple[str, ...]
    from_on: date
    special_mention_days: int
    substandard_days: int
    doubtful_days: int
    loss_days: int
    source: str
    sure: str

    @property
    def lines(self) -> tuple[int, ...]:
        """Where each class begins, the best class first."""
        return (0, self.special_mention_days, self.substandard_days, self.doubtful_days, self.loss_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restructuring:
    """CLS-04: terms eased for a debtor in difficulty. The loan is observed for so many periods and months, the longer,
    and is classed no better than `least` meanwhile; eased again before that is over, no better than `again_least`."""

    id: str
    lenders: tuple[str, ...]
    from_on: date
    periods_min: int
    months_min: int
    least: AssetClass
    again_least: AssetClass
    source: str
    sure: str
    again_sure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """CLS-08: a loan that was non-performing owes nothing that is due for so many periods and months before it is
    better; the longer of the two where `needs_both`, else the shorter."""

    id: str
    lenders: tuple[str, ...]
    from_on: date
    periods_min: int
    months_min: int
    needs_both: bool
    source: str
    sure: str
    both_sure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossDefault:
    """CLS-03: of a debtor of these kinds, with more than a share of all claims non-performing, all are. Debtors who owe
    no more than `retail_max_fen` in all are retail, and left out."""

    id: str
    lenders: tuple[str, ...]
    from_on: date
    borrower_kinds: tuple[str, ...]
    retail_max_fen: int
    above_ppm: int
    source: str
    sure: str
    retail_sure: str

    def drags(self, non_performing_fen: int, whole_fen: int) -> bool:
        """Are all claims on a debtor non-performing, so much of the whole being so by itself?"""
        return whole_fen > self.retail_max_fen and non_performing_fen * 1_000_000 > self.above_ppm * whole_fen


class _Rule(Protocol):
    @property
    def lenders(self) -> tuple[str, ...]: ...
    @property
    def from_on(self) -> date: ...


R = TypeVar("R", bound=_Rule)


def in_force(rules: Iterable[R], lender_kind: str, on: date) -> R | None:
    """Of the rules for a kind of lender the newest that holds on a day."""
    found = [each for each in rules if lender_kind in each.lenders and each.from_on <= on]
    return max(found, key=lambda rule: rule.from_on) if found else None
