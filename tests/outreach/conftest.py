"""Loans, facts and the shipped files, as the tests of outreach need them: a plain loan, and what differs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from loancli.outreach.campaign_file import read_campaign
from loancli.outreach.features import Features
from loancli.outreach.policy import Asked, Limits, Purpose
from loancli.outreach.policy_file import read_limits
from loancli.outreach.segments import Segments, read_segments
from loancli.outreach.strategies import Campaign
from loancli.outreach.templates import Templates, read_templates

SCHEDULES = Path(__file__).resolve().parents[2] / "schedules"

PLAIN_LOAN = Features(
    borrower_id="B1",
    loan_id="L1",
    days_past_due=0,
    days_to_due=10,
    due_fen=0,
    next_due_fen=100_000,
    due_30d_fen=100_000,
    outstanding_fen=1_000_000,
    bucket="M0",
    has_revenue_data=True,
    revenue_7d_fen=100_000,
    revenue_30d_fen=400_000,
    revenue_90d_fen=1_200_000,
    on_time_rate_ppm=None,
    self_cure_rate_ppm=None,
    broken_promises=0,
    contacts_7d=0,
    contacts_30d=0,
    failed_contacts_in_row=0,
    has_phone=True,
    open_complaint=False,
    in_hardship=False,
    in_legal=False,
    months_on_book=2,
)
NOTHING_AGAINST = Asked(
    purpose=Purpose.COLLECTION,
    by_call=False,
    third_party=False,
    holds=frozenset(),
    opted_out=False,
    marketing_consent=True,
    is_settled=False,
    is_paid_meanwhile=False,
    promise_due_on=None,
    breathing_until=None,
    has_valid_phone=True,
    template_approved=True,
    is_holiday=False,
    agreed_until=None,
    conversations_today=0,
    attempts_today=0,
    contacts_today=0,
    contacts_7_days=0,
    same_content_today=0,
    other_planned_today=False,
)


def text_of(name: str) -> str:
    return (SCHEDULES / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def loan() -> Callable[..., Features]:
    """A loan with nothing unusual, ten days before its due day; or one that differs in what is given."""
    return lambda **changes: replace(PLAIN_LOAN, **changes)


@pytest.fixture(scope="session")
def asked() -> Callable[..., Asked]:
    """Facts that speak against nothing; or some that differ in what is given."""
    return lambda **changes: replace(NOTHING_AGAINST, **changes)


@pytest.fixture(scope="session")
def shipped() -> Callable[[str], str]:
    """The text of a file of schedules/."""
    return text_of


@pytest.fixture(scope="session")
def limits() -> Limits:
    return read_limits(text_of("policies/contact.toml"), "contact.toml")


@pytest.fixture(scope="session")
def templates(limits: Limits) -> Templates:
    return read_templates(text_of("templates/sms.toml"), "sms.toml", limits)


@pytest.fixture(scope="session")
def segments() -> Segments:
    return read_segments(text_of("segments/default.toml"), "default.toml")


@pytest.fixture(scope="session")
def campaign(segments: Segments, templates: Templates) -> Callable[[str], Campaign]:
    """A shipped campaign by name."""
    return lambda name: read_campaign(
        text_of(f"campaigns/{name}.toml"),
        f"{name}.toml",
        segments=segments.names,
        templates=templates,
        channels={"outfile"},
    )
