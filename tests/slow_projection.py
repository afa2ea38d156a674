"""One future of a revenue plan, window by window through `flexible.fix_instalment`: what the kernel is held to."""

from collections.abc import Sequence
from fractions import Fraction

from loancli.core.loan import Row
from loancli.core.money import rounded
from loancli.core.rates import interest_exact
from loancli.plan.due_days import years_of
from loancli.plan.fixed_fee import curve_of
from loancli.plan.flexible import Owed, Progress, WindowRevenue, fix_instalment, is_checkpoint, level_fen
from loancli.plan.product import Product


def project_one(
    product: Product, rows: Sequence[Row], *, maturity_number: int, principal_fen: int, revenue_fen: Sequence[int]
) -> list[tuple[int, int, int]]:
    """Interest, principal and fee of each window, in fen."""
    at_maturity = rows[:maturity_number]
    curve = curve_of(product, at_maturity) if product.fixed_fee else None
    # Of a fixed fee all is owed from the start, and without a rate nothing is added.
    pool_fen, accrued, late_fen = principal_fen, Fraction(curve.fee_fen if curve else 0), 0
    levels_fen = asked_fen = 0
    found = []
    for row, window_fen in zip(rows, revenue_fen, strict=True):
        accrued += interest_exact(pool_fen, product.annual_rate_ppm, years_of(product, row))
        is_open = pool_fen > 0 or accrued > 0
        remaining = rows[row.number - 1 : maturity_number] or rows[row.number - 1 : row.number]
        level = level_fen(product, pool_fen + (int(accrued) if curve else 0), remaining)
        fixed = fix_instalment(
            product,
            periods_left=len(rows) - row.number,
            owed=Owed(outstanding_principal_fen=pool_fen, accrued=accrued, level_fen=level, curve=curve),
            window=WindowRevenue(counted_fen=(("all", window_fen),), late_fen=late_fen),
            progress=Progress(
                levels_fen=levels_fen,
                fixed_fen=asked_fen,
                is_checkpoint=is_checkpoint(product, row.number),
                total_fen=sum(each.principal_fen + each.interest_fen for each in at_maturity),
            ),
        )
        late_fen = fixed.carried_late_fen
        levels_fen, asked_fen = levels_fen + level, asked_fen + fixed.amount_fen
        if is_checkpoint(product, row.number):
            levels_fen = asked_fen = 0
        # With all the interest that can fall due goes the part of a fen that rounding left or took.
        pays_all = fixed.interest_fen == rounded(accrued, product.rounding)
        accrued = Fraction(0) if pays_all else accrued - fixed.interest_fen
        pool_fen -= fixed.principal_fen
        found.append((fixed.interest_fen, fixed.principal_fen, row.fee_fen if is_open else 0))
    return found
