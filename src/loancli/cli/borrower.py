"""loancli borrower: borrowers, and the names their payments arrive under."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.cells import visible
from loancli.cli.options import DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import show, talk
from loancli.cli.sheet import Sheet, read_sheet
from loancli.core.errors import InputError, Problem, input_error
from loancli.core.loan import BORROWER_KINDS, Borrower
from loancli.core.mask import mask_name, mask_phone
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from loancli.jobs.forget_borrower import Forgotten

app = typer.Typer()
COLUMNS = ("borrower_id", "name", "phone", "trade", "kind", "aliases")
UnmaskOption = Annotated[bool, typer.Option("--unmask", help="Show names and numbers in full.")]


@app.command()
def add(
    ctx: typer.Context,
    borrower_id: Annotated[str, typer.Argument(help="The borrower's number in your books.")],
    name: Annotated[str, typer.Option("--name", help="The name as it shows on payments.")],
    phone: Annotated[str, typer.Option("--phone", help="A mobile number, for messages.")] = "",
    trade: Annotated[str, typer.Option("--trade", help="Such as noodle_shop.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="person, sole_trader or company.")] = "sole_trader",
    alias: Annotated[
        list[str] | None, typer.Option("--alias", help="Another name or account that pays; repeatable.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Add a borrower. The same again changes nothing."""
    from loancli.ledger import borrowers

    context = context_of(ctx)
    row = dict(zip(COLUMNS, (borrower_id, name, phone, trade, kind, ";".join(alias or ())), strict=True))
    borrower = _borrower(row)
    with session.change(context, dry_run=dry_run) as db:
        count = borrowers.add(db, [borrower])
    session.tell(context, "borrower.added" if count else "borrower.same", dry_run=dry_run, borrower_id=borrower_id)


@app.command("import")
def import_(
    ctx: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(help="CSV or XLSX with the columns borrower_id, name, phone, trade, kind, aliases (by ;)."),
    ],
    dry_run: DryRunOption = False,
) -> None:
    """Add borrowers from a CSV or XLSX file: all of them, or none and every bad row named."""
    from loancli.ledger import borrowers

    context = context_of(ctx)
    found = read_borrowers(read_sheet(file))
    with session.change(context, dry_run=dry_run) as db:
        count = borrowers.add(db, found)
    session.tell(context, "borrower.imported", dry_run=dry_run, count=count, same=len(found) - count)


def read_borrowers(sheet: Sheet) -> list[Borrower]:
    """The borrowers of a table. Raises InputError with file, row and column of everything that is wrong."""
    file_name, columns, rows = sheet
    _check_columns(columns, file_name)
    problems: list[Problem] = []
    found: dict[str, Borrower] = {}
    for number, cells in rows:
        if len(cells) != len(columns):
            message = "has not as many cells as there are columns; put a text that holds a comma in quotes"
            problems.append(Problem(file_name=file_name, row=number, column=None, message=message))
            continue
        try:
            row = dict(zip(columns, cells, strict=True))
            borrower = _borrower({name: row.get(name, "") for name in COLUMNS})
            if borrower.borrower_id in found:
                raise InputError("borrower_id: stands on two rows")
            found[borrower.borrower_id] = borrower
        except InputError as error:
            column, _, message = str(error).partition(": ")
            problems.append(Problem(file_name=file_name, row=number, column=column, message=message))
    if problems:
        raise input_error(problems)
    return list(found.values())


def _check_columns(found: list[str], file_name: str) -> None:
    missing = [name for name in COLUMNS[:2] if name not in found]
    if missing:
        raise InputError(f"{file_name}:1: the columns {', '.join(missing)} are missing; known: {', '.join(COLUMNS)}")
    for name in found:
        if name not in COLUMNS:  # a misspelt 'aliases' would lose the names that payments arrive under
            raise InputError(f"{file_name}:1:{visible(name)}: there is no such column; known: {', '.join(COLUMNS)}")
        if found.count(name) > 1:
            raise InputError(f"{file_name}:1:{name}: stands there twice")


def _borrower(row: dict[str, str]) -> Borrower:
    borrower_id, name, phone, trade, kind = (row[column].strip() for column in COLUMNS[:5])
    kind = kind or "sole_trader"
    if not borrower_id or len(borrower_id) > 40 or not borrower_id.isprintable() or "|" in borrower_id:
        raise InputError("borrower_id: must be 1 to 40 visible characters, without |")
    if borrower_id == "lender":
        raise InputError("borrower_id: 'lender' is the lender's own account; choose another")
    if not name or not name.isprintable():
        raise InputError("name: must not be empty, nor hold control characters")
    if kind not in BORROWER_KINDS:
        raise InputError(f"kind: '{kind}' is not one of {', '.join(BORROWER_KINDS)}")
    aliases = tuple(sorted({alias.strip() for alias in row["aliases"].split(";") if alias.strip()}))
    return Borrower(borrower_id=borrower_id, name=name, phone=phone, trade=trade, kind=kind, aliases=aliases)


@app.command("list")
def list_(
    ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None, unmask: UnmaskOption = False
) -> None:
    """List borrowers, personal data masked."""
    from loancli.ledger import borrowers, loans

    context = context_of(ctx)
    with session.ledger(context) as db:
        people = borrowers.find(db)
        loans_of: dict[str, int] = {}
        for _, borrower_id, _ in loans.signed(db):
            loans_of[borrower_id] = loans_of.get(borrower_id, 0) + 1
    rows = [{**_shown(each, unmask=unmask), "loans": loans_of.get(each.borrower_id, 0)} for each in people.values()]
    show(rows, format=output_format, output=output, title="borrowers", lang=context.lang)


@app.command("show")
def show_(
    ctx: typer.Context,
    borrower_id: Annotated[str, typer.Argument(help="The borrower's number.")],
    output_format: FormatOption = None,
    output: OutputOption = None,
    unmask: UnmaskOption = False,
) -> None:
    """Show one borrower with loans, files and holds; of one who was forgotten also when, by whom and why."""
    from loancli.ledger import borrowers, contacts, erasure, loans, statements

    context = context_of(ctx)
    with session.ledger(context) as db:
        borrower = borrowers.one(db, borrower_id)
        found = {
            **_shown(borrower, unmask=unmask),
            "aliases": [alias if unmask else mask_name(alias) for alias in borrower.aliases],
            "loans": loans.loan_ids(db, borrower_id=borrower_id),
            "files": sum(file["format"] != erasure.RECORD for file in statements.files(db, borrower_id)),
            "holds": [hold["kind"] for hold in contacts.holds(db, on=context.as_of, borrower_id=borrower_id)],
            **_record(erasure.record_of(db, borrower_id)),
        }
    show(found, format=output_format, output=output, title=borrower_id, lang=context.lang)


@app.command()
def forget(
    ctx: typer.Context,
    borrower_id: Annotated[str, typer.Argument(help="The borrower's number, which stays in the books.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, for the record.")],
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Erase a borrower's personal data and keep the books; lists what was erased, and what stays, hidden, and why.

    Refused while a loan is open, money waits or is held, or a complaint or dispute is open.
    """
    from loancli.jobs.forget_borrower import forget as erase
    from loancli.ledger.connect import trial, writing
    from loancli.ledger.erasure import wipe

    context = context_of(ctx)
    if not reason.strip():
        raise typer.BadParameter("say why: the request, its day, its number", param_hint="--reason")
    is_clean = True
    with session.ledger(context) as db:
        with (trial if dry_run else writing)(db):
            done = erase(db, borrower_id, reason=reason.strip(), stamp=session.stamp(context))
        if not dry_run:
            is_clean = wipe(db)
    show(_left(done, context.lang), format=output_format, output=output, title=borrower_id, lang=context.lang)
    key = "borrower.forgotten" if done.is_new else "borrower.forgotten_before"
    session.tell(context, key, dry_run=dry_run, borrower_id=borrower_id)
    if not is_clean:
        talk(context, "borrower.traces", borrower_id=borrower_id)


def _left(done: "Forgotten", lang: Lang) -> list[dict[str, Any]]:
    """Each kind of data that there was, whether it is gone, and how long the others must stay."""
    return [
        {
            "data": name,
            "count": count,
            "outcome": outcome,
            "until_on": done.contacts_kept_until if name == "messages" else None,
            "why": say(f"forget.{'erased' if outcome == 'erased' else name}", lang),
        }
        for outcome, found in (("erased", done.erased), ("hidden", done.kept))
        for name, count in found.items()
        if count
    ]


def _record(record: dict[str, Any] | None) -> dict[str, Any]:
    """When, by whom and why a borrower was forgotten; nothing of one who was not."""
    return {f"forgotten_{name}": record[name] for name in ("at", "by", "reason")} if record else {}


def _shown(borrower: Borrower, *, unmask: bool) -> dict[str, object]:
    return {
        "borrower_id": borrower.borrower_id,
        "name": (borrower.name if unmask else mask_name(borrower.name)) or None,
        "phone": borrower.phone if unmask else mask_phone(borrower.phone),
        "trade": borrower.trade,
        "kind": borrower.kind,
    }
