"""The chart of accounts, and how movements become entries. Settling is: what should be booked, less what is booked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from loancli.core.entry import Entry, Leg, reversal
from loancli.core.event import Event
from loancli.servicing.contract import Movement

# code → (kind, what it holds). Kinds: asset, liability, income, expense. Sub-ledgers are per loan: an entry names it.
ACCOUNTS: dict[str, tuple[str, str]] = {
    "clearing:alipay": ("asset", "money received or paid out over Alipay"),
    "clearing:wechat": ("asset", "money received or paid out over WeChat Pay"),
    "clearing:bank": ("asset", "money received or paid out over the bank"),
    "loan:principal": ("asset", "principal paid out and not repaid"),
    "loan:interest_due": ("asset", "interest that fell due and is unpaid"),
    "loan:interest_accrued": ("asset", "interest and penalty accrued and not yet due, booked per product and day"),
    "loan:fee_due": ("asset", "fees that fell due and are unpaid"),
    "loan:penalty_due": ("asset", "penalty that became due and is unpaid"),
    "borrower:credit": ("liability", "money of borrowers beyond what was due"),
    "suspense": ("liability", "money received and not yet placed on a loan"),
    "income:interest": ("income", "contract interest"),
    "income:fee": ("income", "fees"),
    "income:penalty": ("income", "penalty interest"),
    "expense:channel_fee": ("expense", "fees of payment channels, which the lender bears"),
    "expense:waived": ("expense", "interest, penalty and fees that were due and are waived"),
    "expense:coupon": ("expense", "interest that coupons pay in the borrower's place"),
    "expense:written_off": ("expense", "what was owed and is written off"),
    "income:recovered": ("income", "money received for what was written off"),
    "clearing:opening": ("asset", "money of loans taken over that moved before they were here"),
    "clearing:cash": ("asset", "money received in cash"),
    "clearing:other": ("asset", "money received in other ways"),
}

# Who bears what is no longer asked of the borrower.
_FORGIVING = {"expense:waived": "waived", "expense:coupon": "coupon", "expense:written_off": "written_off"}
CHANNEL_FEE = "channel_fee:"  # how the causes of fee entries begin; the channel follows


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """An entry of a loan as the journal has it, and whether a later entry took it back."""

    entry: Entry
    is_reversed: bool


def difference(
    loan_id: str, movements: Iterable[Movement], booked: Sequence[Booked], *, because: Sequence[Event] = ()
) -> list[Entry]:
    """The entries that make the books of a loan equal to `movements`; without a loan (""), what no loan bears.

    What is equal stays; what changed is reversed and booked anew. `because`: the events that this corrects for. The
    last of them that took effect by the value day of such an entry ends its key.
    """
    wanted: dict[tuple[str, date], dict[tuple[str, str], int]] = {}
    for movement in movements:
        legs = wanted.setdefault((movement.cause, movement.value_on), {})
        sides = (movement.debit, movement.credit)
        legs[sides] = legs.get(sides, 0) + movement.amount_fen
    versions: dict[tuple[str, date], int] = {}
    entries: list[Entry] = []
    for each in booked:
        entry = each.entry
        if entry.reverses:
            continue
        place = (entry.cause, entry.value_on)
        versions[place] = versions.get(place, 0) + 1
        if each.is_reversed:
            continue
        if wanted.get(place) == {(leg.debit, leg.credit): leg.amount_fen for leg in entry.legs}:
            del wanted[place]
        else:
            entries.append(reversal(entry, key=f"reverse/{entry.key}{_mark(because, entry.value_on)}"))
    for (cause, value_on), legs in wanted.items():
        version = versions.get((cause, value_on), 0) + 1
        entries.append(
            Entry(
                key=f"{loan_id}/{cause}/{value_on}/{version}{_mark(because, value_on) if version > 1 else ''}",
                loan_id=loan_id,
                kind=cause.partition(":")[0],
                cause=cause,
                value_on=value_on,
                legs=tuple(Leg(debit=sides[0], credit=sides[1], amount_fen=fen) for sides, fen in legs.items()),
            )
        )
    return entries


def _mark(because: Sequence[Event], value_on: date) -> str:
    """What takes effect later has not changed what is booked for an earlier day."""
    known = [each for each in because if each.effective_on <= value_on] or because
    return f"~{max(known, key=lambda each: each.effective_on).key}" if known else ""


def forgiven(movements: Iterable[Movement]) -> dict[int, dict[str, int]]:
    """By instalment: fen that were waived, paid by coupons or written off, by those words."""
    found: dict[int, dict[str, int]] = {}
    for movement in movements:
        word = _FORGIVING.get(movement.debit)
        if word and movement.number:
            parts = found.setdefault(movement.number, {})
            parts[word] = parts.get(word, 0) + movement.amount_fen
    return found


def written_off(movements: Iterable[Movement]) -> dict[str, int]:
    """Fen that were written off, and that were recovered since."""
    lost_fen = recovered_fen = 0
    for movement in movements:
        lost_fen += movement.amount_fen if movement.debit == "expense:written_off" else 0
        recovered_fen += movement.amount_fen if movement.credit == "income:recovered" else 0
    return {"written_off_fen": lost_fen, "recovered_fen": recovered_fen}


def suspense(*, txn_key: str, channel: str, amount_fen: int, value_on: date) -> Entry:
    """Money that came in and belongs to nobody yet."""
    return Entry(
        key=f"suspense/{txn_key}",
        loan_id="",
        kind="suspense",
        cause=f"suspense:{txn_key}",
        value_on=value_on,
        legs=(Leg(debit=f"clearing:{channel}", credit="suspense", amount_fen=amount_fen),),
    )


def channel_fee(*, channel: str, day: date, milli_fen: int) -> list[Movement]:
    """What a platform kept on a day in 1/1000 fen, half up to the fen: the lender's expense, never the borrower's.

    Below zero it gave more back than it kept. Nothing moves where nothing is left of the rounding.
    """
    fen = (2 * milli_fen + 1000) // 2000
    sides = ("expense:channel_fee", f"clearing:{channel}")
    debit, credit = sides if fen > 0 else sides[::-1]
    cause = f"{CHANNEL_FEE}{channel}"
    return [Movement(day, cause, debit, credit, abs(fen), "fee", 0)] if fen else []


def channel_fee_keys(*, channel: str, from_on: date, to_on: date) -> tuple[str, str]:
    """The first and the last key that entries of a channel's fees on these days can have."""
    start = f"/{CHANNEL_FEE}{channel}/"
    return f"{start}{from_on}/", f"{start}{to_on}/~"


def accrual(*, product_code: str, day: date, amount_fen: int) -> Entry:
    """Interest and penalty that a product's loans have accrued by the end of `day`; the next close takes it back."""
    return Entry(
        key=f"accrual/{product_code}/{day}",
        loan_id="",
        kind="accrual",
        cause=f"accrual:{product_code}",
        value_on=day,
        legs=(Leg(debit="loan:interest_accrued", credit="income:interest", amount_fen=amount_fen),),
    )
