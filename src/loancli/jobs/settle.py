"""Settle loans: compute their lives again, book what the journal does not have yet, renew the stored copies."""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import lru_cache
from operator import attrgetter

from loancli.core.errors import RefusedError
from loancli.core.event import Event
from loancli.core.loan import LoanRecord
from loancli.core.turn import Turn
from loancli.ledger import days, journal, loans, turns
from loancli.ledger.connect import Connection
from loancli.plan.product import Product
from loancli.plan.product_json import from_json
from loancli.servicing.bookings import Booked, difference
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, life
from loancli.servicing.ordinary import Terms, ordinary_terms, turn


@lru_cache(maxsize=1024)
def _product(terms_json: str) -> Product:
    return from_json(terms_json)


@lru_cache(maxsize=1024)
def _ordinary(terms_json: str) -> Terms | None:
    return ordinary_terms(_product(terms_json))


def contract_of(record: LoanRecord) -> Contract:
    """The stored contract as servicing reads it."""
    return Contract(
        loan_id=record.loan_id,
        borrower_id=record.borrower_id,
        product=_product(record.terms_json),
        principal_fen=record.principal_fen,
        signed_on=record.signed_on,
        rows=record.rows,
        maturity_number=record.maturity_number,
    )


def gather(db: Connection, loan_ids: Sequence[str]) -> dict[str, tuple[Contract, list[Event]]]:
    """Contract and events of each loan."""
    events = journal.events_of(db, loan_ids)
    return {loan_id: (contract_of(record), events[loan_id]) for loan_id, record in loans.records(db, loan_ids).items()}


def settle(db: Connection, loan_ids: Sequence[str], *, after: int | None = None) -> int:
    """Settle loans up to the open business day; return how many entries were booked.

    Corrections name one of the events that were recorded `after` so many; else the one that was recorded last.
    What is dated later is booked when its day comes, so that a day's books do not depend on when its facts arrived.
    """
    day = days.open_day(db)
    return book_lives(
        db, [life(contract, events, day) for contract, events in gather(db, loan_ids).values()], day, after=after
    )


def book_lives(
    db: Connection,
    lives: Sequence[Life],
    day: date,
    taken: Sequence[Turn] = (),
    *,
    entries_max: int | None = None,
    after: int | None = None,
    changed_from: Mapping[str, int] | None = None,
) -> int:
    """Book what the lives say and the journal does not, and store the copies; so, of other loans, turns of theirs.

    `changed_from`: as `loans.save`.
    Raises RefusedError where that would be more than `entries_max` entries of one loan.
    """
    entries = [each.entry for each in taken if each.entry]
    if lives:
        booked = journal.entries_of(db, [each.contract.loan_id for each in lives])
        for each in lives:
            known = [Booked(entry=entry, is_reversed=gone) for entry, gone in booked[each.contract.loan_id]]
            found = difference(each.contract.loan_id, each.movements, known)
            if any(entry.reverses for entry in found):
                because = journal.newest_events(db, each.contract.loan_id, after=after)
                found = difference(each.contract.loan_id, each.movements, known, because=because)
            if entries_max is not None and len(found) > entries_max:
                raise RefusedError(
                    f"loan {each.contract.loan_id}: {len(found)} entries on one day, more than {entries_max}; see:"
                    f" loancli loan events {each.contract.loan_id}"
                )
            entries += found
        copies = [(each.position, each.contract.product.code, each.instalments) for each in lives]
        loans.save(db, copies, changed_from=changed_from)
    turns.take(db, taken, day)
    entries.sort(key=attrgetter("loan_id"))  # the same journal, whichever loans took their turns
    return journal.book(db, entries, booked_on=day)


def turns_of(db: Connection, loan_ids: Sequence[str], day: date) -> list[Turn]:
    """Of the loans with a moment on `day`, the open one, those on which only an instalment takes its turn."""
    ahead = turns.ahead(db, loan_ids, day)
    texts = turns.terms(db, {each.terms_sha for each in ahead})
    terms = {sha: _ordinary(text) for sha, text in texts.items()}
    found = ((each, terms[each.terms_sha]) for each in ahead)
    return [turned for each, known in found if known and (turned := turn(known, each, day))]
