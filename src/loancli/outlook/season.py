"""Big and small months from a borrower's own season: the weights that a product leaves to the revenue (大小月)."""

from dataclasses import replace

from loancli.core.errors import InputError
from loancli.outlook.futures import MONTHS_A_YEAR, season_ppm
from loancli.outlook.history import History
from loancli.plan.product import Frequency, Product

WEIGHT_USUAL = 100  # of a due month that is paid from mean revenue
WEIGHT_MIN, WEIGHT_MAX = 10, 300  # a closed month still pays something, a feast month not everything


def season_weights(history: History, frequency: Frequency) -> tuple[int, ...]:
    """A weight for each calendar month of the due day, January … December, as a big-and-small-months product has them.

    The season is that of the projection (futures.pattern). A due day is paid from the revenue window before it: with
    steps of months, from the month or months before its own; with steps of days, from its own month. Mean revenue
    weighs 100, more or less in proportion, from 10 to 300. InputError for less than a year of revenue.
    """
    known = len(history.months_fen)
    if known < MONTHS_A_YEAR:
        raise InputError(
            f"weights: a season needs {MONTHS_A_YEAR} whole months of revenue, and {known} are known;"
            f" bring older exports, or write 12 weights"
        )
    season = season_ppm(history)
    months = frequency.months
    behind = range(1, months + 1) if months else range(1)
    paid_from = [sum(season[(month - back) % MONTHS_A_YEAR] for back in behind) for month in range(MONTHS_A_YEAR)]
    total = sum(paid_from)
    weights = ((2 * WEIGHT_USUAL * MONTHS_A_YEAR * part + total) // (2 * total) for part in paid_from)
    return tuple(min(max(weight, WEIGHT_MIN), WEIGHT_MAX) for weight in weights)


def with_season(product: Product, history: History) -> Product:
    """The product with the weights that the revenue gives it: whole terms, that can be signed. Raises InputError."""
    return replace(product, weights=season_weights(history, product.frequency), weights_by_season=False)
