"""A product: the terms of a loan as one frozen value. product_file.py reads it from TOML, product_json.py from JSON."""

from dataclasses import dataclass, replace
from enum import Enum

from loancli.core.days import Roll
from loancli.core.money import Rounding
from loancli.core.rates import PPM, DayCount

OWN_ORDERS = ("credit", "waived", "recovered")  # kinds of events that may fill a debt in an order of their own
LENDERS = ("bank", "microcredit", "unlicensed")  # kinds of lenders: which rules hold for a loan (PRC-03, CLS-01)


class Kind(Enum):
    """The shapes of a plan."""

    EQUAL_INSTALMENTS = "equal_instalments"  # 等额本息
    EQUAL_PRINCIPAL = "equal_principal"  # 等额本金
    INTEREST_FIRST = "interest_first"  # 先息后本
    SINGLE_PAYMENT = "single_payment"  # 到期一次还本付息
    BIG_SMALL_MONTHS = "big_small_months"  # 大小月
    REVENUE_SHARE = "revenue_share"  # 随营收还款
    FLAT = "flat"  # 等本等息
    BALLOON = "balloon"  # 气球贷
    STEPPED = "stepped"  # 递增/递减还款
    CUSTOM = "custom"  # 自定义还款
    CREDIT_LINE = "credit_line"  # 随借随还


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """The step from one due day to the next: whole months, or days, or twice a month (first to the 15th day later)."""

    months: int = 0  # monthly 1, quarterly 3
    days: int = 0  # weekly 7, every N days N
    half_monthly: bool = False

    def __post_init__(self) -> None:
        assert (self.months > 0) + (self.days > 0) + self.half_monthly == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """A fee of the borrower's, due with an instalment; never taken out of the principal at payout (PRC-06)."""

    name: str
    amount_fen: int = 0  # either a fixed amount …
    principal_ppm: int = 0  # … or a part of the principal
    due_with: str = "first"  # first | every (instalment)
    charged_by: str = ""  # who charges it, in words, where that is not the lender (PRC-04)


class Base(Enum):
    """What a floor or a cap is measured in."""

    YUAN = "yuan"  # value: fen
    LEVEL = "level"  # value: ppm of the level
    INTEREST = "interest"  # the interest accrued: principal never grows


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A floor or a cap of a revenue instalment."""

    base: Base
    value: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MinimumProgress:
    """By each checkpoint at least so much must have fallen due since the last one; else the gap is added."""

    windows: int = 0  # a checkpoint after every so many windows …
    levels_ppm: int = 0  # of their levels …
    every_days: int = 0  # … or with the window in which so many days are full, for plans stepped by days
    total_over: int = 0  # … or so many …
    total_under: int = 1  # … such parts of all that is owed at signing, principal and fixed fee …
    total_unit_fen: int = 1  # … where it is coarser than the fen, rounded down to it


class Missing(Enum):
    """What is due when a window closes without any revenue data. No data is not zero revenue (INV-23)."""

    LEVEL = "level"
    FLOOR = "floor"
    LAST_YEAR = "last_year"  # the same window a year ago; level where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueShare:
    """The terms of a revenue-share plan. A window is the calendar month (or months) before the month of the agreed due
    day; for plans stepped by days, the days up to the day before it (flexible.window_of)."""

    share_ppm: int
    counts: tuple[str, ...]  # which revenue counts: ("sure",) or ("sure", "possible")
    floor: Bound | None
    cap: Bound | None
    minimum_progress: MinimumProgress | None
    missing: Missing
    run_on_windows_max: int  # 0: at maturity the rest is due; N: the term runs on for at most N windows


class Early(Enum):
    """What a fixed fee becomes when all is paid before its time."""

    ALL_DUE = "all_due"  # all of it is owed
    UNEARNED_WAIVED = "unearned_waived"  # what is not earned by that day is waived


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedFee:
    """One fee as the whole price: part of what is owed from the start, earned over the life (plan/fixed_fee.py)."""

    amount_fen: int = 0  # either a fixed amount …
    principal_ppm: int = 0  # … or a part of the principal
    early: Early = Early.ALL_DUE


@dataclass(frozen=True, slots=True, kw_only=True)
class Balloon:
    """What is left for the last instalment: the rest of equal instalments over `periods`, or an agreed residual."""

    periods: int = 0  # either as if over so many periods …
    residual_fen: int = 0  # … or so much of the principal …
    residual_ppm: int = 0  # … or such a part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """After each `every` instalments, the next ones are greater, or smaller, by a part of the last or by an amount."""

    every: int
    by_ppm: int = 0
    by_fen: int = 0


class PrincipalBack(Enum):
    """How what is drawn from a credit line comes back on its due days; the last one takes the rest in any case."""

    AT_END = "at_end"  # interest only
    SHARE = "share"  # so much of what is in use
    EQUAL_INSTALMENTS = "equal_instalments"  # the level of what is in use over the rest of the term


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLine:
    """The terms of a credit line: the principal that is signed for is its limit, drawn and repaid in any parts."""

    principal: PrincipalBack
    share_ppm: int  # SHARE: of the principal in use, on every due day
    draw_min_fen: int
    no_draws_last_periods: int  # 0: drawn until the day before the last period ends
    revolving: bool  # does what is repaid free the limit again?


@dataclass(frozen=True, slots=True, kw_only=True)
class Pays:
    """What a breathing instalment asks for: the interest, or a part (0: nothing) of the usual instalment."""

    interest: bool = False
    part_ppm: int = 0

    @property
    def name(self) -> str:
        """interest, nothing or part: as `Row.reason` tells it."""
        return "interest" if self.interest else "part" if self.part_ppm else "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Grants a space: the revenue of a window is below `below_ppm` of the median of the `windows` before it."""

    below_ppm: int
    windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreathingSpace:
    """Breathing space 喘息期: instalments that ask for less, and what becomes of the rest."""

    pays: Pays
    extends: bool  # True: the maturity moves by as many instalments; False: the rest is spread over those that are left
    periods_max: int  # instalments of one space
    a_year_max: int  # spaces that start within a year
    at_start: int = 0  # so many instalments from the first on, agreed with the loan
    trigger: Trigger | None = None  # grants one instalment by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Penalty:
    """Penalty on overdue principal (PRC-05): contract rate × multiple, capped with interest at `cap_ppm` a year in all.

    `grace_days`: paid by then, no penalty; later, it counts from the due day.
    """

    multiple_ppm: int = 1_500_000
    cap_ppm: int = 240_000
    grace_days: int = 0
    on_interest: bool = False  # compound interest on overdue interest, at the penalty rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """What a payment pays first. `order` over parts; `by` component (each part over all instalments) or instalment."""

    order: tuple[str, ...] = ("fee", "penalty", "interest", "principal")
    by: str = "component"  # component | instalment
    late_order: tuple[str, ...] = ()  # the order from `late_after_days` + 1 days past due on; empty: no change
    late_after_days: int = 90
    # credit: waits for the next due day | principal: repays principal at once, which shortens the term | spread: repays
    # principal at once, and each instalment ahead asks for its part less
    surplus: str = "credit"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """What one of OWN_ORDERS fills first, where it is not as a payment does; the stages are those of the payment.

    `credit`: money that waited for the next instalment. `waived`: a waiver of all parts that can be waived.
    `recovered`: money for what was written off, which has no instalments any more.
    """

    of: str
    order: tuple[str, ...]
    by: str = "component"
    late_order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The terms."""

    code: str
    name_zh: str
    name_en: str
    summary_zh: str
    summary_en: str
    kind: Kind
    annual_rate_ppm: int
    day_count: DayCount
    frequency: Frequency
    periods: int  # the default number of instalments
    periods_min: int
    periods_max: int
    principal_min_fen: int
    principal_max_fen: int
    roll: Roll = Roll.FOLLOWING
    roll_interest: bool = False  # does interest run for the days a due day was moved?
    rounding: Rounding = Rounding.HALF_UP
    instalment_unit_fen: int = 1  # 1 fen, 10 (jiao) or 100 (yuan): what an equal instalment is rounded to
    fees: tuple[Fee, ...] = ()
    weights: tuple[int, ...] = ()  # big and small months: January … December, or one per period
    weights_per: str = "month"  # month | period
    weights_by_season: bool = False  # no weights until a borrower's revenue gives them (season.py)
    balloon: Balloon | None = None
    step: Step | None = None
    line: CreditLine | None = None
    fixed_fee: FixedFee | None = None  # instead of a yearly rate, which is 0 then
    revenue: RevenueShare | None = None
    breathing_space: BreathingSpace | None = None
    penalty: Penalty = Penalty()
    allocation: Allocation = Allocation()
    own_orders: tuple[OwnOrder, ...] = ()
    lender_kind: str = "microcredit"  # one of LENDERS

    def allocation_of(self, kind: str) -> Allocation:
        """How an event of one of OWN_ORDERS fills what is owed: as its own table says, else as a payment."""
        own = next((each for each in self.own_orders if each.of == kind), None)
        if own is None:
            return self.allocation
        return replace(self.allocation, order=own.order, by=own.by, late_order=own.late_order)

    @property
    def penalty_ppm(self) -> int:
        """The yearly rate on what is overdue: a multiple of the contract rate, at most the cap of all together."""
        return min(self.annual_rate_ppm * self.penalty.multiple_ppm // PPM, self.penalty.cap_ppm)
