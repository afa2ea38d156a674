"""A received payment ↔ a loan, or why not. Sure matches are placed; everything else waits for a person (DESIGN §4)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from loancli.core.statement import StatementRow

WEIGHTS = {"reference": 4, "payer": 2, "amount": 1}  # what speaks for a candidate, and how loudly


@dataclass(frozen=True, slots=True, kw_only=True)
class PayableLoan:
    """What matching needs to know of a loan that money may be for."""

    loan_id: str
    borrower_id: str
    payer_names: frozenset[str]  # the borrower's name, aliases and accounts
    disbursed_on: date
    instalments_fen: frozenset[int]  # what instalments ask for, paid or not: arrival order must not matter


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A loan that a person may place the money on, and what speaks for it."""

    loan_id: str
    borrower_id: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """Where a payment belongs: a loan with the reason, or nowhere yet, with ranked candidates."""

    loan_id: str | None
    reason: str
    candidates: tuple[Candidate, ...] = ()


class Matcher:
    """Matches rows against the loans of a book; build it once for a file."""

    def __init__(self, loans: Sequence[PayableLoan]) -> None:
        self.by_id: Mapping[str, PayableLoan] = {loan.loan_id: loan for loan in loans}
        self.by_payer: dict[str, list[PayableLoan]] = {}
        self.by_amount: dict[int, list[str]] = {}
        for loan in loans:
            for name in loan.payer_names - {""}:  # an export without a name names nobody
                self.by_payer.setdefault(name, []).append(loan)
            for amount_fen in loan.instalments_fen:
                self.by_amount.setdefault(amount_fen, []).append(loan.loan_id)
        shapes = sorted({re.sub(r"\d", r"\\d", re.escape(loan_id)) for loan_id in self.by_id}, key=len, reverse=True)
        # Only shapes that our loan numbers have, and never a part of a longer number.
        self.reference = re.compile(rf"(?<![0-9A-Za-z])(?:{'|'.join(shapes)})(?![0-9A-Za-z])") if shapes else None

    def match(self, row: StatementRow) -> Match:
        """Loan reference in note, item or order number; then payer and amount; else nothing, with candidates."""
        named = self.references(row)
        if len(named) == 1:
            loan = self.by_id.get(named[0])
            if loan is None:
                return Match(loan_id=None, reason="unknown_reference", candidates=self.candidates(row))
            if row.occurred_on < loan.disbursed_on.isoformat():
                return Match(loan_id=None, reason="before_payout", candidates=self.candidates(row))
            return Match(loan_id=loan.loan_id, reason="reference")
        if len(named) > 1:
            return Match(loan_id=None, reason="several_references", candidates=self.candidates(row))
        payer = [loan for loan in self.payers(row) if loan.disbursed_on.isoformat() <= row.occurred_on]
        exact = [loan for loan in payer if row.amount_fen in loan.instalments_fen]
        if len(exact) == 1:
            return Match(loan_id=exact[0].loan_id, reason="payer_and_amount")
        reason = "several_loans" if len(exact) > 1 else "amount_differs" if payer else "unknown_payer"
        return Match(loan_id=None, reason=reason, candidates=self.candidates(row))

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
        """Loans that something speaks for, best first."""
        reasons: dict[str, list[str]] = {}
        for loan_id in self.references(row):
            reasons.setdefault(loan_id, []).append("reference")
        for loan in self.payers(row):
            reasons.setdefault(loan.loan_id, []).append("payer")
        for loan_id in self.by_amount.get(row.amount_fen, ()):
            reasons.setdefault(loan_id, []).append("amount")
        found = [
            Candidate(
                loan_id=loan_id,
                borrower_id=self.by_id[loan_id].borrower_id,
                score=sum(WEIGHTS[reason] for reason in why),
                reasons=tuple(why),
            )
            for loan_id, why in reasons.items()
            if loan_id in self.by_id
        ]
        return tuple(sorted(found, key=lambda each: (-each.score, each.loan_id))[:most])
