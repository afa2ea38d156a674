"""How late a loan is: days past due, bucket, class. The lines between them are data (policies/ageing.toml).

Nothing here is stored: every figure follows from what is due and unpaid, and a day. A hold, a promise or a breathing
space that is granted later does not stop the days; only money, or a plan under which less was due, does.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from loancli.core.days import days_past_due
from loancli.core.errors import InputError
from loancli.core.loan import InstalmentState
from loancli.core.tables import near, parsed, record, records
from loancli.plan.product import LENDERS
from loancli.servicing.life import Life

OVER = ("settled", "written_off", "cancelled")  # the statuses of a loan of which nothing is owed on the books


class AssetClass(Enum):
    """The five classes of a lender's assets, the best first (CLS-01)."""

    NORMAL = "normal"  # 正常
    SPECIAL_MENTION = "special_mention"  # 关注
    SUBSTANDARD = "substandard"  # 次级; from here on non-performing
    DOUBTFUL = "doubtful"  # 可疑
    LOSS = "loss"  # 损失

    @property
    def is_non_performing(self) -> bool:
        """不良: the last three."""
        return self not in {AssetClass.NORMAL, AssetClass.SPECIAL_MENTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastDue:
    """What makes a loan past due: at least `due_min_fen` of principal, interest and fees, due and unpaid."""

    due_min_fen: int
    source: str
    sure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Loans from `days_from` days past due on, up to where the next bucket begins."""

    name: str
    days_from: int


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


class Standing(NamedTuple):
    """How late a loan is on a day. Without a rule for its lender, or once it is over, it has no class."""

    days_past_due: int
    bucket: str
    asset_class: AssetClass | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """The rules of policies/ageing.toml."""

    past_due: PastDue
    buckets: tuple[Bucket, ...]
    classifications: tuple[Classification, ...]

    @property
    def due_min_fen(self) -> int:
        return self.past_due.due_min_fen

    def bucket(self, days: int) -> str:
        """The bucket of a loan that is `days` past due (CLS-06)."""
        return self.buckets[bisect_right(self.buckets, days, key=lambda each: each.days_from) - 1].name

    def next_bucket(self, days: int) -> Bucket | None:
        """The bucket that follows if nothing is paid; None in the last one."""
        return next((each for each in self.buckets if each.days_from > days), None)

    def asset_class(self, days: int, lender_kind: str, on: date) -> AssetClass | None:
        """The best class that `days` past due allow on a day (CLS-01, CLS-02): other facts can only make it worse.

        None where no rule for this kind of lender is in force.
        """
        rules = [each for each in self.classifications if lender_kind in each.lenders and each.from_on <= on]
        if not rules:
            return None
        newest = max(rules, key=lambda rule: rule.from_on)
        return list(AssetClass)[bisect_right(newest.lines, days) - 1]

    def standing(self, lived: Life) -> Standing:
        """How late a loan is on the day of its life. Where nothing is owed any more, there is no asset to class."""
        since_on = late_since(lived.instalments, self.due_min_fen)
        days = days_past_due(since_on, lived.as_of) if since_on else 0
        kind = lived.contract.product.lender_kind
        is_over = lived.position.status in OVER
        return Standing(days, self.bucket(days), None if is_over else self.asset_class(days, kind, lived.as_of))


def late_since(instalments: Iterable[InstalmentState], due_min_fen: int) -> date | None:
    """The due day with which principal, interest and fees, due and unpaid, reached `due_min_fen`; None: they do not.

    The oldest counts first, so that a few yuan left of an old instalment do not date what is late later.
    """
    reached_fen = 0
    for each in instalments:
        if each.is_due:
            reached_fen += each.unpaid_fen - (each.penalty_fen - each.paid_penalty_fen)
            if reached_fen >= due_min_fen:
                return each.due_on
    return None


def at_risk_ppm(loans: Iterable[tuple[int, int]], *, over_days: int = 30) -> int:
    """Portfolio at risk (CLS-07): of (days past due, outstanding fen) the part in loans that are over `over_days` late.

    The whole outstanding of a late loan counts, not what is overdue of it. To 0.01 %; 0 where nothing is outstanding.
    """
    whole_fen = late_fen = 0
    for days, outstanding_fen in loans:
        whole_fen += outstanding_fen
        late_fen += outstanding_fen if days > over_days else 0
    return 100 * ((2 * 10_000 * late_fen + whole_fen) // (2 * whole_fen)) if whole_fen else 0


def read_ageing(text: str, file_name: str) -> Ageing:
    """policies/ageing.toml → Ageing. Raises InputError with file and key."""
    tables = parsed(text, file_name)
    keys = ("past_due", "bucket", "classification")
    for key in tables:
        if key not in keys:
            raise InputError(f"{file_name}:{key}: there is no such table; {near(key, keys)}")
    for key in keys:
        if key not in tables:
            raise InputError(f"{file_name}:{key}: is missing")
    past_due = record(PastDue, tables["past_due"], f"{file_name}:past_due")
    if past_due.due_min_fen < 1:
        raise InputError(f"{file_name}:past_due.due_min_fen: {past_due.due_min_fen} must be 1 (every fen) or more")
    buckets = records(Bucket, tables["bucket"], f"{file_name}:bucket")
    _check_rising([each.days_from for each in buckets], f"{file_name}:bucket", "days_from")
    names = [each.name for each in buckets]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"{file_name}:bucket: '{twice[0]}' stands there twice; name each bucket once")
    classifications = records(Classification, tables["classification"], f"{file_name}:classification")
    for number, each in enumerate(classifications, start=1):
        place = f"{file_name}:classification[{number}]"
        _check_rising(each.lines, place, "special_mention_days, substandard_days, doubtful_days, loss_days")
        if unknown := sorted(set(each.lenders) - set(LENDERS)):
            raise InputError(f"{place}.lenders: '{unknown[0]}' is not one of {', '.join(LENDERS)}")
    return Ageing(past_due=past_due, buckets=buckets, classifications=classifications)


def _check_rising(days: Sequence[int], place: str, key: str) -> None:
    if days[0] != 0:
        raise InputError(f"{place}[1].{key}: {days[0]} must be 0: every loan has a bucket")
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise InputError(f"{place}.{key}: {', '.join(map(str, days))} must rise: each begins after the one before")
