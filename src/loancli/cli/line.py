"""What the commands show of a credit line: draws and repayments in a plan, the limit of a loan, a sentence of terms."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import typer

from loancli.cli.explain import why
from loancli.cli.options import day
from loancli.core.errors import InputError
from loancli.core.money import fen_of, yuan
from loancli.core.rates import percent
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from loancli.plan.ceilings import Verdict
    from loancli.plan.product import CreditLine, Product
    from loancli.plan.rows import Plan
    from loancli.servicing.life import Life
    from loancli.servicing.line import LinePlan, OnDay

SCREEN = ("due_on", "number", "drawn_fen", "due_fen", "principal_fen", "interest_fen", "left_fen", "why")


def on_days(texts: Sequence[str], option: str) -> list["OnDay"]:
    """'2026-03-01=20000' of `--draw` or `--repay` as a day and fen above 0."""
    from loancli.servicing.line import OnDay

    found = []
    for text in texts:
        on, equals, amount = text.partition("=")
        try:
            amount_fen = fen_of(amount) if equals else 0
        except InputError as error:
            raise typer.BadParameter(str(error), param_hint=option) from None
        if not amount_fen:
            raise typer.BadParameter(f"'{text[:40]}' is not a day and yuan such as 2026-03-01=20000", param_hint=option)
        found.append(OnDay(_day(on, option), amount_fen))
    return found


def _day(text: str, option: str) -> date:
    try:
        return day(text)
    except typer.BadParameter as error:
        raise typer.BadParameter(error.message, param_hint=option) from None


def draws_of(plan: "Plan", drawn: Sequence["OnDay"], repaid: Sequence["OnDay"]) -> "LinePlan":
    """The plan that is asked for: without a draw, the whole limit is drawn on the first day."""
    from loancli.servicing.line import OnDay, plan_draws

    return plan_draws(plan, drawn or [OnDay(plan.start_on, plan.principal_fen)], repaid)


def check_kind(product: "Product", option: str) -> None:
    """InputError where an option that only a credit line has is used with another product."""
    if product.line is None:
        raise InputError(f"{option}: {product.code} is no credit line; only kind credit_line is drawn in parts")


def step_rows(planned: "LinePlan", lang: Lang) -> list[dict[str, Any]]:
    """Due lines, draws and repayments, in the order in which they count."""
    return [
        {
            "due_on": step.on,
            "step": step.what,
            "number": step.number,
            "drawn_fen": step.drawn_fen,
            "due_fen": step.principal_fen + step.interest_fen,
            "principal_fen": step.principal_fen,
            "interest_fen": step.interest_fen,
            "fee_fen": 0,
            "left_fen": step.in_use_fen,
            "why": why(step.reason, lang) if step.reason else say(f"line.{step.what}", lang),
        }
        for step in planned.steps
    ]


def draws_summary(planned: "LinePlan", whole: dict[str, Any], verdict: "Verdict") -> dict[str, Any]:
    """What the draws come to, in the keys of `whole`, the summary of the limit drawn in full; its cost beside theirs.

    Above the ceiling is what either of them makes so.
    """
    from loancli.plan.ceilings import Outcome, verdict_on
    from loancli.plan.cost import apr

    cost = apr(planned.flows)
    outcomes = {verdict.outcome, verdict_on(cost, verdict.limit)}
    worst = next(each for each in (Outcome.REFUSED, Outcome.WARN, Outcome.OK) if each in outcomes)
    due = [step for step in planned.steps if step.what == "instalment" and step.principal_fen + step.interest_fen]
    return {
        **whole,
        "limit_fen": whole["principal_fen"],
        "principal_fen": planned.drawn_fen,
        "instalments": len(due),
        "first_due_on": due[0].on if due else None,
        "first_due_fen": due[0].principal_fen + due[0].interest_fen if due else 0,
        "last_due_on": due[-1].on if due else None,
        "interest_fen": planned.interest_fen,
        "total_fen": planned.drawn_fen + planned.interest_fen,
        "apr_simple_percent": f"{cost.simple_percent:.2f}",
        "apr_compound_percent": cost.compound_shown,
        "full_apr_simple_percent": whole["apr_simple_percent"],
        "full_apr_compound_percent": whole["apr_compound_percent"],
        "within_ceiling": worst.value,
    }


def limit_of(at_day: "Life") -> dict[str, Any]:
    """Of a credit line: its limit, what of it may be drawn, and until when. Of another loan: nothing."""
    from loancli.plan.line import last_draw_on

    line = at_day.contract.product.line
    if line is None:
        return {}
    return {
        "limit_fen": at_day.contract.principal_fen,
        "free_fen": at_day.position.free_fen,
        "last_draw_on": last_draw_on(line, at_day.contract.rows),
    }


def terms(product: "Product", lang: Lang) -> dict[str, str]:
    """How a line is drawn and comes back, in one sentence, for a product's card."""
    line = product.line
    if line is None:
        return {}
    return {
        "line": say(
            "line.terms",
            lang,
            least=yuan(line.draw_min_fen),
            until=told("until" if line.no_draws_last_periods else "until_the_end", line, lang),
            again=told("revolving" if line.revolving else "once", line, lang),
            back=told(line.principal.value, line, lang),
        )
    }


def told(name: str, line: "CreditLine", lang: Lang) -> str:
    """A text of the section `line` with the numbers of the terms."""
    return say(f"line.{name}", lang, share=percent(line.share_ppm), periods=line.no_draws_last_periods)
