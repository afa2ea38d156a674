"""Classes that days past due alone do not tell: loans with a conduct, and those whose debtor's other claims decide.

All other loans are what their days make them, which SQL counts by itself. Within the caller's transaction.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from loancli.core.conduct import Conduct
from loancli.core.days import days_past_due
from loancli.jobs.settle import gather
from loancli.ledger import borrowers, claims, loans
from loancli.ledger.claims import Claim
from loancli.ledger.connect import Connection, reading
from loancli.servicing.asset_class import AssetClass, CrossDefault, in_force, worse
from loancli.servicing.delinquency import OVER, Ageing, late_since
from loancli.servicing.life import Life, life
from loancli.servicing.lines import DAY
from loancli.servicing.restructuring import ClassRules, Judged, judged

CHUNK = 1_000  # loans whose lives are in memory at a time
_NEVER_DAYS = 100_000  # where no rule of classes is in force


class Classed(NamedTuple):
    """A loan's class. `by_days` alone; `judged` by itself; `is_dragged`: non-performing by other claims only."""

    claim: Claim
    days: int
    by_days: AssetClass
    judged: Judged
    is_dragged: bool = False

    @property
    def asset_class(self) -> AssetClass:
        """Its class, all considered."""
        by_itself = self.judged.asset_class
        return worse(by_itself, AssetClass.SUBSTANDARD) if self.is_dragged else by_itself

    @property
    def why(self) -> str:
        """What makes it worse than its days do, in a word; '': nothing does."""
        if self.is_dragged:
            return "debtor"
        if self.judged.asset_class is self.by_days:
            return ""
        if self.judged.observed is None:
            return "was_non_performing"
        return "restructured_again" if self.judged.observed.is_again else "restructured"

    @property
    def told(self) -> tuple[str, str, str, str | None, str | None]:
        """As `loan_list.listing` lays it: loan, class, why, eased on, observed until."""
        observed = self.judged.observed
        until_on = observed.until_on if observed else None
        return (
            self.claim.loan_id,
            self.asset_class.value,
            self.why,
            observed.eased_on.isoformat() if observed else None,
            until_on.isoformat() if until_on else None,
        )


def classes_on(db: Connection, day: date, ageing: Ageing) -> dict[str, Classed]:
    """The loans whose class more than their days decides, at the end of `day`; positions as `claims.lay` laid them."""
    judging = _Judging(day, ageing)
    ids = claims.to_judge(db, day - (judging.non_performing_days - 1) * DAY, judging.kinds)
    found = {each.claim.loan_id: each for each in judging.classed(claims.claims_of_loans(db, ids, ageing.due_min_fen))}
    bad = {each.claim.borrower_id for each in found.values() if judging.may_drag(each)}
    if bad:
        of_debtors = list(judging.classed(claims.claims_on(db, sorted(bad), ageing.due_min_fen)))
        found |= {each.claim.loan_id: each for each in judging.dragged(of_debtors)}
    return {loan_id: each for loan_id, each in found.items() if each.is_dragged or each.claim.facts}


def class_of(db: Connection, loan_id: str, day: date, ageing: Ageing) -> tuple[Life, Classed | None]:
    """A loan's life up to a day, and its class, where it has one; of some debtors other loans live as well.

    Raises NotFoundError.
    """
    judging = _Judging(day, ageing)
    with reading(db):
        debtor = borrowers.one(db, loans.record(db, loan_id).borrower_id)
        ids = loans.loan_ids(db, borrower_id=debtor.borrower_id) if debtor.kind in judging.kinds else [loan_id]
        lives = {each: life(*known, day) for each, known in gather(db, ids).items()}
    signed = [each for each in lives.values() if each.contract.signed_on <= day]
    found = {
        each.claim.loan_id: each for each in judging.classed(_claim(lived, debtor.kind, ageing) for lived in signed)
    }
    found |= {each.claim.loan_id: each for each in judging.dragged(found.values())}
    return lives[loan_id], found.get(loan_id)


def _claim(lived: Life, borrower_kind: str, ageing: Ageing) -> Claim:
    contract, position = lived.contract, lived.position
    return Claim(
        loan_id=contract.loan_id,
        borrower_id=contract.borrower_id,
        borrower_kind=borrower_kind,
        lender_kind=contract.product.lender_kind,
        status=position.status,
        outstanding_fen=position.principal_outstanding_fen,
        late_since_on=late_since(lived.instalments, ageing.due_min_fen),
        facts=position.conduct.kept() if position.conduct else None,
    )


def debtor_kinds(ageing: Ageing, day: date) -> list[str]:
    """The kinds of borrowers all of whose claims are looked at for the class of one."""
    return _Judging(day, ageing).kinds


def work_out_waiting(db: Connection, day: date) -> None:
    """Keep the conduct of loans of a ledger that was brought up from before there was any. They stand on `day`."""
    for at in range(0, len(waiting := claims.waiting(db)), CHUNK):
        lives = {
            loan_id: life(contract, events, day)
            for loan_id, (contract, events) in gather(db, waiting[at : at + CHUNK]).items()
        }
        claims.save(db, {loan_id: lived.position.conduct for loan_id, lived in lives.items()})


class _Judging:
    """The rules of a day, by kind of lender."""

    def __init__(self, day: date, ageing: Ageing) -> None:
        self.day = day
        self.ageing = ageing
        self.rules: dict[str, ClassRules | None] = {}
        self.crossing: dict[str, CrossDefault | None] = {}
        for kind in {lender for each in ageing.classifications for lender in each.lenders}:
            self.rules[kind] = ageing.class_rules(kind, day)
            self.crossing[kind] = in_force(ageing.cross_defaults, kind, day)

    @property
    def kinds(self) -> list[str]:
        """The kinds of borrowers whose claims are taken together."""
        return sorted({kind for rule in self.crossing.values() if rule for kind in rule.borrower_kinds})

    @property
    def non_performing_days(self) -> int:
        """From how many days past due on a loan may be non-performing."""
        return min(
            (rules.classification.substandard_days for rules in self.rules.values() if rules), default=_NEVER_DAYS
        )

    def classed(self, found: Iterable[Claim]) -> Iterable[Classed]:
        """The claims that have a class, each by itself."""
        for claim in found:
            rules = self.rules.get(claim.lender_kind)
            if rules is None or claim.status in OVER:
                continue
            days = days_past_due(claim.late_since_on, self.day) if claim.late_since_on else 0
            by_days = rules.by_days(days)
            by_itself = judged(Conduct.restored(claim.facts), rules, self.day) if claim.facts else Judged(by_days)
            yield Classed(claim, days, by_days, by_itself)

    def may_drag(self, classed: Classed) -> bool:
        """Is it non-performing, and of a debtor whose claims are taken together?"""
        rule = self.crossing[classed.claim.lender_kind]
        return (
            rule is not None
            and classed.claim.borrower_kind in rule.borrower_kinds
            and classed.judged.asset_class.is_non_performing
        )

    def dragged(self, found: Iterable[Classed]) -> Iterable[Classed]:
        """Of all claims on some debtors those that others make non-performing."""
        by_debtor: dict[tuple[str, str], list[Classed]] = {}
        for each in found:
            by_debtor.setdefault((each.claim.borrower_id, each.claim.lender_kind), []).append(each)
        for (_, lender_kind), group in by_debtor.items():
            rule = self.crossing[lender_kind]
            if rule is None or group[0].claim.borrower_kind not in rule.borrower_kinds:
                continue
            bad_fen = sum(each.claim.outstanding_fen for each in group if each.judged.asset_class.is_non_performing)
            if rule.drags(bad_fen, sum(each.claim.outstanding_fen for each in group)):
                for each in group:
                    if not each.judged.asset_class.is_non_performing:
                        yield each._replace(is_dragged=True)
