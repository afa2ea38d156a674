"""Revenue that no platform saw: cash, declared by a person with evidence, as the rows of a file that nobody read.

So what holds for rows of exports holds for these: chains, sums by day, a person's later decision. A declaration covers
no days: it does not say that nothing else happened.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from loancli.core.errors import InputError, RefusedError
from loancli.core.money import split
from loancli.core.statement import StatementRow
from loancli.jobs import Stamp
from loancli.jobs.rule_rows import rule_rows
from loancli.ledger import borrowers, journal, revenue, statements
from loancli.ledger.connect import Connection
from loancli.ledger.statements import Classified

FORMAT, CHANNEL, RULE = "declared", "cash", "declared"
DAYS_MAX = 366
EVIDENCE_CHARS_MAX = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """An amount over days, both ends included, shared out evenly; what shows it; sure or possible."""

    borrower_id: str
    amount_fen: int
    from_on: date
    to_on: date
    evidence: str
    revenue_class: str


def declare_revenue(db: Connection, declared: Declaration, *, stamp: Stamp, as_of: date) -> int:
    """Write a declaration; the number of rows, 0 if the same is there already. Raises InputError, RefusedError."""
    _check(declared, as_of)
    borrowers.active(db, declared.borrower_id)
    sha = hashlib.sha256(
        journal.canonical(
            [
                declared.amount_fen,
                declared.from_on.isoformat(),
                declared.to_on.isoformat(),
                declared.evidence,
                declared.revenue_class,
            ]
        ).encode()
    ).hexdigest()
    if statements.find_file(db, sha, declared.borrower_id, "revenue"):
        return 0
    facts = statements.FileFacts(
        content_sha=sha,
        name=f"{FORMAT} {declared.from_on} – {declared.to_on}",
        format=FORMAT,
        owner=declared.borrower_id,
        read_as="revenue",
        channel=CHANNEL,
        account_sha="",
        from_on=declared.from_on,
        to_on=declared.to_on,
        is_whole=False,
        warnings=[],
        actor=stamp.actor,
        imported_at=stamp.text,
    )
    taken = statements.take(db, facts, _rows(declared, sha))
    revenue.add_rows(db, declared.borrower_id, taken)
    rule_rows(db, declared.borrower_id, taken, None)
    return taken.new_count


def _check(declared: Declaration, as_of: date) -> None:
    if declared.from_on > declared.to_on:
        raise InputError(f"{declared.from_on} is after {declared.to_on}")
    if (declared.to_on - declared.from_on).days >= DAYS_MAX:
        raise InputError(f"a declaration is for at most {DAYS_MAX} days; declare each period by itself")
    if declared.to_on > as_of:
        raise RefusedError(f"{declared.to_on} is after {as_of}: what has not come in cannot be declared")
    if declared.amount_fen <= 0:
        raise InputError("a declaration is for an amount above 0")
    if not declared.evidence.strip() or len(declared.evidence) > EVIDENCE_CHARS_MAX:
        raise InputError(f"--evidence: says what shows the revenue, in 1 to {EVIDENCE_CHARS_MAX} characters")


def _rows(declared: Declaration, sha: str) -> Iterator[Classified]:
    days = (declared.to_on - declared.from_on).days + 1
    for number, amount_fen in enumerate(split(declared.amount_fen, [1] * days), start=1):
        if amount_fen:
            day = declared.from_on + timedelta(days=number - 1)
            row = StatementRow(
                line=number,
                occurred_at=f"{day}T12:00:00+08:00",
                amount_fen=amount_fen,
                direction="in",
                money_moved=1,
                external_id=f"{sha[:24]}{number:04d}",
                merchant_order_id="",
                counterparty="",
                counterparty_account="",
                kind=FORMAT,
                item=declared.evidence,
                method="",
                status=FORMAT,
                status_class="settled",
                note="",
                refund_of="",
            )
            yield row, declared.revenue_class, RULE
