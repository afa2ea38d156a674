"""`loancli adjust` over many loans: the batch read or selected, a line for each loan, and what was done."""

import gc
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from loancli.cli import session
from loancli.cli.cells import heading, visible
from loancli.cli.exit import Exit
from loancli.cli.options import Context, Format
from loancli.cli.render import progress, show, talk
from loancli.cli.sheet import read_sheet
from loancli.core.errors import InputError, Problem, RefusedError, input_error
from loancli.core.money import yuan
from loancli.plan.cells import day_of
from loancli.texts import LANGS, catalogue, refusals

if TYPE_CHECKING:
    from loancli.jobs.adjust_batch import Done, Wanted
    from loancli.jobs.adjust_loan import Rules
    from loancli.plan.diff import Diff

T = TypeVar("T")
ANSWERS = {"yes": True, "no": False, "true": True, "false": False, "是": True, "否": False}
NEEDED, KNOWN = ("loan_id", "change"), ("loan_id", "change", "on", "state", "in_difficulty", "fingerprint")
SCREEN = (
    "loan_id",
    "state",
    "instalments_after",
    "last_due_after_on",
    "biggest_after_fen",
    "cost_difference_fen",
    "worse",
    "reason",
)


# --- the batch ---


def read(path: Path, on: date, in_difficulty: bool | None) -> "list[Wanted]":
    """The rows of a CSV, a workbook, JSON or JSON lines: loan_id, change, perhaps on, in_difficulty (else as given) and
    fingerprint; others are passed over. What a preview wrote, in any of these forms, can be read back.

    Raises NotFoundError, and InputError with every problem: file, row, column.
    """
    from loancli.jobs.adjust_batch import Wanted

    file_name = visible(path.name)
    found: list[Wanted] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    states = {word: code for lang in LANGS for code, word in catalogue(lang)["state"].items()}
    states |= {code: code for code in catalogue("en")["state"]}
    is_done = False  # a preview of what is in force already: there is nothing to do, and nothing wrong
    for number, cells in _lines(path, file_name):
        state = states.get(cells.get("state", ""), "")
        if state in {"refused", "in_force"}:
            is_done |= state == "in_force"
            continue  # so said by the preview whose file this is
        loan_id, text = cells.get("loan_id", "").strip(), cells.get("change", "").strip()
        for column, value in (("loan_id", loan_id), ("change", text)):
            if not value:
                problems.append(Problem(file_name=file_name, row=number, column=column, message="is empty"))
        if loan_id in seen:
            message = f"loan {loan_id} is in row {seen[loan_id]} already; a batch changes each loan once"
            problems.append(Problem(file_name=file_name, row=number, column="loan_id", message=message))
        seen[loan_id] = number
        day = on
        if cells.get("on", "").strip():
            try:
                day = day_of(cells["on"].strip())
            except InputError as error:
                problems.append(Problem(file_name=file_name, row=number, column="on", message=str(error)))
        answer = cells.get("in_difficulty", "").strip().lower()
        if answer and answer not in ANSWERS:
            message = f"'{answer}' is not yes or no"
            problems.append(Problem(file_name=file_name, row=number, column="in_difficulty", message=message))
        found.append(
            Wanted(
                row=number,
                loan_id=loan_id,
                text=text,
                on=day,
                fingerprint=cells.get("fingerprint", "").strip(),
                in_difficulty=ANSWERS.get(answer, in_difficulty),
            )
        )
    if problems:
        raise input_error(problems)
    if not found and not is_done:
        raise InputError(f"{file_name}: no row to change")
    return found


def _lines(path: Path, file_name: str) -> Iterable[tuple[int, Mapping[str, str]]]:
    if path.suffix.lower() in {".json", ".jsonl", ".ndjson"}:
        yield from _json_rows(path, file_name)
        return
    sheet = read_sheet(path)
    known = _names()
    names = [known.get(name.strip(), "") for name in sheet.columns]
    if missing := [name for name in NEEDED if name not in names]:
        raise InputError(f"{sheet.file_name}:1: needs the columns {', '.join(NEEDED)}; {missing[0]} is missing")
    for number, cells in sheet.rows:
        yield number, dict(zip(names, cells, strict=False))


def _json_rows(path: Path, file_name: str) -> Iterable[tuple[int, Mapping[str, str]]]:
    """An object a line; or one document, as a preview's: its objects by their turn."""
    text = session.read_text(path)
    is_lines = path.suffix.lower() != ".json"
    pieces = list(enumerate(text.splitlines(), start=1)) if is_lines else [(1, text)]
    found: list[tuple[int, object]] = []
    for number, piece in pieces:
        try:
            read = json.loads(piece) if piece.strip() else None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{file_name}:{number}: not JSON: {error}") from None
        if isinstance(read, list) and not is_lines:
            found += enumerate(read, start=1)
        elif piece.strip():
            found.append((number, read))
    for number, row in found:
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in NEEDED):
            raise InputError(f"{file_name}:{number}: write an object with {' and '.join(NEEDED)} as texts")
        yield number, {name: str(row[name]) for name in KNOWN if row.get(name) is not None}


def _names() -> dict[str, str]:
    """The columns that count, by their names in files of programs and in workbooks of any language."""
    return {word: name for name in KNOWN for word in (name, *(heading(name, lang) for lang in LANGS))}


def selected(
    context: Context, text: str, on: date, selection: Mapping[str, str | None], in_difficulty: bool | None
) -> "list[Wanted]":
    """The change for every active loan that the selection names, by loan id. RefusedError where there is none."""
    from loancli.jobs.adjust_batch import Wanted
    from loancli.jobs.select_loans import select_loans

    rules = session.contact_rules(context, "collections") if selection["segment"] else None
    with session.ledger(context) as db:
        loan_ids = select_loans(
            db,
            context.as_of,
            trade=selection["trade"],
            product_code=selection["product"],
            segment=selection["segment"],
            rules=rules,
        )
    if not loan_ids:
        told = ", ".join(f"{name} {value}" for name, value in selection.items() if value)
        raise RefusedError(f"no active loan is of {told}")
    return [
        Wanted(row=row, loan_id=loan_id, text=text, on=on, in_difficulty=in_difficulty)
        for row, loan_id in enumerate(loan_ids, start=1)
    ]


# --- what is shown and done ---


def show_preview(
    context: Context, wanted: "Sequence[Wanted]", rules: "Rules", output_format: Format | None, output: Path | None
) -> None:
    """A line for each loan, and the totals. Exit 5 if some are refused, 3 if all are."""
    from loancli.jobs.adjust_batch import preview

    with session.ledger(context) as db:
        told = Told(context, has_rates=True)
        told.show(_bar(context, preview(db, wanted, rules), len(wanted)), output_format, output)
    told.sum_up("adjust.would")


def put_in_force(
    context: Context,
    wanted: "Sequence[Wanted]",
    rules: "Rules",
    output_format: Format | None,
    output: Path | None,
    *,
    dry_run: bool,
) -> None:
    """Apply the rows of a preview. Exit 5 if some are refused, 3 if all are."""
    from loancli.jobs.adjust_batch import apply, batch_of, preview_of

    told = Told(context, has_rates=False)  # of which the preview told
    with session.ledger(context) as db:
        work = preview_of(db, wanted, rules) if dry_run else apply(db, wanted, rules)
        told.show(_bar(context, work, len(wanted)), output_format, output)
    told.sum_up("adjust.would" if dry_run else "adjust.did", "" if dry_run else batch_of(wanted))


def take_back(
    context: Context, batch: str, output_format: Format | None, output: Path | None, *, dry_run: bool
) -> None:
    """Undo a batch, and show what was left and why. Exit 5 if something was."""
    from loancli.jobs.adjust_batch import made_by, undo, undoing

    with session.ledger(context) as db:
        total = len(made_by(db, batch))
        work = undoing(db, batch) if dry_run else undo(db, batch, stamp=session.stamp(context))
        rows = [
            {
                "loan_id": event.loan_id,
                "change": event.payload["change"],
                "on": event.effective_on,
                "state": "left" if refusal else "undone",
                "reason": refusals.refusal(refusal, context.lang),
            }
            for event, refusal in _bar(context, work, total, "undo")
        ]
    show(rows, format=output_format, output=output, title=batch, lang=context.lang)
    left = sum(row["state"] == "left" for row in rows)
    session.tell(context, "adjust.undone", dry_run=dry_run, undone=len(rows) - left, left=left, batch=batch)
    if left:
        raise typer.Exit(Exit.PARTIAL)


def _bar(context: Context, work: Iterable[T], total: int, label: str = "adjust") -> Iterable[T]:
    gc.set_threshold(100_000)  # hundreds of objects a loan, and no cycles: looking for some is an eighth of the time
    return progress(work, total=total, label=label, quiet=context.quiet)


class Told:
    """What is told of each loan of a batch, as it comes, and the sums. `has_rates`: with the yearly costs."""

    def __init__(self, context: Context, *, has_rates: bool) -> None:
        self.context = context
        self.has_rates = has_rates
        self.figures = _FIGURES + _RATES if has_rates else _FIGURES
        self.sums = dict.fromkeys(("changed", "same", "refused", "worse", "cost_fen"), 0)

    def show(self, done: "Iterable[Done]", output_format: Format | None, output: Path | None) -> None:
        """A row for each, made while the work goes on: of a large batch there is no room for all that was found."""
        has_days = session.as_json(output_format, output)
        columns = (*_HEAD, *self.figures, "worse", "in_difficulty", *(("days",) if has_days else ()))
        rows = (self._row(each, has_days=has_days) for each in done)
        show(rows, format=output_format, output=output, title="adjust", columns=columns, screen=SCREEN,
             lang=self.context.lang)  # fmt: skip

    def sum_up(self, key: str, batch: str = "") -> None:
        """The sums, and how to undo it. Exit 5 if some are refused, 3 if all are."""
        cost_fen = self.sums.pop("cost_fen")
        talk(self.context, key, **self.sums, cost=yuan(cost_fen))
        if batch and self.sums["changed"]:
            talk(self.context, "adjust.batch", batch=batch)
        if self.sums["refused"]:
            raise typer.Exit(Exit.PARTIAL if self.sums["changed"] or self.sums["same"] else Exit.REFUSED)

    def _row(self, done: "Done", *, has_days: bool) -> dict[str, Any]:
        from loancli.plan.diff import diff

        its = diff(done.found.before, done.found.after) if done.found else None
        state = "changes" if its else "in_force" if done.is_there else "refused"
        self.sums[{"changes": "changed", "in_force": "same"}.get(state, state)] += 1
        row = {
            "loan_id": done.wanted.loan_id,
            "change": done.wanted.text,
            "on": done.wanted.on,
            "state": state,
            "fingerprint": done.fingerprint,
            "reason": refusals.refusal(done.refusal, self.context.lang),
            "worse": "",
            "in_difficulty": _ANSWERED[done.wanted.in_difficulty],
        }
        row |= self._figures(its) if its else dict.fromkeys(self.figures)
        if has_days:
            row["days"] = [
                {"due_on": line.due_on, "before_fen": line.before_fen, "after_fen": line.after_fen}
                for line in (its.lines if its else ())
            ]
        return row

    def _figures(self, its: "Diff") -> dict[str, Any]:
        before, after = its.before, its.after
        cost_fen, cost_after_fen = before.cost_fen, after.cost_fen
        biggest_fen, biggest_after_fen = before.biggest_fen, after.biggest_fen
        last_on, last_after_on = before.last_due_on, after.last_due_on
        figures = [before.instalments, after.instalments, last_on, last_after_on, biggest_fen, biggest_after_fen]
        figures += [cost_fen, cost_after_fen, cost_after_fen - cost_fen]
        if self.has_rates:
            figures += [f"{side.cost.simple_percent:.2f}" for side in (before, after)]
        worse = {
            "cost": cost_after_fen > cost_fen,
            "instalment": biggest_after_fen > biggest_fen,
            "term": last_after_on > last_on,
        }
        told = " ".join(name for name, is_worse in worse.items() if is_worse)
        self.sums["worse"] += bool(told)
        self.sums["cost_fen"] += cost_after_fen - cost_fen
        return {**dict(zip(self.figures, figures, strict=True)), "worse": told}


_ANSWERED = {True: "yes", False: "no", None: ""}
_HEAD = ("loan_id", "change", "on", "state", "fingerprint", "reason")
_FIGURES = (
    "instalments_before", "instalments_after", "last_due_before_on", "last_due_after_on", "biggest_before_fen",
    "biggest_after_fen", "cost_before_fen", "cost_after_fen", "cost_difference_fen",
)  # fmt: skip
_RATES = ("apr_before_simple_percent", "apr_after_simple_percent")
