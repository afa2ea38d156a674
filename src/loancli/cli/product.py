"""loancli product: the terms that loans are made on."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from loancli.cli import line, session
from loancli.cli.cells import visible
from loancli.cli.explain import cost_sum
from loancli.cli.options import Context, FormatOption, OutputOption, context_of
from loancli.cli.plan_shown import cost_of, plan_summary, quoted_rate
from loancli.cli.render import show, talk
from loancli.core.errors import InputError
from loancli.core.money import yuan
from loancli.core.rates import PPM, percent
from loancli.plan.product import Kind, Product
from loancli.plan.rows import Plan
from loancli.texts import Lang, say
from loancli.texts.refusals import refusal

app = typer.Typer()
YUAN = 100  # fen
EXAMPLE_FEN = 1_000_000  # 10,000 yuan: what a card calculates with, where the product lends it


@app.command("list")
def list_(ctx: typer.Context, output_format: FormatOption = None, output: OutputOption = None) -> None:
    """List the products."""
    context = context_of(ctx)
    rows = [
        {
            "product": each.code,
            "name": each.name_zh if context.lang == "zh" else each.name_en,
            "kind": each.kind.value,
            "annual_rate_ppm": None if each.fixed_fee else each.annual_rate_ppm,
            "periods": f"{each.periods_min}-{each.periods_max}",
            "principal_max_fen": each.principal_max_fen,
        }
        for each in session.products(context)
    ]
    show(rows, format=output_format, output=output, title="products", lang=context.lang)


@app.command("show")
def show_(
    ctx: typer.Context,
    code: Annotated[str, typer.Argument(help="A product's code, or the path of its file.")],
    output_format: FormatOption = None,
    output: OutputOption = None,
) -> None:
    """Show a product as a card: terms, an example with its cost, and what happens in a weak month."""
    context = context_of(ctx)
    product = session.product(context, code)
    card = {
        "product": product.code,
        "product_name": product.name_zh if context.lang == "zh" else product.name_en,
        "summary": product.summary_zh if context.lang == "zh" else product.summary_en,
        "kind": product.kind.value,
        **price(product, context.lang),
        "periods": f"{product.periods} ({product.periods_min}-{product.periods_max})",
        **early_and_late(product, context.lang),
        **line.terms(product, context.lang),
        "weak_month": weak_month(product, context.lang),
        **example(context, product),
    }
    show(card, format=output_format, output=output, title=product.code, lang=context.lang)


def price(product: Product, lang: Lang) -> dict[str, Any]:
    """The yearly rate with its day count; or the fixed fee that stands in their place."""
    fee = product.fixed_fee
    if fee is None:
        rate = quoted_rate(product) or {"annual_rate_ppm": product.annual_rate_ppm}
        return {**rate, "day_count": product.day_count.value}
    if fee.principal_ppm:
        return {"price": say("product.fee_share", lang, percent=percent(fee.principal_ppm))}
    return {"price": say("product.fee_amount", lang, amount=yuan(fee.amount_fen))}


def early_and_late(product: Product, lang: Lang) -> dict[str, Any]:
    """The penalty; or what becomes of a fixed fee where it is paid early or late."""
    if product.fixed_fee:
        return {
            "paid_early": say(f"product.{product.fixed_fee.early.value}", lang),
            "paid_late": say("product.fee_late", lang),
        }
    penalty = product.penalty
    told = say(
        "product.penalty",
        lang,
        percent=percent(product.penalty_ppm),
        cap=percent(penalty.cap_ppm),
        days=penalty.grace_days,
    )
    return {"penalty": told}


def example(context: Context, product: Product) -> dict[str, Any]:
    """What a loan of 10,000 yuan on these terms comes to; nothing where that depends on the borrower."""
    from loancli.plan.ceilings import Outcome

    if product.kind is Kind.CUSTOM:
        return {"example": say("product.own_rows", context.lang, code=product.code)}
    if product.weights_by_season:
        return {"example": say("product.season", context.lang, code=product.code)}
    plan, verdict = cost_of(context, product, example_fen(product), context.as_of, None, None)
    found = {f"example_{name}": value for name, value in plan_summary(plan, verdict).items()}
    if verdict.outcome is Outcome.REFUSED:
        found["example_refused"] = cost_sum(verdict, context.lang)
    found["example_biggest_fen"] = max(row.due_fen for row in plan.rows)
    if product.revenue:
        found["example_weak_month"] = weak_example(plan, context.lang)
    return found


def example_fen(product: Product) -> int:
    """The principal of the example."""
    return min(max(EXAMPLE_FEN, product.principal_min_fen), product.principal_max_fen)


def weak_example(plan: Plan, lang: Lang) -> str:
    """The first instalment of a revenue plan after a usual month, half a month, and one in which nothing came in.

    Usual: as much as makes the share the equal instalment, in whole yuan.
    """
    from loancli.plan.flexible import Owed, Progress, WindowRevenue, fix_instalment

    product, row = plan.product, plan.rows[0]
    assert product.revenue is not None
    level_fen = row.principal_fen + row.interest_fen
    accrued = Fraction(plan.interest_fen if product.fixed_fee else row.interest_fen)
    owed = Owed(outstanding_principal_fen=plan.principal_fen, accrued=accrued, level_fen=level_fen)

    def due(revenue_fen: int) -> str:
        window = WindowRevenue(counted_fen=(("declared", revenue_fen),))
        progress = Progress(levels_fen=0, fixed_fen=0, is_checkpoint=False)
        fixed = fix_instalment(product, periods_left=len(plan.rows), owed=owed, window=window, progress=progress)
        return yuan(fixed.amount_fen + row.fee_fen)

    usual_fen = -(-level_fen * PPM // (product.revenue.share_ppm * YUAN)) * YUAN
    return say(
        "product.weak_example",
        lang,
        usual=yuan(usual_fen),
        usual_due=due(usual_fen),
        half_due=due(usual_fen // 2),
        nothing_due=due(0),
    )


def weak_month(product: Product, lang: Lang) -> str:
    """What a borrower pays when little comes in, in one sentence."""
    usual = _weak_instalment(product, lang)
    space = product.breathing_space
    if space is None:
        return usual
    asked = say(f"pays.{space.pays.name}", lang, percent=percent(space.pays.part_ppm))
    rest = say("product.extends" if space.extends else "product.respreads", lang)
    if space.trigger is None:
        told = say(
            "product.weak_space", lang, asked=asked, rest=rest, periods=space.periods_max, times=space.a_year_max
        )
    else:
        below, windows = percent(space.trigger.below_ppm), space.trigger.windows
        told = say("product.weak_trigger", lang, asked=asked, rest=rest, below=below, windows=windows,
                   times=space.a_year_max)  # fmt: skip
    return told if product.revenue is None else say("why.join", lang).join([usual, told])


def _weak_instalment(product: Product, lang: Lang) -> str:
    revenue = product.revenue
    if product.line:
        return line.told(f"weak_{product.line.principal.value}", product.line, lang)
    if revenue is None:
        return say("product.weak_fixed", lang)
    share = percent(revenue.share_ppm)
    floor = say(f"floor.{revenue.floor.base.value}", lang) if revenue.floor else ""
    told = say("product.weak_floor", lang, share=share, floor=floor) if floor else ""
    progress = revenue.minimum_progress
    if progress is None or not progress.total_over:
        return told or say("product.weak_share", lang, share=share)
    return say(
        "product.weak_total",
        lang,
        told=told or say("product.weak_part", lang, share=share),
        part=f"{progress.total_over}/{progress.total_under}",
        often=say("product.every_days", lang, count=progress.every_days)
        if progress.every_days
        else say("product.every_windows", lang, count=progress.windows),
    )


@app.command()
def check(
    ctx: typer.Context,
    files: Annotated[list[Path], typer.Argument(help="Product files (TOML).")],
) -> None:
    """Check product files: every mistake with file, line and key; and each product's cost across its terms."""
    from loancli.plan.product_file import read_product

    context = context_of(ctx)
    wrong = []
    for file in files:
        try:
            product = read_product(session.read_text(file), visible(str(file)))
            _check_corners(context, product, file)
        except InputError as error:
            wrong.append(str(error))
            continue
        talk(context, "product.sound", file=file, name=product.name_zh if context.lang == "zh" else product.name_en)
    if wrong:
        raise InputError("\n".join(wrong))


def _check_corners(context: Context, product: Product, file: Path) -> None:
    """Warn of loans that could not be signed today. Raises InputError where none of those tried could."""
    from loancli.plan.ceilings import Outcome
    from loancli.plan.corners import corners, worst

    found = corners(product, session.ceilings(context), calendar=session.calendar(context), signed_on=context.as_of)
    above = [corner for corner in found if corner.verdict and corner.verdict.outcome is Outcome.REFUSED]
    no_plans = [corner for corner in found if corner.verdict is None]
    dearest = worst(found)
    told = {"file": visible(str(file)), "count": len(above), "tried": len(found)}
    if dearest and dearest.verdict:
        told |= {"principal": yuan(dearest.principal_fen), "periods": dearest.periods}
        told |= {"sentence": cost_sum(dearest.verdict, context.lang)}
        if len(above) + len(no_plans) == len(found):
            raise InputError(say("product.never", context.lang, **told))
        talk(context, "product.above" if above else "product.compound", **told)
    elif len(no_plans) == len(found):
        raise InputError(f"{told['file']}: {no_plans[0].no_plan}")
    if no_plans:
        first = no_plans[0]
        place = {"principal": yuan(first.principal_fen), "periods": first.periods, "count": len(no_plans)}
        talk(context, "product.no_plan", **told | place, error=refusal(first.no_plan, context.lang))
