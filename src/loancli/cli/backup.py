"""loancli ledger backup and restore: the books in a file of their own, proved on the way out and on the way in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loancli.cli import session
from loancli.cli.options import Context, DryRunOption, FormatOption, OutputOption, context_of
from loancli.cli.render import show
from loancli.core.errors import NotFoundError, RefusedError
from loancli.texts import say

if TYPE_CHECKING:
    from loancli.jobs.keep_ledger import Copied


COUNTED = {"loans": "loan", "events": "event", "entries": "entry", "statement_rows": "txn", "closed_days": "day"}


def backup(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup; a new file.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="FILE may be there: an earlier backup of the same ledger.")
    ] = False,
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Copy the ledger into a file, whole and proved, while others go on working with it.

    The copy is opened, its pages and schema are checked, all questions of `ledger check` are asked of it, and the ends
    of its chains must be those of the ledger: only then does it get its name.
    """
    from loancli.jobs.keep_ledger import back_up

    context = context_of(ctx)
    with session.ledger(context) as db:
        copied = back_up(db, context.ledger, file, replaces=replace, is_trial=dry_run)
    show(_shown(copied), format=output_format, output=output, title=str(file), lang=context.lang)
    session.tell(context, "backup.done", dry_run=dry_run, file=file, ledger=context.ledger)


def restore(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup, of this version or an earlier one.")],
    dry_run: DryRunOption = False,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Make the ledger of --ledger anew from a backup; a damaged ledger in its place is kept aside.

    With --dry-run the backup is copied, brought up to this version and proved, and nothing is put in place: a drill.
    """
    from loancli.jobs.keep_ledger import restore as put_back

    context = context_of(ctx)
    _check(file, context)
    copied = put_back(file, context.ledger, stamp=session.stamp(context), is_trial=dry_run)
    found = {**_shown(copied), "kept_aside": str(copied.aside) if copied.aside else None}
    show(found, format=output_format, output=output, title=str(context.ledger), lang=context.lang)
    key = "backup.restored_aside" if copied.aside else "backup.restored"
    values = {"file": file, "ledger": context.ledger, "day": copied.open_on, "aside": copied.aside}
    session.tell(context, key, dry_run=dry_run, **values)


def _check(file: Path, context: Context) -> None:
    """Is the file a backup that this version can read? Raises NotFoundError, RefusedError."""
    from loancli.ledger import health
    from loancli.ledger.whole import SIDE_FILES

    if not file.exists():
        raise NotFoundError(f"{file}: no such file")
    for fault in health.faults(file):
        if fault.code not in {"read_only", "links"}:
            raise RefusedError(say(f"health.{fault.code}", context.lang, **fault.values))
    if any(Path(f"{file}{suffix}").exists() for suffix in SIDE_FILES):
        raise RefusedError(say("backup.in_use", context.lang, file=file))


def _shown(copied: "Copied") -> dict[str, Any]:
    """What the copy holds, as one object; the ends of chains can be kept on paper and compared."""
    return {
        "file": str(copied.path),
        "bytes": copied.size_bytes,
        "schema": copied.schema,
        "open_on": copied.open_on,
        **{name: copied.counts[table] for name, table in COUNTED.items()},
        **{f"{table}_sha": sha for table, sha in copied.heads.items()},
    }
