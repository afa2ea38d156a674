"""The gate names the gravest reason, and says no at the edge of every limit (COL-01 to COL-03, COL-11, SMS-04)."""

from datetime import date, datetime, time, timedelta, timezone

import pytest
import shelf
from hypothesis import given
from hypothesis import strategies as st

from loancli.core.days import BEIJING
from loancli.core.errors import InputError
from loancli.outreach import policy
from loancli.outreach.policy import Hold, Purpose, Refusal, refusal
from loancli.outreach.policy_file import read_limits

DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=BEIJING)
ZONES = st.integers(-12, 14).map(lambda hours: timezone(timedelta(hours=hours)))

# For each refusal the fact that alone brings it about, at noon or in the evening.
GRAVEST_FIRST = [
    (Refusal.THIRD_PARTY_NOT_PERMITTED, {"third_party": True}),
    (Refusal.DECEASED, {"holds": {Hold.DECEASED}}),
    (Refusal.INCAPACITY, {"holds": {Hold.INCAPACITY}}),
    (Refusal.LAWYER_REPRESENTS, {"holds": {Hold.LAWYER_REPRESENTS}}),
    (Refusal.DO_NOT_CONTACT, {"holds": {Hold.DO_NOT_CONTACT}}),
    (Refusal.COMPLAINT_OPEN, {"holds": {Hold.COMPLAINT_OPEN}}),
    (Refusal.DISPUTE, {"holds": {Hold.DISPUTE}}),
    (Refusal.HARDSHIP_REVIEW, {"holds": {Hold.HARDSHIP_REVIEW}}),
    (Refusal.OPTED_OUT, {"opted_out": True}),
    (Refusal.NO_CONSENT, {"marketing_consent": False}),
    (Refusal.SETTLED, {"is_settled": True}),
    (Refusal.PAID_MEANWHILE, {"is_paid_meanwhile": True}),
    (Refusal.PROMISE_OPEN, {"promise_due_on": DAY}),
    (Refusal.BREATHING_SPACE, {"breathing_until": DAY}),
    (Refusal.NO_PHONE, {"has_valid_phone": False}),
    (Refusal.TEMPLATE_NOT_APPROVED, {"template_approved": False}),
    (Refusal.HOLIDAY, {"is_holiday": True}),
    (Refusal.QUIET_HOURS, {"agreed_until": time(12, 0)}),
    (Refusal.DAILY_CALL_CAP, {"conversations_today": 3}),
    (Refusal.ATTEMPT_CAP, {"attempts_today": 6}),
    (Refusal.WEEK_FULL, {"contacts_7_days": 7}),
    (Refusal.DAY_FULL, {"contacts_today": 3, "contacts_7_days": 6}),
    (Refusal.SAME_CONTENT, {"same_content_today": 1}),
    (Refusal.OTHER_PLANNED_TODAY, {"other_planned_today": True}),
]
FOR_OFFERS = {Refusal.OPTED_OUT, Refusal.NO_CONSENT}


def purpose_of(reason):
    return Purpose.OFFER if reason in FOR_OFFERS else Purpose.COLLECTION


def facts_from(number):
    """The facts of refusal `number` and of all less grave ones together."""
    merged = {"by_call": True, "holds": frozenset()}
    for _, facts in reversed(GRAVEST_FIRST[number:]):
        merged |= facts | {"holds": merged["holds"] | facts.get("holds", frozenset())}
    return merged


def test_every_refusal_is_in_the_table_and_the_gate_asks_in_the_same_order():
    assert [reason for reason, _ in GRAVEST_FIRST] == list(Refusal)
    assert [reason for reason, _ in policy._TESTS] == list(Refusal)
    assert all(reason.zh and reason.en for reason in Refusal)


@pytest.mark.parametrize(
    ("number", "reason"), [pytest.param(n, r, id=r.name) for n, (r, _) in enumerate(GRAVEST_FIRST)]
)
def test_of_all_reasons_that_hold_the_gravest_is_named(asked, limits, number, reason):
    facts = facts_from(number)
    assert refusal(asked(purpose=purpose_of(reason), **facts), limits, at=NOON) is reason


@pytest.mark.parametrize(("reason", "facts"), [pytest.param(r, f, id=r.name) for r, f in GRAVEST_FIRST])
def test_each_reason_alone_is_enough(asked, limits, reason, facts):
    holds = frozenset(facts.get("holds", ()))
    one = asked(**{"purpose": purpose_of(reason), "by_call": True, **facts, "holds": holds})
    assert refusal(one, limits, at=NOON) is reason


@pytest.mark.parametrize("purpose", Purpose)
def test_with_nothing_against_it_the_gate_is_open(asked, limits, purpose):
    assert refusal(asked(purpose=purpose), limits, at=NOON) is None


def test_hours_are_shanghais_whatever_the_zone_of_the_instant(asked, limits):
    case = shelf.cases("domain/cases.json").get("CON-01")
    if case is None:
        pytest.skip("the reference shelf is not here")
    given_, expected = case["given"], case["expect"]

    def verdict(at, **facts):
        reason = refusal(asked(**facts), limits, at=at)
        return "OK" if reason is None else reason.name

    def local(text):
        return datetime.combine(DAY, time.fromisoformat(text), BEIJING)

    assert [verdict(local(text)) for text in given_["local"]] == expected["local"]
    assert [verdict(datetime.fromisoformat(text)) for text in given_["utc"]] == expected["utc"]
    agreed = [verdict(local(text), agreed_until=time(22, 30)) for text in given_["with_written_agreement_until_22_30"]]
    assert agreed == expected["with_agreement"]


def test_call_caps(asked, limits):
    case = shelf.cases("domain/cases.json").get("CON-02")
    if case is None:
        pytest.skip("the reference shelf is not here")
    verdicts = []
    for log in case["given"]["cases"]:
        is_today = log.get("day_of_log", case["given"]["day"]) == case["given"]["day"]
        conversations = sum(
            log.get(kind, 0) for kind in ("connected_outbound", "connected_human", "connected_ai_voice")
        )
        is_other_number = "next_call_to" in log
        reason = refusal(
            asked(
                by_call=True,
                conversations_today=conversations if is_today else 0,
                contacts_today=conversations if is_today else 0,
                contacts_7_days=conversations,
                attempts_today=0 if is_other_number else log.get("unanswered_same_number", 0),
            ),
            limits,
            at=NOON,
        )
        verdicts.append("OK" if reason is None else reason.name)
    assert verdicts == case["expect"]["verdict"]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"purpose": Purpose.REMINDER, "opted_out": True}, None, id="a reminder is no marketing"),
        pytest.param({"purpose": Purpose.COLLECTION, "marketing_consent": False}, None, id="collection neither"),
        pytest.param({"purpose": Purpose.OFFER, "is_settled": True}, None, id="an offer after the loan"),
        pytest.param({"purpose": Purpose.REMINDER, "is_holiday": True}, None, id="a reminder on a holiday"),
        pytest.param({"promise_due_on": date(2026, 11, 22)}, None, id="a promise of yesterday is over"),
        pytest.param({"breathing_until": date(2026, 11, 22)}, None, id="breathing space until yesterday is over"),
        pytest.param({"conversations_today": 3}, None, id="conversations do not bar a text by themselves"),
        pytest.param({"attempts_today": 6}, None, id="nor do attempts"),
        pytest.param({"contacts_today": 2, "contacts_7_days": 6}, None, id="one below both caps"),
        pytest.param({"contacts_today": 0, "contacts_7_days": 7}, Refusal.WEEK_FULL, id="the week is rolling"),
    ],
)
def test_the_edges(asked, limits, facts, reason):
    assert refusal(asked(**facts), limits, at=NOON) is reason


@pytest.mark.parametrize(
    ("at", "agreed_until", "reason"),
    [
        pytest.param(time(20, 59, 59), None, None, id="before nine"),
        pytest.param(time(21, 0), None, Refusal.QUIET_HOURS, id="nine"),
        pytest.param(time(21, 0), time(22, 30), Refusal.QUIET_HOURS, id="an agreement does not lengthen marketing"),
        pytest.param(time(18, 0), time(18, 0), Refusal.QUIET_HOURS, id="but shortens it"),
    ],
)
def test_offers_have_shorter_hours(asked, limits, at, agreed_until, reason):
    offer = asked(purpose=Purpose.OFFER, agreed_until=agreed_until)
    assert refusal(offer, limits, at=datetime.combine(DAY, at, BEIJING)) is reason


def test_an_instant_without_a_zone_is_a_bug(asked, limits):
    with pytest.raises(AssertionError):
        refusal(asked(), limits, at=NOON.replace(tzinfo=None))


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31), timezones=ZONES),  # noqa: DTZ001
    purpose=st.sampled_from(Purpose),
    contacts_today=st.integers(0, 5),
    earlier=st.integers(0, 9),
)
def test_no_contact_outside_the_window_or_over_a_cap(asked, limits, at, purpose, contacts_today, earlier):
    one = asked(purpose=purpose, contacts_today=contacts_today, contacts_7_days=contacts_today + earlier)
    if refusal(one, limits, at=at) is None:
        local = at.astimezone(BEIJING)
        assert 8 <= local.hour < (21 if purpose is Purpose.OFFER else 22)
        assert contacts_today < 3
        assert contacts_today + earlier < 7


# The file of limits.


def test_the_shipped_limits_are_no_looser_than_their_rules(limits):
    assert (limits.contact_from, limits.contact_until) == (time(8), time(22))
    assert (limits.offer_from, limits.offer_until) == (time(8), time(21))
    assert (limits.conversations_per_day_max, limits.attempts_per_number_day_max) == (3, 6)
    assert limits.overrides == ()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            'value = "22:00" # not included: 22:00:00 is refused',
            'value = "22:30"',
            r"f:contact_until\.value: 22:30 is looser than 22:00 of COL-01",
            id="a later evening",
        ),
        pytest.param(
            'value = "08:00" # included', 'value = "07:30"', r"f:contact_from\.value: 07:30 is looser", id="earlier"
        ),
        pytest.param("value = 6\n", "value = 7\n", r"f:attempts_per_number_day_max\.value: 7 is looser", id="a cap"),
        pytest.param("value = 6\n", "value = 0\n", r"f:attempts_per_number_day_max\.value: 0 must be 1", id="zero"),
        pytest.param("value = 6\n", "value = true\n", "'True' must be a whole number", id="true is no number"),
        pytest.param('value = "21:00"', 'value = "9pm"', r"f:offer_until\.value: '9pm' is not a time", id="no time"),
        pytest.param(
            'value = "21:00"', 'value = "08:00"', r"f:offer_until\.value: .* later than offer_from", id="empty"
        ),
        pytest.param("[offer_until]", "[offer_untill]", "f:offer_untill: .*did you mean 'offer_until'", id="misspelt"),
        pytest.param('"collection", "offer"]', '"colection"]', "did you mean 'collection'", id="unknown purpose"),
        pytest.param('"老赖"', '" "', r"f:blocked_words\[3\]\.words: an empty word", id="an empty word"),
    ],
)
def test_broken_or_loosened_limits_are_refused(shipped, old, new, message):
    text = shipped("policies/contact.toml")
    assert text.count(old) >= 1
    with pytest.raises(InputError, match=message):
        read_limits(text.replace(old, new), "f")


def test_a_missing_limit_is_refused(shipped):
    head, _, tail = shipped("policies/contact.toml").partition("[attempts_per_number_day_max]")
    with pytest.raises(InputError, match="f:attempts_per_number_day_max: is missing"):
        read_limits(head + tail[tail.index("[contacts_per_day_max]") :], "f")


def test_a_looser_limit_with_an_override_is_kept_on_record(shipped):
    loose = 'value = 7\noverride = "board, 2026-11-01: pilot"\n'
    limits = read_limits(shipped("policies/contact.toml").replace("value = 6\n", loose), "f")
    assert limits.attempts_per_number_day_max == 7
    assert limits.overrides == ("attempts_per_number_day_max = 7 instead of 6 (COL-03): board, 2026-11-01: pilot",)


def test_a_stricter_limit_needs_no_override(shipped):
    limits = read_limits(shipped("policies/contact.toml").replace("value = 6\n", "value = 2\n"), "f")
    assert limits.attempts_per_number_day_max == 2
