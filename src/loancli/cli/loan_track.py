"""loancli loan track: where a loan is and what happens next, in the words of the borrower."""

from typing import TYPE_CHECKING, Any

import typer

from loancli.cli import session
from loancli.cli.loan_event import LoanArgument
from loancli.cli.options import Format, FormatOption, OutputOption, context_of
from loancli.cli.render import show
from loancli.core.mask import mask_name
from loancli.core.money import yuan
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from loancli.jobs.track_loan import Tracked
    from loancli.servicing.track import Step

IN_LANG: dict[Lang, str] = {"zh": "in_chinese", "en": "in_english"}  # what a borrower reads is Chinese first


def track(
    ctx: typer.Context,
    loan_id: LoanArgument,
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Tell where a loan is on --as-of, and what happens next: in Chinese, as a borrower may be told, names masked.

    In English as well, unless the language is Chinese.
    """
    from loancli.jobs.track_loan import track_loan

    context = context_of(ctx)
    with session.ledger(context) as db:
        found = track_loan(db, loan_id, context.as_of, session.ageing(context))
    head, steps = _head(found), [_step(step) for step in found.track.steps]
    if session.as_json(output_format, output):
        show({**head, "steps": steps}, format=output_format, output=output, lang=context.lang)
        return
    hidden = IN_LANG["en"] if context.lang == "zh" else ""
    if output is None and output_format in {None, Format.TABLE}:
        show(head, title=loan_id, columns=[name for name in head if name != hidden], lang=context.lang)
        if not steps:
            return
    screen = ("on", *(name for name in IN_LANG.values() if name != hidden))
    show(steps, format=output_format, output=output, title=loan_id, screen=screen, lang=context.lang)


def _head(found: "Tracked") -> dict[str, Any]:
    """What one asks first: the loan, where it is in one sentence, and what was paid."""
    lived, answer = found.lived, found.track
    contract, position = lived.contract, lived.position
    return {
        "loan_id": contract.loan_id,
        "name": mask_name(found.borrower.name),
        "product": contract.product.code,
        "as_of": lived.as_of,
        "stage": answer.stage.value,
        **{name: _sentence(found, lang) for lang, name in IN_LANG.items()},
        "days_past_due": answer.standing.days_past_due,
        "bucket": answer.standing.bucket,
        "asset_class": found.asset_class,
        "to_pay_fen": answer.to_pay_fen,
        "principal_outstanding_fen": position.principal_outstanding_fen,
        "paid_total_fen": position.paid_total_fen,
        "last_paid_on": answer.last_paid_on,
        "last_paid_fen": answer.last_paid_fen,
        "ended_on": answer.ended_on,
    }


def _sentence(found: "Tracked", lang: Lang) -> str:
    lived, answer = found.lived, found.track
    position = lived.position
    return say(
        f"track.{answer.stage.value}",
        lang,
        name=mask_name(found.borrower.name),
        loan_id=lived.contract.loan_id,
        principal=yuan(lived.contract.principal_fen),
        outstanding=yuan(position.principal_outstanding_fen),
        to_pay=yuan(answer.to_pay_fen),
        penalty=yuan(position.penalty_due_fen + position.penalty_accrued_fen),
        days=answer.standing.days_past_due,
        bucket=answer.standing.bucket,
        free=yuan(position.free_fen),
        day=answer.ended_on or lived.contract.signed_on,
    )


def _step(step: "Step") -> dict[str, Any]:
    key = step.what.value
    if key == "expected" and not step.amount_fen:
        key = "unknown"
    elif key == "hold_ends" and step.on is None:
        key = "held"
    told = {
        name: say(
            f"step.{key}",
            lang,
            amount=yuan(step.amount_fen or 0),
            detail=say(f"hold_kind.{step.detail}", lang) if step.what.value == "hold_ends" else step.detail,
        )
        for lang, name in IN_LANG.items()
    }
    return {"on": step.on, "step": step.what.value, "amount_fen": step.amount_fen, "detail": step.detail, **told}
