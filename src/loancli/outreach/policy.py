"""The one gate: why a borrower is not contacted now. Reminders, collections and offers all pass here, and nowhere else.

It is asked when messages are planned and again when one is claimed. Every number comes from a policy file
(policy_file.py), where it stands beside its rule; here is only what is asked, and in which order.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import Enum

from loancli.core.days import BEIJING


class Purpose(Enum):
    """What a message is for. Offers are marketing and stricter (SMS-03 to SMS-05)."""

    REMINDER = "reminder"
    COLLECTION = "collection"
    OFFER = "offer"


class Hold(Enum):
    """Reasons of a person not to contact a borrower (COL-11); the values are the reason codes on file."""

    DECEASED = "deceased"
    INCAPACITY = "incapacity"
    LAWYER_REPRESENTS = "lawyer_represents"
    DO_NOT_CONTACT = "do_not_contact"
    HARDSHIP_REVIEW = "hardship_review"
    COMPLAINT_OPEN = "complaint_open"
    DISPUTE = "dispute"


class Refusal(Enum):
    """Why not. Gravest first: the first that holds is the answer."""

    THIRD_PARTY_NOT_PERMITTED = ("收件人不是借款人本人", "the recipient is not the borrower")
    DECEASED = ("借款人已故", "the borrower has died")
    INCAPACITY = ("借款人无完全民事行为能力", "the borrower lacks legal capacity")
    LAWYER_REPRESENTS = ("借款人已委托律师，请联系律师", "a lawyer represents the borrower")
    DO_NOT_CONTACT = ("借款人已被登记为不得联系", "the borrower is on file as not to be contacted")
    COMPLAINT_OPEN = ("有未结投诉", "a complaint is open")
    DISPUTE = ("债务有争议，尚在核实", "the debt is in dispute")
    HARDSHIP_REVIEW = ("困难情况审核中", "a hardship review is under way")
    OPTED_OUT = ("借款人已拒收营销信息", "the borrower opted out of marketing")
    NO_CONSENT = ("借款人未同意接收营销信息", "the borrower has not agreed to marketing")
    SETTLED = ("贷款已结清", "the loan is settled")
    PAID_MEANWHILE = ("款项已还", "what the message is about has been paid")
    PROMISE_OPEN = ("还款承诺尚未到期", "a promise to pay is still open")
    BREATHING_SPACE = ("处于喘息期", "the loan has breathing space")
    NO_PHONE = ("没有有效的手机号", "no valid mobile number is on file")
    TEMPLATE_NOT_APPROVED = ("短信模板未经审批", "the template is not approved")
    HOLIDAY = ("法定节假日不联系", "no contact on public holidays")
    QUIET_HOURS = ("不在允许联系的时段", "outside the permitted hours")
    DAILY_CALL_CAP = ("当日有效通话已达上限", "the day's limit of conversations is used up")
    ATTEMPT_CAP = ("该号码当日未接通次数已达上限", "the day's limit of attempts at this number is used up")
    WEEK_FULL = ("近七日联系次数已达上限", "the limit of seven days is used up")
    DAY_FULL = ("当日联系次数已达上限", "the day's limit is used up")
    SAME_CONTENT = ("当日已发送相同内容", "the same text was sent to this number today")
    OTHER_PLANNED_TODAY = ("当日已为该借款人安排其他消息", "another message to this borrower is planned for the day")

    @property
    def zh(self) -> str:
        return self.value[0]

    @property
    def en(self) -> str:
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The house's limits. Hours are Shanghai's, from included, until excluded."""

    contact_from: time
    contact_until: time
    offer_from: time
    offer_until: time
    conversations_per_day_max: int  # effective calls by people and machines, over all loans of a person
    attempts_per_number_day_max: int
    contacts_per_day_max: int  # per person, over all purposes and channels
    contacts_per_7_days_max: int
    same_content_per_day_max: int
    rest_on_holidays: tuple[Purpose, ...]
    blocked_words: tuple[str, ...]
    overrides: tuple[str, ...]  # limits looser than their rule, each with who decided it and why (COL-12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The facts of one intended contact. None of them has a default: a forgotten fact must not open the gate.

    Counts are of what was claimed, sent or may have been sent (outbox.COUNTED), and of conversations, over all purposes
    and channels; calls that the borrower made do not count.
    """

    purpose: Purpose
    by_call: bool
    third_party: bool
    holds: frozenset[Hold]
    opted_out: bool  # of marketing; 'nothing at all' is Hold.DO_NOT_CONTACT (SMS-05)
    marketing_consent: bool
    is_settled: bool
    is_paid_meanwhile: bool
    promise_due_on: date | None
    breathing_until: date | None
    has_valid_phone: bool
    template_approved: bool
    is_holiday: bool
    agreed_until: time | None  # hours agreed with the borrower beforehand, later or earlier than the house's
    conversations_today: int
    attempts_today: int  # unanswered, at this number
    contacts_today: int
    contacts_7_days: int  # today and the six days before
    same_content_today: int
    other_planned_today: bool

    def __post_init__(self) -> None:
        counts = (self.conversations_today, self.attempts_today, self.contacts_today, self.same_content_today)
        assert min(counts) >= 0, self
        assert self.contacts_7_days >= self.contacts_today, self


def refusal(asked: Asked, limits: Limits, *, at: datetime) -> Refusal | None:
    """The gravest reason not to make this contact at this instant (aware, any zone), or None."""
    assert at.tzinfo is not None, "an instant without a zone could be anybody's evening"
    local = at.astimezone(BEIJING)
    return next((reason for reason, holds in _TESTS if holds(asked, limits, local)), None)


def _is_held(hold: Hold) -> Callable[[Asked, Limits, datetime], bool]:
    return lambda asked, limits, at: hold in asked.holds


def _is_quiet(asked: Asked, limits: Limits, at: datetime) -> bool:
    """COL-01: [08:00, 22:00) unless agreed otherwise; offers SMS-04, which an agreement can only shorten."""
    if asked.purpose is Purpose.OFFER:
        until = min(limits.offer_until, asked.agreed_until or limits.offer_until)
        return not limits.offer_from <= at.time() < until
    return not limits.contact_from <= at.time() < (asked.agreed_until or limits.contact_until)


_TESTS: tuple[tuple[Refusal, Callable[[Asked, Limits, datetime], bool]], ...] = (
    (Refusal.THIRD_PARTY_NOT_PERMITTED, lambda asked, limits, at: asked.third_party),
    (Refusal.DECEASED, _is_held(Hold.DECEASED)),
    (Refusal.INCAPACITY, _is_held(Hold.INCAPACITY)),
    (Refusal.LAWYER_REPRESENTS, _is_held(Hold.LAWYER_REPRESENTS)),
    (Refusal.DO_NOT_CONTACT, _is_held(Hold.DO_NOT_CONTACT)),
    (Refusal.COMPLAINT_OPEN, _is_held(Hold.COMPLAINT_OPEN)),
    (Refusal.DISPUTE, _is_held(Hold.DISPUTE)),
    (Refusal.HARDSHIP_REVIEW, _is_held(Hold.HARDSHIP_REVIEW)),
    (Refusal.OPTED_OUT, lambda asked, limits, at: asked.purpose is Purpose.OFFER and asked.opted_out),
    (Refusal.NO_CONSENT, lambda asked, limits, at: asked.purpose is Purpose.OFFER and not asked.marketing_consent),
    (Refusal.SETTLED, lambda asked, limits, at: asked.purpose is not Purpose.OFFER and asked.is_settled),
    (Refusal.PAID_MEANWHILE, lambda asked, limits, at: asked.purpose is not Purpose.OFFER and asked.is_paid_meanwhile),
    (
        Refusal.PROMISE_OPEN,
        lambda asked, limits, at: asked.promise_due_on is not None and asked.promise_due_on >= at.date(),
    ),
    (
        Refusal.BREATHING_SPACE,
        lambda asked, limits, at: asked.breathing_until is not None and asked.breathing_until >= at.date(),
    ),
    (Refusal.NO_PHONE, lambda asked, limits, at: not asked.has_valid_phone),
    (Refusal.TEMPLATE_NOT_APPROVED, lambda asked, limits, at: not asked.template_approved),
    (Refusal.HOLIDAY, lambda asked, limits, at: asked.is_holiday and asked.purpose in limits.rest_on_holidays),
    (Refusal.QUIET_HOURS, _is_quiet),
    (
        Refusal.DAILY_CALL_CAP,
        lambda asked, limits, at: asked.by_call and asked.conversations_today >= limits.conversations_per_day_max,
    ),
    (
        Refusal.ATTEMPT_CAP,
        lambda asked, limits, at: asked.by_call and asked.attempts_today >= limits.attempts_per_number_day_max,
    ),
    (Refusal.WEEK_FULL, lambda asked, limits, at: asked.contacts_7_days >= limits.contacts_per_7_days_max),
    (Refusal.DAY_FULL, lambda asked, limits, at: asked.contacts_today >= limits.contacts_per_day_max),
    (Refusal.SAME_CONTENT, lambda asked, limits, at: asked.same_content_today >= limits.same_content_per_day_max),
    (Refusal.OTHER_PLANNED_TODAY, lambda asked, limits, at: asked.other_planned_today),
)
