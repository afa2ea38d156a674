"""How late a loan is: days past due, bucket, class. The lines between them are data (policies/ageing.toml).

Nothing here is stored: every figure follows from what is or was due and unpaid, and a day. A hold, a promise or a
breathing space that is granted later does not stop the days; only money, or a plan under which less was due, does.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from itertools import pairwise
from typing import NamedTuple, TypeVar

from loancli.core.conduct import CONDUCT_DAYS
from loancli.core.days import days_past_due
from loancli.core.errors import InputError
from loancli.core.loan import BORROWER_KINDS, InstalmentState
from loancli.core.tables import near, parsed, record, records
from loancli.plan.product import LENDERS
from loancli.servicing.asset_class import AssetClass, Classification, CrossDefault, Restructuring, Upgrade, in_force
from loancli.servicing.life import Life
from loancli.servicing.restructuring import ClassRules, Judged, judged

AT_RISK_DAYS = 30  # PAR30
OVER = ("settled", "written_off", "cancelled")  # the statuses of a loan of which nothing is owed on the books


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


class Standing(NamedTuple):
    """How late a loan is on a day. Without a rule for its lender, or once it is over, it has no class."""

    days_past_due: int
    bucket: str
    judged: Judged | None

    @property
    def asset_class(self) -> AssetClass | None:
        """Its class by itself: other claims on its debtor may make it worse (jobs/classes.py)."""
        return self.judged.asset_class if self.judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """The rules of policies/ageing.toml."""

    past_due: PastDue
    buckets: tuple[Bucket, ...]
    classifications: tuple[Classification, ...]
    restructurings: tuple[Restructuring, ...] = ()
    upgrades: tuple[Upgrade, ...] = ()
    cross_defaults: tuple[CrossDefault, ...] = ()

    @property
    def due_min_fen(self) -> int:
        return self.past_due.due_min_fen

    def bucket(self, days: int) -> str:
        """The bucket of a loan that is `days` past due (CLS-06)."""
        return self.buckets[bisect_right(self.buckets, days, key=lambda each: each.days_from) - 1].name

    def next_bucket(self, days: int) -> Bucket | None:
        """The bucket that follows if nothing is paid; None in the last one."""
        return next((each for each in self.buckets if each.days_from > days), None)

    def class_rules(self, lender_kind: str, on: date) -> ClassRules | None:
        """What classes go by for a kind of lender on a day; None where no rule is in force."""
        classification = in_force(self.classifications, lender_kind, on)
        if classification is None:
            return None
        return ClassRules(
            due_min_fen=self.due_min_fen,
            classification=classification,
            restructuring=in_force(self.restructurings, lender_kind, on),
            upgrade=in_force(self.upgrades, lender_kind, on),
        )

    def asset_class(self, days: int, lender_kind: str, on: date) -> AssetClass | None:
        """The best class that `days` past due allow on a day (CLS-01, CLS-02): other facts can only make it worse.

        None where no rule for this kind of lender is in force.
        """
        rules = self.class_rules(lender_kind, on)
        return rules.by_days(days) if rules else None

    def standing(self, lived: Life) -> Standing:
        """How late a loan is on the day of its life. Where nothing is owed any more, there is no asset to class."""
        since_on = late_since(lived.instalments, self.due_min_fen)
        days = days_past_due(since_on, lived.as_of) if since_on else 0
        rules = self.class_rules(lived.contract.product.lender_kind, lived.as_of)
        if rules is None or lived.position.status in OVER:
            found = None
        elif lived.position.conduct is None:
            found = Judged(rules.by_days(days))
        else:
            found = judged(lived.position.conduct, rules, lived.as_of)
        return Standing(days, self.bucket(days), found)


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


def at_risk_ppm(loans: Iterable[tuple[int, int]], *, over_days: int = AT_RISK_DAYS) -> int:
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
    keys = ("past_due", "bucket", "classification", "restructuring", "upgrade", "cross_default")
    for key in tables:
        if key not in keys:
            raise InputError(f"{file_name}:{key}: there is no such table; {near(key, keys)}")
    for key in keys[:3]:
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
        if each.substandard_days <= CONDUCT_DAYS:
            raise InputError(
                f"{place}.substandard_days: {each.substandard_days} must be above {CONDUCT_DAYS}: shorter lateness is"
                " not kept once it is over"
            )
        _check_lenders(each.lenders, place)
    crossing = _class_rules(CrossDefault, tables, "cross_default", file_name)
    for number, rule in enumerate(crossing, start=1):
        if unknown := sorted(set(rule.borrower_kinds) - set(BORROWER_KINDS)):
            place = f"{file_name}:cross_default[{number}].borrower_kinds"
            raise InputError(f"{place}: '{unknown[0]}' is not one of {', '.join(BORROWER_KINDS)}")
    return Ageing(
        past_due=past_due,
        buckets=buckets,
        classifications=classifications,
        restructurings=_class_rules(Restructuring, tables, "restructuring", file_name),
        upgrades=_class_rules(Upgrade, tables, "upgrade", file_name),
        cross_defaults=crossing,
    )


R = TypeVar("R", Restructuring, Upgrade, CrossDefault)


def _class_rules(cls: type[R], tables: Mapping[str, object], key: str, file_name: str) -> tuple[R, ...]:
    """The rules of one table, of which there may be none; no count, sum or share below 0."""
    found = records(cls, tables[key], f"{file_name}:{key}") if key in tables else ()
    for number, each in enumerate(found, start=1):
        place = f"{file_name}:{key}[{number}]"
        _check_lenders(each.lenders, place)
        for field in fields(each):
            value = getattr(each, field.name)
            if isinstance(value, int) and value < 0:
                raise InputError(f"{place}.{field.name}: {value} must be 0 or more")
    return found


def _check_lenders(lenders: Sequence[str], place: str) -> None:
    if unknown := sorted(set(lenders) - set(LENDERS)):
        raise InputError(f"{place}.lenders: '{unknown[0]}' is not one of {', '.join(LENDERS)}")


def _check_rising(days: Sequence[int], place: str, key: str) -> None:
    if days[0] != 0:
        raise InputError(f"{place}[1].{key}: {days[0]} must be 0: every loan has a bucket")
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise InputError(f"{place}.{key}: {', '.join(map(str, days))} must rise: each begins after the one before")
