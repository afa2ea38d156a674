"""The plans that a search tries: revenue shares and months by season that a product's frame allows."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from loancli.core.rates import PPM
from loancli.outlook.fit_runs import Bounds
from loancli.plan.contradictions import contradictions
from loancli.plan.product import Base, Bound, Kind, MinimumProgress, Missing, Product, RevenueShare

SHARE_STEP_PPM = 5_000  # a share that can be told: half a percent …
SMALL_STEP_PPM = 1_000  # … or a tenth, where the bound is small
SMALL_PPM = 50_000
SHARE_TENTHS = (10, 9, 8, 7, 6, 5)  # of the largest share below the bound
TERMS_MAX = 8  # lengths of the term in the first look
TERM_STEPS = (-2, -1, 1, 2)
FLOORS = (None, Bound(base=Base.INTEREST), Bound(base=Base.LEVEL, value=300_000))
CAPS = (None, *(Bound(base=Base.LEVEL, value=part_ppm) for part_ppm in (1_500_000, 2_000_000, 3_000_000)))
PROGRESS = (
    None,
    MinimumProgress(windows=3, levels_ppm=400_000),
    MinimumProgress(windows=6, levels_ppm=600_000),
    MinimumProgress(windows=12, levels_ppm=600_000),
)
RUN_ON_WINDOWS = (0, 3, 6)
_TERMS = ("floor", "cap", "minimum_progress", "run_on_windows_max")


class Space:
    """What may be tried within the bounds. `weights` are those of the season; without them no plan has months."""

    def __init__(self, frame: Product, bounds: Bounds, weights: tuple[int, ...]) -> None:
        self.frame, self.weights = frame, weights
        self.burden_ppm, self.terms = bounds.burden_ppm, range(frame.periods_min, bounds.periods_max + 1)

    def first(self) -> Iterator[Product]:
        """A coarse grid: every share with the frame's own terms and without any, every term."""
        count = min(TERMS_MAX, len(self.terms))
        spaced = sorted({self.terms[at * (len(self.terms) - 1) // max(1, count - 1)] for at in range(count)})
        top_ppm = share_below(self.burden_ppm)
        step_ppm = _step_ppm(self.burden_ppm)
        shares = {max(step_ppm, top_ppm * tenths // 10 // step_ppm * step_ppm) for tenths in SHARE_TENTHS}
        for periods in reversed(spaced):
            for share_ppm in sorted(shares, reverse=True):
                if self.frame.revenue:
                    yield from self._sound(self._shared(replace(self.frame.revenue, share_ppm=share_ppm), periods))
                yield from self._sound(self.loose(share_ppm, periods))
        for periods in self.terms:
            yield from self.seasonal(periods)

    def steps(self) -> tuple[Callable[[Product], Iterator[Product]], ...]:
        """The neighbours of a plan, one term changed at a time."""
        tried: tuple[tuple[object, ...], ...] = (FLOORS, CAPS, PROGRESS, RUN_ON_WINDOWS)
        of_terms = [partial(self._changed, term, values) for term, values in zip(_TERMS, tried, strict=True)]
        return (*of_terms, self._other_shares, self._other_terms)

    def loose(self, share_ppm: int, periods: int, *, run_on_windows_max: int = 0) -> Product:
        """A share without floor, cap or minimum progress: what burdens no window by more than the share."""
        own = self.frame.revenue
        revenue = RevenueShare(
            share_ppm=share_ppm,
            counts=own.counts if own else ("sure",),
            floor=None,
            cap=None,
            minimum_progress=None,
            missing=own.missing if own and own.missing is not Missing.FLOOR else Missing.LEVEL,
            run_on_windows_max=run_on_windows_max,
        )
        return self._shared(revenue, periods)

    def seasonal(self, periods: int) -> Iterator[Product]:
        """The plan by season; none where the season is not known."""
        if self.weights:
            yield replace(self._plain(periods), kind=Kind.BIG_SMALL_MONTHS, weights=self.weights, weights_per="month")

    def changes(self, product: Product) -> int:
        """How many terms of a share are not those of the frame."""
        own, its = self.frame.revenue, product.revenue
        if own is None or its is None:
            return 0
        return sum(getattr(own, term) != getattr(its, term) for term in _TERMS)

    def _shared(self, revenue: RevenueShare, periods: int) -> Product:
        return replace(self._plain(periods), kind=Kind.REVENUE_SHARE, revenue=revenue)

    def _plain(self, periods: int) -> Product:
        return replace(
            self.frame,
            periods=periods,
            periods_max=max(periods, self.frame.periods_max),
            weights=(),
            weights_by_season=False,
            balloon=None,
            step=None,
            revenue=None,
        )

    def _changed(self, term: str, values: tuple[object, ...], product: Product) -> Iterator[Product]:
        if product.revenue is None:
            return
        own = (getattr(self.frame.revenue, term),) if self.frame.revenue else ()
        for value in dict.fromkeys((*own, *values)):
            changes: dict[str, object] = {term: value}
            if term == "floor" and value is None and product.revenue.missing is Missing.FLOOR:
                changes["missing"] = Missing.LEVEL
            yield from self._sound(replace(product, revenue=replace(product.revenue, **changes)))  # type: ignore[arg-type]

    def _other_shares(self, product: Product) -> Iterator[Product]:
        if product.revenue is None:
            return
        step_ppm, top_ppm = _step_ppm(self.burden_ppm), share_below(self.burden_ppm)
        for share_ppm in (product.revenue.share_ppm + step_ppm, product.revenue.share_ppm - step_ppm):
            if 0 < share_ppm <= top_ppm:
                yield replace(product, revenue=replace(product.revenue, share_ppm=share_ppm))

    def _other_terms(self, product: Product) -> Iterator[Product]:
        for step in TERM_STEPS:
            if product.periods + step in self.terms:
                yield from self._sound(replace(product, periods=product.periods + step))

    def _sound(self, product: Product) -> Iterator[Product]:
        if not contradictions(product):
            yield product


def share_below(burden_ppm: int) -> int:
    """The largest share that can be told and is below the burden: at most all of the revenue, at least one step."""
    step_ppm = _step_ppm(burden_ppm)
    return min(PPM, max(step_ppm, (burden_ppm - 1) // step_ppm * step_ppm))


def _step_ppm(burden_ppm: int) -> int:
    return SHARE_STEP_PPM if burden_ppm >= SMALL_PPM else SMALL_STEP_PPM
