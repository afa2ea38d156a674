"""What is known of one loan of a borrower on one day: the words in which segments are written.

Amounts are whole fen, rates whole parts per million (1000000 = 100 %), yes and no are 1 and 0. What cannot be known is
NULL in a condition (None here), never a zero that looks like a fact; the features that can be so are marked.
"""

from dataclasses import dataclass

from loancli.core.rates import PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One column that a condition may use."""

    name: str
    sql_type: str  # INTEGER | TEXT
    unit: str
    meaning_en: str
    meaning_zh: str
    nullable: bool = False
    least: int = 0  # numbers are never below it


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """One loan of a borrower. The meanings stand in FEATURES; what follows from other numbers is a property."""

    borrower_id: str
    loan_id: str
    days_past_due: int
    days_to_due: int | None
    due_fen: int
    next_due_fen: int
    due_30d_fen: int
    outstanding_fen: int
    bucket: str
    has_revenue_data: bool
    revenue_7d_fen: int
    revenue_30d_fen: int
    revenue_90d_fen: int
    on_time_rate_ppm: int | None
    self_cure_rate_ppm: int | None
    broken_promises: int
    contacts_7d: int
    contacts_30d: int
    failed_contacts_in_row: int
    has_phone: bool
    open_complaint: bool
    in_hardship: bool
    in_legal: bool
    months_on_book: int

    def __post_init__(self) -> None:
        assert self.days_past_due >= 0, self.loan_id
        assert self.days_to_due is None or self.days_to_due >= 0, self.loan_id
        assert self.due_fen >= 0, self.loan_id
        assert self.next_due_fen >= 0, self.loan_id
        assert self.has_revenue_data or not (self.revenue_30d_fen or self.revenue_90d_fen), self.loan_id

    @property
    def revenue_trend_ppm(self) -> int:
        """Revenue of 30 days against the mean 30 of the 60 days before: 0 = the same, -500000 = half; 0 if unknown."""
        before_60d_fen = self.revenue_90d_fen - self.revenue_30d_fen
        if before_60d_fen <= 0:
            return 0
        return (2 * self.revenue_30d_fen - before_60d_fen) * PPM // before_60d_fen

    @property
    def ability_ppm(self) -> int | None:
        """Revenue of 30 days per amount due in 30 days; None without revenue data or with nothing due."""
        if not self.has_revenue_data or self.due_30d_fen <= 0:
            return None
        return self.revenue_30d_fen * PPM // self.due_30d_fen


def _feature(
    name: str, unit: str, meaning_en: str, meaning_zh: str, *, nullable: bool = False, least: int = 0
) -> Feature:
    return Feature(
        name=name,
        sql_type="INTEGER",
        unit=unit,
        meaning_en=meaning_en,
        meaning_zh=meaning_zh,
        nullable=nullable,
        least=least,
    )


FEATURES: tuple[Feature, ...] = (
    _feature("days_past_due", "days", "days since the oldest unpaid due day; 0 on that day", "逾期天数，到期当日为 0"),
    _feature(
        "days_to_due",
        "days",
        "days until the next unpaid due day, 0 on the day; NULL when nothing is to come",
        "距下一应还日天数，当日为 0；无待还时为空",
        nullable=True,
    ),
    _feature("due_fen", "fen", "due and unpaid today", "当前到期未还金额"),
    _feature("next_due_fen", "fen", "unpaid amount of the next due day", "下一应还日的应还金额"),
    _feature("due_30d_fen", "fen", "due and unpaid, and falling due within 30 days", "已到期及未来 30 天内应还金额"),
    _feature("outstanding_fen", "fen", "principal outstanding", "剩余本金"),
    Feature(name="bucket", sql_type="TEXT", unit="M0 … M6, M6+", meaning_en="ageing bucket", meaning_zh="逾期账龄"),
    _feature("has_revenue_data", "1 or 0", "revenue of the last 30 days is known", "有近 30 天营收数据"),
    _feature("revenue_7d_fen", "fen", "revenue counted, last 7 days", "近 7 天营收"),
    _feature("revenue_30d_fen", "fen", "revenue counted, last 30 days", "近 30 天营收"),
    _feature("revenue_90d_fen", "fen", "revenue counted, last 90 days", "近 90 天营收"),
    _feature(
        "revenue_trend_ppm",
        "ppm",
        "revenue of 30 days against the mean 30 days of the 60 before: -500000 = half; 0 if unknown",
        "近 30 天营收较此前 60 天月均的变化，-500000 为减半；未知为 0",
        least=-PPM,
    ),
    _feature(
        "ability_ppm",
        "ppm",
        "revenue of 30 days per amount due in 30 days; NULL if unknown or nothing is due",
        "近 30 天营收 ÷ 30 天内应还；未知或无应还时为空",
        nullable=True,
    ),
    _feature(
        "on_time_rate_ppm",
        "ppm",
        "instalments paid by their due day, of those that fell due; NULL if none did",
        "按时还款率；尚无到期期次时为空",
        nullable=True,
    ),
    _feature(
        "self_cure_rate_ppm",
        "ppm",
        "late instalments paid within days without a person's contact; NULL if never late",
        "逾期后无人工联系即自行还清的比例；从未逾期时为空",
        nullable=True,
    ),
    _feature("broken_promises", "count", "promises to pay that were not kept", "未履行的还款承诺次数"),
    _feature("contacts_7d", "count", "contacts in the last 7 days, all purposes and channels", "近 7 天联系次数"),
    _feature("contacts_30d", "count", "contacts in the last 30 days, all purposes and channels", "近 30 天联系次数"),
    _feature("failed_contacts_in_row", "count", "failed attempts since the last that got through", "连续联系失败次数"),
    _feature("has_phone", "1 or 0", "a mobile number is on file and not known to be invalid", "有有效手机号"),
    _feature("open_complaint", "1 or 0", "a complaint or dispute is open", "有未结投诉或争议"),
    _feature("in_hardship", "1 or 0", "hardship was reported or is under review", "困难情况审核中"),
    _feature("in_legal", "1 or 0", "handed to legal by a person", "已由人工转法务"),
    _feature("months_on_book", "months", "whole months since the borrower's first loan", "合作月数"),
)
"""The columns of a condition, in the order of the table; no personal data among them (PRV-01)."""


def row_of(features: Features) -> tuple[int | str | None, ...]:
    """The values of FEATURES, in their order."""
    values = (getattr(features, feature.name) for feature in FEATURES)
    return tuple(int(value) if isinstance(value, bool) else value for value in values)
