"""Waiting money that a person said is nobody's repayment, or took up again: who, when and why, in the chain of files.

Events belong to loans, and this money has none; so each is a file without rows, as the record of a forgotten borrower.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from loancli.ledger import journal, statements
from loancli.ledger.connect import Connection

FORMAT = "dismissed"  # of the files that are these records


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """What a person decided about a payment; `waited_for` is the reason for which it waited."""

    payment_id: int
    why: str
    waited_for: str
    is_undone: bool = False


def record(db: Connection, dismissal: Dismissal, *, actor: str, recorded_at: str) -> None:
    """Append it to the chain."""
    told = json.dumps(asdict(dismissal), ensure_ascii=False)
    # With the head of the chain, so that the same decision is another one when it is made again.
    content = journal.canonical([FORMAT, journal.head(db, "file").hex(), told])
    facts = statements.FileFacts(
        content_sha=hashlib.sha256(content.encode()).hexdigest(),
        name=FORMAT,
        format=FORMAT,
        owner="lender",
        read_as="repayments",
        channel="",
        account_sha="",
        from_on=None,
        to_on=None,
        is_whole=False,
        warnings=[told],
        actor=actor,
        imported_at=recorded_at,
    )
    statements.take(db, facts, ())


def last(db: Connection, payment_id: int) -> Dismissal:
    """What was decided last about a payment that is, or was, dismissed."""
    rows = db.execute("SELECT warnings FROM file WHERE format = ? ORDER BY id DESC", (FORMAT,))
    found = (Dismissal(**json.loads(json.loads(warnings)[0])) for (warnings,) in rows)
    return next(each for each in found if each.payment_id == payment_id)
