"""`ledger export`: the journal as hledger, beancount or CSV text, the same bytes for the same books.

An entry is dated by the day it was booked on, and carries the day it is for (hledger: its second date; beancount:
`value_on`). At the end of each closed month every balance is asserted, so that the other program itself says whether
it agrees.
"""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from loancli.cli.cells import visible, without_formula
from loancli.cli.render import opened
from loancli.core.books import Account, BookedEntry, Heading, MonthEnd
from loancli.core.money import yuan

Parts = Iterable[BookedEntry | MonthEnd]

_ROOTS = {"asset": "assets", "liability": "liabilities", "income": "income", "expense": "expenses"}
# What ends or divides a tag or a description of hledger, what nobody sees, and the mark itself.
_NO_TAG = re.compile("[%,;|\x00-\x1f\x7f-\x9f\u2028\u2029]")
_COLUMNS = ("entry", "booked_on", "value_on", "kind", "cause", "loan_id", "reverses", "key", "account", "debit_cny",
            "credit_cny")  # fmt: skip


class Target(StrEnum):
    """The programs that the books are written for."""

    HLEDGER = "hledger"
    BEANCOUNT = "beancount"
    CSV = "csv"


def write(target: Target, head: Heading, parts: Parts, *, output: Path | None) -> None:
    """The books to stdout or into a file, entry by entry. Raises NotFoundError, InputError."""
    with opened(output, mark=target is Target.CSV) as file:
        if target is Target.CSV:
            file.writelines(_csv(parts, safe=without_formula if output else visible if sys.stdout.isatty() else str))
        else:
            file.writelines((_hledger if target is Target.HLEDGER else _beancount)(head, parts))


def hledger_account(account: Account) -> str:
    """The asset 'loan:interest_due' → 'assets:loan:interest_due'."""
    return f"{_ROOTS[account.kind]}:{account.code.removeprefix(f'{account.kind}:')}"


def beancount_account(account: Account) -> str:
    """The asset 'loan:interest_due' → 'Assets:Loan:InterestDue'."""
    parts = hledger_account(account).split(":")
    return ":".join("".join(word.capitalize() for word in part.split("_")) for part in parts)


def _hledger(head: Heading, parts: Parts) -> Iterator[str]:
    names, width = _names(head, hledger_account)
    yield _first_line(head)
    yield "; The second date of an entry is the day it is for: hledger bal --date2\n\n"
    yield "decimal-mark .\ncommodity 1000.00 CNY\n\n"
    yield from (f"account {names[account.code]:{width}}  ; {account.meaning}\n" for account in head.accounts)
    for part in parts:
        if isinstance(part, MonthEnd):
            yield f"\n{part.on} * balances at the end of the month\n"
            for code, fen in part.balances_fen.items():
                yield f"    {names[code]:{width}}  {_cny(0):>14} CNY = {_cny(fen)} CNY\n"
            continue
        tags = {"loan": part.loan_id, "reverses": str(part.reverses or ""), "cause": part.cause, "key": part.key}
        told = ", ".join(f"{name}: {_tag(text)}" for name, text in tags.items() if text)
        yield f"\n{part.booked_on}={part.value_on} * ({part.number}) {_tag(part.kind)}  ; {told}\n"
        for leg in part.legs:
            yield f"    {names[leg.debit]:{width}}  {_cny(leg.amount_fen):>14} CNY\n"
            yield f"    {names[leg.credit]:{width}}  {_cny(-leg.amount_fen):>14} CNY\n"


def _tag(text: str) -> str:
    """Text that hledger reads back whole, but for what it would read as an end: that is written as in a URL."""
    return _NO_TAG.sub(lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode()), text)


def _beancount(head: Heading, parts: Parts) -> Iterator[str]:
    names, width = _names(head, beancount_account)
    yield _first_line(head)
    yield '; value_on of an entry is the day it is for.\n\noption "title" "loancli"\n'
    yield f'option "operating_currency" "CNY"\n\n{head.opened_on} commodity CNY\n'
    for account in head.accounts:
        yield f"{head.opened_on} open {names[account.code]:{width}} CNY\n  meaning: {_quoted(account.meaning)}\n"
    for part in parts:
        if isinstance(part, MonthEnd):
            yield "\n"
            morning_after = part.on + timedelta(days=1)  # its balances are those at the beginning of a day
            for code, fen in part.balances_fen.items():
                # Else it would let a difference of one fen pass.
                yield f"{morning_after} balance {names[code]:{width}} {_cny(fen):>14} ~ 0 CNY\n"
            continue
        yield f"\n{part.booked_on} * {_quoted(part.kind)}\n  value_on: {part.value_on}\n  entry: {part.number}\n"
        texts = {"loan": part.loan_id, "cause": part.cause, "key": part.key}
        yield from (f"  {name}: {_quoted(text)}\n" for name, text in texts.items() if text)
        if part.reverses:
            yield f"  reverses: {part.reverses}\n"
        for leg in part.legs:
            yield f"  {names[leg.debit]:{width}} {_cny(leg.amount_fen):>14} CNY\n"
            yield f"  {names[leg.credit]:{width}} {_cny(-leg.amount_fen):>14} CNY\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _csv(parts: Parts, *, safe: Callable[[str], str]) -> Iterator[str]:
    """A line for each side of each leg."""
    yield ",".join(_COLUMNS) + "\n"
    line = io.StringIO(newline="")
    write = csv.writer(line, lineterminator="\n").writerow
    for part in parts:
        if isinstance(part, MonthEnd):
            continue
        texts = [safe(text) for text in (part.kind, part.cause, part.loan_id)]
        first = [part.number, part.booked_on, part.value_on, *texts, part.reverses or "", safe(part.key)]
        for leg in part.legs:
            write([*first, leg.debit, _cny(leg.amount_fen), ""])
            write([*first, leg.credit, "", _cny(leg.amount_fen)])
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _names(head: Heading, name_of: Callable[[Account], str]) -> tuple[dict[str, str], int]:
    """Code → name, and how wide the widest is."""
    names = {account.code: name_of(account) for account in head.accounts}
    return names, max(map(len, names.values()))


def _first_line(head: Heading) -> str:
    return f"; loancli ledger of {head.opened_on}: {head.entry_count} entries, chain {head.chain_head.hex()}\n"


def _cny(amount_fen: int) -> str:
    return yuan(amount_fen).replace(",", "")
