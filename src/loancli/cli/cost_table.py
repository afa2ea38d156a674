"""The answer of `loancli plan cost`: the table of what a loan costs, for a borrower to read and to sign."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from loancli.cli import session
from loancli.cli.cells import heading
from loancli.cli.explain import cost_sum
from loancli.cli.render import save, show, talk
from loancli.core.errors import RefusedError
from loancli.core.money import yuan
from loancli.core.rates import DayCount, percent
from loancli.plan.build import fee_of
from loancli.plan.ceilings import Outcome, Verdict
from loancli.plan.cost_table import Cost, CostTable, PathCost, cost_table
from loancli.plan.product import Fee, Kind, Product
from loancli.texts import Lang, say

if TYPE_CHECKING:
    from pathlib import Path

    from loancli.cli.options import Context, Format
    from loancli.plan.rows import Plan

SCREEN = ("cost_item", "how", "charged_by", "amount_fen", "yearly_simple_ppm")
FASTEST = ("fastest_amount_fen", "fastest_yearly_simple_ppm")
_Row = dict[str, Any]


def answer(
    context: "Context",
    plan: "Plan",
    verdict: "Verdict",
    borrower_kind: str,
    *,
    output_format: "Format | None",
    output: "Path | None",
    html: "Path | None",
) -> None:
    """Show the cost table of a plan. Raises RefusedError for a loan that may not be signed: it is offered to nobody."""
    if verdict.outcome is Outcome.REFUSED:
        raise RefusedError(cost_sum(verdict, context.lang))
    table = cost_table(plan)
    if html is not None:
        save(html, _page(table, borrower_kind))
        talk(context, "cost.page", file=html)
    rows = _rows(table, context.lang)
    head = _head(table, borrower_kind, context.lang)
    if session.as_json(output_format, output):
        limit = {"ceiling_ppm": verdict.limit.ppm, "within_ceiling": verdict.outcome.value}
        show({**head, **limit, "rows": rows}, format=output_format, output=output, lang=context.lang)
    else:
        show(rows, format=output_format, output=output, title=head["document"], screen=SCREEN, lang=context.lang)
    if verdict.outcome is Outcome.WARN:
        talk(context, "loan.cost_warning", sentence=cost_sum(verdict, context.lang))


def _head(table: CostTable, borrower_kind: str, lang: Lang) -> _Row:
    plan, expected = table.plan, table.expected
    return {
        "document": say("cost.title_company" if borrower_kind == "company" else "cost.title_person", lang),
        "product": plan.product.code,
        "product_name": plan.product.name_zh if lang == "zh" else plan.product.name_en,
        "kind": plan.product.kind.value,
        "borrower_kind": borrower_kind,
        "principal_fen": plan.principal_fen,
        "start_on": plan.start_on,
        "instalments": expected.instalments,
        "first_due_on": plan.rows[0].due_on,
        "last_due_on": expected.last_due_on,
        "total_fen": plan.principal_fen + expected.total.amount_fen,
        "yearly_simple_ppm": expected.total.yearly_ppm,
        "yearly_compound_ppm": expected.compound_ppm,
    }


def _rows(table: CostTable, lang: Lang) -> list[_Row]:
    """The lines of the table: principal, each cost, their total, what a default may add, and that this is all."""
    plan = table.plan
    lender = say("cost.lender", lang)

    def row(part: str, item: str, how: str, charged_by: str = "", cost: Cost | None = None) -> _Row:
        found: _Row = {"part": part, "cost_item": item, "how": how, "charged_by": charged_by}
        found |= {"amount_fen": cost and cost.amount_fen, "yearly_simple_ppm": cost and cost.yearly_ppm}
        return found | (dict.fromkeys(FASTEST) if table.fastest else {})

    paid_out = row("principal", say("cost.principal", lang), say("cost.principal_how", lang, day=plan.start_on))
    rows = [
        {**paid_out, "amount_fen": plan.principal_fen},
        row("cost", *_price(plan.product, lang), lender, table.expected.interest),
        *(
            row("cost", fee.name, _fee_how(plan, fee, lang), fee.charged_by or lender, cost)
            for fee, cost in zip(plan.product.fees, table.expected.fees, strict=True)
        ),
        row("total", say("cost.total", lang), _total_how(table.expected, lang), "", table.expected.total),
    ]
    if table.fastest:
        costs = [None, table.fastest.interest, *table.fastest.fees, table.fastest.total]
        for each, cost in zip(rows, costs, strict=True):
            each |= zip(FASTEST, (cost and cost.amount_fen, cost and cost.yearly_ppm), strict=True)
        fastest = {"count": table.fastest.instalments, "percent": percent(table.fastest.total.yearly_ppm)}
        rows.append(row("total", say("cost.fastest", lang), say("cost.fastest_how", lang, **fastest)))
    contingent = [
        row("contingent", say(f"cost.{name}", lang), how, charged_by) for name, how, charged_by in _late(plan, lang)
    ]
    return [*rows, *contingent, row("statement", say("cost.statement", lang), say("cost.nothing_else", lang))]


def _price(product: Product, lang: Lang) -> tuple[str, str]:
    """What the lender takes for lending, and how it is counted: interest, or the fixed fee that stands in its place."""
    fixed = product.fixed_fee
    if fixed and fixed.principal_ppm:
        return say("cost.fixed_fee", lang), say("product.fee_share", lang, percent=percent(fixed.principal_ppm))
    if fixed:
        return say("cost.fixed_fee", lang), say("product.fee_amount", lang, amount=yuan(fixed.amount_fen))
    key = "cost.interest_flat" if product.kind is Kind.FLAT else "cost.interest_how"
    rate, basis = percent(product.annual_rate_ppm), say(f"day_count.{product.day_count.value}", lang)
    return say("cost.interest", lang), say(key, lang, rate=rate, basis=basis)


def _fee_how(plan: "Plan", fee: Fee, lang: Lang) -> str:
    amount = yuan(fee_of(plan.product, fee, plan.principal_fen))
    standard = say("cost.amount", lang, amount=amount)
    if fee.principal_ppm:
        standard = say("cost.share", lang, percent=percent(fee.principal_ppm), amount=amount)
    return say(f"cost.{fee.due_with}", lang, standard=standard)


def _total_how(path: PathCost, lang: Lang) -> str:
    return say("cost.total_how", lang, count=path.instalments, compound=percent(path.compound_ppm))


def _late(plan: "Plan", lang: Lang) -> list[tuple[str, str, str]]:
    """What may come on top where the loan is not paid as agreed, and that paying early costs nothing (PRC-05, 07)."""
    product, penalty, lender = plan.product, plan.product.penalty, say("cost.lender", lang)
    if product.fixed_fee:
        early = say(f"product.{product.fixed_fee.early.value}", lang)
        return [("penalty", say("product.fee_late", lang), ""), ("early", early, "")]
    days = 365 if product.day_count is DayCount.ACT_365F else 360
    cap = percent(penalty.cap_ppm)
    rate = {"rate": percent(product.penalty_ppm), "multiple": percent(penalty.multiple_ppm), "cap": cap, "days": days}
    grace = say("cost.grace", lang, days=penalty.grace_days) if penalty.grace_days else say("cost.no_grace", lang)
    compound = say("cost.compound_how" if penalty.on_interest else "cost.no_compound", lang, rate=rate["rate"])
    return [
        ("penalty", say("cost.penalty_how", lang, **rate) + grace, lender),
        ("compound", compound, lender if penalty.on_interest else ""),
        ("cap", say("cost.cap_how", lang, cap=cap), ""),
        ("early", say("cost.early_how", lang), ""),
    ]


def _page(table: CostTable, borrower_kind: str) -> str:
    """The table as a page to print and sign: Chinese first, English below it, nothing from the network."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("loancli.cli").joinpath("cost_page.html").read_text(encoding="utf-8")
    names = (*SCREEN, *(FASTEST if table.fastest else ()))
    heads = [_head(table, borrower_kind, lang) for lang in ("zh", "en")]
    both = list(zip(_rows(table, "zh"), _rows(table, "en"), strict=True))
    facts = [name for name in heads[0] if name not in {"document", "product", "borrower_kind"}]
    return (
        environment.from_string(source).render(
            zh=lambda key: say(f"cost.{key}", "zh"),
            en=lambda key: say(f"cost.{key}", "en"),
            title=[head["document"] for head in heads],
            facts=[_fact(name, heads) for name in facts],
            headings=[(heading(name, "zh"), heading(name, "en")) for name in names],
            rows=[(zh["part"], [(_shown(name, zh), _shown(name, en)) for name in names]) for zh, en in both],
        )
        + "\n"
    )


def _fact(name: str, heads: list[_Row]) -> tuple[str, str, str, str]:
    zh, en = heads
    if name == "kind":
        return heading(name, "zh"), heading(name, "en"), say(f"kind.{zh[name]}", "zh"), say(f"kind.{en[name]}", "en")
    return heading(name, "zh"), heading(name, "en"), _shown(name, zh), _shown(name, en)


def _shown(name: str, row: _Row) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if name.endswith("_fen"):
        return yuan(value)
    return percent(value) if name.endswith("_ppm") else str(value)
