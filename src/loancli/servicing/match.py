"""A received payment ↔ a loan, or why not. Sure matches are placed; everything else waits for a person (DESIGN §4)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from loancli.core.loan import MICRO
from loancli.core.money import yuan
from loancli.core.statement import StatementRow
from loancli.servicing.between import Debt, between

# What speaks for a candidate, and how loudly: who pays outweighs how much, and a loan number outweighs both.
WEIGHTS = {"reference": 16, "payer": 8, "split": 4, "due_day": 3, "arrears": 2, "settles": 2, "law": 2, "amount": 1}
NEAR_DAYS = 10  # a payment this far from a due day is likely to be for it
SPLIT_LOANS_MAX = 4  # of one payer, among which a sum is looked for
TAKEN_OVER = "taken_over"  # why money waits that came before the loan was taken over with what was paid on it
TOLD_BY_HAND = "told_by_hand"  # why money waits that may be a payment which a person told before


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a payment belongs: a loan with the reason, or nowhere yet."""

    loan_id: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableLoan:
    """What matching needs to know of a loan that money may be for."""

    loan_id: str
    borrower_id: str
    payer_names: frozenset[str]  # the borrower's name, aliases and accounts
    disbursed_on: date
    instalments_fen: frozenset[int]  # what instalments ask for, paid or not: arrival order must not matter
    standing: "Standing | None" = None  # for ranking alone, which a person looks at: as the loan stands now
    past_until: date | None = None  # what was paid up to this day came with the loan, when it was taken over
    told: frozenset[tuple[str, int]] = frozenset()  # days and fen of payments on it that a person told
    told_numbers: frozenset[str] = frozenset()  # and that person's numbers of them

    def matched(self, row: StatementRow, reason: str) -> Match:
        """Onto this loan, unless the money may be there already: it waits then."""
        if self.past_until is not None and row.occurred_on <= self.past_until.isoformat():
            return Match(loan_id=None, reason=TAKEN_OVER)
        if (row.occurred_on, row.amount_fen) in self.told:
            return Match(loan_id=None, reason=TOLD_BY_HAND)
        return Match(loan_id=self.loan_id, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a loan asks for as it stands: ranks candidates, and never places money."""

    open_instalments: tuple[tuple[date, int], ...]  # due day, and what of it is unpaid
    due_fen: int  # everything that fell due and is unpaid
    owed_fen: int  # outstanding principal and everything due, less credit
    accrued_micro_fen: int  # interest and penalty by `since_on` that are not due yet
    accruing_micro_fen_per_day: int
    since_on: date
    annual_rate_ppm: int = 0  # as signed

    def settles_fen(self, on: date) -> int:
        """What pays the loan off on a day, half up to the fen; 0 where that cannot be told."""
        days = (on - self.since_on).days
        if days < 0 or self.owed_fen <= 0:
            return 0
        micro_fen = self.accrued_micro_fen + days * self.accruing_micro_fen_per_day
        return self.owed_fen + (2 * micro_fen + MICRO) // (2 * MICRO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A loan that a person may place the money on, and what speaks for it."""

    loan_id: str  # or the parts of a split as they are typed: LN000017=1000.00;LN000018=2141.25
    borrower_id: str
    score: int
    reasons: tuple[str, ...]


class Matcher:
    """Matches rows against the loans of a book; build it once for a file."""

    def __init__(self, loans: Sequence[PayableLoan]) -> None:
        self.by_id: Mapping[str, PayableLoan] = {loan.loan_id: loan for loan in loans}
        self.told_numbers = frozenset[str]().union(*(loan.told_numbers for loan in loans)) - {""}
        self.by_payer: dict[str, list[PayableLoan]] = {}
        self.by_amount: dict[int, list[str]] = {}
        for loan in loans:
            for name in loan.payer_names - {""}:  # an export without a name names nobody
                self.by_payer.setdefault(name, []).append(loan)
            asked_fen = set(loan.instalments_fen)
            if loan.standing:
                asked_fen |= {loan.standing.due_fen, *(left_fen for _, left_fen in loan.standing.open_instalments)}
            for amount_fen in asked_fen:
                self.by_amount.setdefault(amount_fen, []).append(loan.loan_id)
        shapes = sorted({re.sub(r"\d", r"\\d", re.escape(loan_id)) for loan_id in self.by_id}, key=len, reverse=True)
        # Only shapes that our loan numbers have, and never a part of a longer number.
        self.reference = re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(shapes)})(?![0-9A-Za-z])") if shapes else None

    def match(self, row: StatementRow) -> Match:
        """Loan reference in note, item or order number; then payer and amount; else nothing, with candidates."""
        if not self.told_numbers.isdisjoint((row.external_id, row.trade_id, row.merchant_order_id)):
            return Match(loan_id=None, reason=TOLD_BY_HAND)
        named = self.references(row)
        if len(named) == 1:
            loan = self.by_id.get(named[0])
            if loan is None:
                return Match(loan_id=None, reason="unknown_reference")
            if row.occurred_on < loan.disbursed_on.isoformat():
                return Match(loan_id=None, reason="before_payout")
            return loan.matched(row, "reference")
        if len(named) > 1:
            return Match(loan_id=None, reason="several_references")
        payer = [loan for loan in self.payers(row) if loan.disbursed_on.isoformat() <= row.occurred_on]
        exact = [loan for loan in payer if row.amount_fen in loan.instalments_fen]
        if len(exact) == 1:
            return exact[0].matched(row, "payer_and_amount")
        reason = "several_loans" if len(exact) > 1 else "amount_differs" if payer else "unknown_payer"
        return Match(loan_id=None, reason=reason)

    def match_any(self, rows: Sequence[StatementRow]) -> Match:
        """The match of one payment that several exports show: each may know what the others do not."""
        found = [self.match(row) for row in rows]
        sure = [match for match in found if match.loan_id is not None]
        known = [match for match in found if match.reason != "unknown_payer"]
        return (sure or known or found)[0]

    def references(self, row: StatementRow) -> list[str]:
        if self.reference is None:
            return []
        texts = (row.note, row.item, row.merchant_order_id)
        return sorted({found for text in texts for found in self.reference.findall(text)})

    def payers(self, row: StatementRow) -> list[PayableLoan]:
        found = {
            loan.loan_id: loan
            for name in (row.counterparty, row.counterparty_account)
            for loan in self.by_payer.get(name, ())
        }
        return list(found.values())

    def candidates(self, row: StatementRow, most: int = 3) -> tuple[Candidate, ...]:
        """Loans that something speaks for, best first; of equals, the one with a due day nearest to the payment."""
        named, payers = self.references(row), {loan.loan_id for loan in self.payers(row)}
        by_law = self.by_law(row)
        ranked: list[tuple[int, int, str, Candidate]] = []
        for loan_id in {*named, *payers, *self.by_amount.get(row.amount_fen, ())}:
            loan = self.by_id.get(loan_id)
            if loan is None:
                continue
            why = ["reference"] * (loan_id in named) + ["payer"] * (loan_id in payers)
            asked, days_off = _asked(loan, row.amount_fen, date.fromisoformat(row.occurred_on))
            asked += ["law"] * (loan_id in by_law)
            found = Candidate(
                loan_id=loan_id,
                borrower_id=loan.borrower_id,
                score=sum(WEIGHTS[reason] for reason in (*why, *asked)),
                reasons=(*why, *asked),
            )
            ranked.append((-found.score, days_off, loan_id, found))
        splits = self.splits(row)
        for text, borrower_id in by_law.items():
            if text not in {*self.by_id, *(each.loan_id for each in splits)}:
                splits.append(_split(text, borrower_id, "law"))
        ranked += [(-found.score, 0, found.loan_id, found) for found in splits]
        return tuple(found for *_, found in sorted(ranked, key=lambda each: each[:3])[:most])

    def splits(self, row: StatementRow) -> list[Candidate]:
        """Loans of the payer that together ask for just this: each for all that is due, or its next instalment."""
        asking: dict[str, list[tuple[str, int]]] = {}
        for loan in sorted(self.payers(row), key=lambda each: each.loan_id):
            if loan.standing and loan.disbursed_on.isoformat() <= row.occurred_on:
                amounts = {loan.standing.due_fen, *(fen for _, fen in loan.standing.open_instalments[:1])} - {0}
                asking.setdefault(loan.borrower_id, []).extend((loan.loan_id, fen) for fen in sorted(amounts))
        found = []
        for borrower_id, asked in asking.items():
            for count in range(2, SPLIT_LOANS_MAX + 1):
                found += [
                    _split(_typed(parts), borrower_id, "split")
                    for parts in combinations(asked[: 2 * SPLIT_LOANS_MAX], count)
                    if sum(fen for _, fen in parts) == row.amount_fen and len(dict(parts)) == count
                ]
        return found

    def by_law(self, row: StatementRow) -> dict[str, str]:
        """Where the law puts the payment if its payer has several loans and names none: as it is typed → borrower.

        Between what is due and the instalments after that; a payment that is more than all of these has no such place.
        """
        on = date.fromisoformat(row.occurred_on)
        debts: dict[str, list[Debt]] = {}
        for loan in self.payers(row):
            if loan.standing and loan.disbursed_on <= on:
                debts.setdefault(loan.borrower_id, []).extend(_debts(loan.loan_id, loan.standing))
        found = {}
        for borrower_id, owed in debts.items():
            parts, left_fen = between(row.amount_fen, owed, on)
            if len({each.name for each in owed}) > 1 and not left_fen:
                [*names] = sorted(parts)
                found[names[0] if len(names) == 1 else _typed([(name, parts[name]) for name in names])] = borrower_id
        return found


def _typed(parts: Iterable[tuple[str, int]]) -> str:
    """A split over loans as a person types it."""
    return ";".join(f"{loan_id}={yuan(fen).replace(',', '')}" for loan_id, fen in parts)


def _split(text: str, borrower_id: str, reason: str) -> Candidate:
    why = ("payer", reason)
    return Candidate(loan_id=text, borrower_id=borrower_id, score=sum(WEIGHTS[each] for each in why), reasons=why)


def _debts(loan_id: str, standing: Standing) -> Iterator[Debt]:
    """What of a loan is due as it stands, and the instalments after that which are known."""
    since_on, ahead = standing.since_on, standing.open_instalments
    if standing.due_fen:
        due_on = min((due_on for due_on, _ in ahead if due_on <= since_on), default=since_on)
        yield Debt(loan_id, standing.due_fen, due_on, standing.annual_rate_ppm)
    for due_on, left_fen in ahead:
        if due_on > since_on:
            yield Debt(loan_id, left_fen, due_on, standing.annual_rate_ppm)


def _asked(loan: PayableLoan, amount_fen: int, on: date) -> tuple[list[str], int]:
    """What of a loan asks for just this amount, and how many days the payment is from the due day that it fits best."""
    standing = loan.standing
    due_days = [due_on for due_on, left_fen in standing.open_instalments if left_fen == amount_fen] if standing else []
    days_off = min((abs((due_on - on).days) for due_on in due_days), default=date.max.toordinal())
    found = []
    if days_off <= NEAR_DAYS:
        found.append("due_day")
    elif due_days or amount_fen in loan.instalments_fen:
        found.append("amount")
    if standing and amount_fen == standing.due_fen:
        found.append("arrears")
    if standing and amount_fen == standing.settles_fen(on):
        found.append("settles")
    return found, days_off
