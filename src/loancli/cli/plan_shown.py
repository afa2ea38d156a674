"""A plan as every command makes it and tells of it: built, held against the ceiling, its sums and its due lines."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.cli.explain import why
from loancli.cli.options import Context
from loancli.cli.render import talk

if TYPE_CHECKING:
    from loancli.plan.ceilings import Verdict
    from loancli.plan.product import Product
    from loancli.plan.rows import OwnRow, Plan


def cost_of(
    context: Context,
    product: "Product",
    principal_fen: int,
    start_on: date,
    periods: int | None,
    first_due_on: date | None,
    rows_file: Path | None = None,
    instalment_fen: int | None = None,
) -> tuple["Plan", "Verdict"]:
    """The plan, and how its cost stands against the legal ceiling."""
    from loancli.plan.build import build
    from loancli.plan.ceilings import check_ceiling
    from loancli.plan.flexible import check_bounds

    calendar = session.calendar(context)
    plan = build(
        product,
        principal_fen,
        start_on,
        calendar=calendar,
        periods=periods,
        first_due_on=first_due_on,
        own_rows=_own_rows(rows_file) if rows_file else (),
        instalment_fen=instalment_fen,
    )
    check_bounds(plan)
    last_on = plan.rows[-1].due_on
    if not calendar.is_known(last_on):
        talk(context, "plan.calendar_ends", day=calendar.known_until)
    return plan, check_ceiling(plan, session.ceilings(context), signed_on=start_on)


def _own_rows(path: Path) -> Sequence["OwnRow"]:
    from loancli.cli.sheet import read_sheet
    from loancli.plan.own_rows import read_own_rows

    sheet = read_sheet(path)
    return read_own_rows(sheet.columns, sheet.rows, sheet.file_name)


def plan_summary(plan: "Plan", verdict: "Verdict") -> dict[str, Any]:
    """What a plan comes to."""
    return {
        "principal_fen": plan.principal_fen,
        "instalments": len(plan.rows),
        "first_due_on": plan.rows[0].due_on,
        "first_due_fen": plan.rows[0].due_fen,
        "last_due_on": plan.rows[-1].due_on,
        price_key(plan.product): plan.interest_fen,
        "fee_fen": plan.fee_fen,
        "total_fen": plan.principal_fen + plan.interest_fen + plan.fee_fen,
        **quoted_rate(plan.product),
        "apr_simple_percent": f"{verdict.cost.simple_percent:.2f}",
        "apr_compound_percent": verdict.cost.compound_shown,
        **expected_rate(plan),
        "ceiling_ppm": verdict.limit.ppm,
        "within_ceiling": verdict.outcome.value,
    }


def expected_rate(plan: "Plan") -> dict[str, Any]:
    """What a revenue plan with a fixed fee costs if it goes as expected: the ceiling looks at its fastest path."""
    from loancli.plan.cost import of_plan

    if not (plan.product.fixed_fee and plan.product.revenue):
        return {}
    return {"apr_expected_percent": f"{of_plan(plan).simple_percent:.2f}"}


def price_key(product: "Product") -> str:
    """What the price of a loan is told as: interest, or the fixed fee that stands in its place."""
    return "fixed_fee_fen" if product.fixed_fee else "interest_fen"


def quoted_rate(product: "Product") -> dict[str, Any]:
    """The rate that a flat loan quotes: it stands beside the yearly cost, which is about twice as much."""
    from loancli.plan.product import Kind

    return {"flat_rate_ppm": product.annual_rate_ppm} if product.kind is Kind.FLAT else {}


def plan_rows(plan: "Plan", context: Context) -> list[dict[str, Any]]:
    """The due lines, each with its why."""
    left_fen = plan.principal_fen
    rows = []
    for row in plan.rows:
        left_fen -= row.principal_fen
        rows.append(
            {
                "number": row.number,
                "due_on": row.due_on,
                "due_fen": row.due_fen,
                "principal_fen": row.principal_fen,
                price_key(plan.product): row.interest_fen,
                "fee_fen": row.fee_fen,
                "left_fen": left_fen,
                "why": why(row.reason, context.lang, fee_fen=row.fee_fen),
            }
        )
    return rows


def plan_screen(plan: "Plan") -> tuple[str, ...]:
    """What a terminal shows of the due lines: fees only where there are some."""
    fee = ("fee_fen",) if plan.fee_fen else ()
    return ("number", "due_on", "due_fen", "principal_fen", price_key(plan.product), *fee, "left_fen", "why")
