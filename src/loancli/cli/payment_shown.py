"""How lists show a payment: who paid and the note masked, and why it is where it is."""

from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.core.mask import mask_name
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from sqlite3 import Connection

NAME_MAX = 20  # a longer name in a note is not looked for


def names_of(db: "Connection") -> frozenset[str]:
    """The names that borrowers go by, to be masked in notes."""
    from loancli.ledger import borrowers

    people = borrowers.find(db).values()
    return frozenset(name for person in people for name in (person.name, *person.aliases))


def payment_row(
    each: dict[str, Any], lang: Lang, more: tuple[str, ...], names: frozenset[str], *, unmask: bool
) -> dict[str, Any]:
    """A receipt as lists show it, with its columns `more`; `names` in notes are masked unless `unmask`."""
    reason, payer, note = each["reason"], each["counterparty"], each["note"] or each["item"]
    if not unmask:
        parts = {note[at:end] for at in range(len(note)) for end in range(at + 2, min(at + NAME_MAX, len(note)) + 1)}
        note = session.masked(note, [payer, *(parts & names)])
        payer = mask_name(payer)
    return {
        "payment_id": each["payment_id"],
        "paid_on": each["paid_on"],
        "amount_fen": each["amount_fen"],
        "channel": each["channel"],
        "payer": payer,
        "note": note,
        **{name: each[name] for name in more},
        "reason": reason if reason.startswith("by ") else say(f"reason.{reason}", lang),
        "file": f"{each['file']}:{each['line']}",
    }
