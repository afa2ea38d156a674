"""Fees charged, waivers, coupons, pauses, write-offs, recoveries and refunds in the life of a loan."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
import shelf
from hypothesis import given, settings
from hypothesis import strategies as st
from lives import (
    DAY,
    PLAIN,
    RandomLife,
    balances,
    bounced,
    charged,
    check_conservation,
    contract_for,
    coupon,
    paused,
    payment,
    payout,
    random_lives,
    recovered,
    refunded,
    voided,
    waived,
    written_off,
)
from terms import line_product

from loancli.core.days import Roll
from loancli.core.event import Event
from loancli.core.money import Rounding, fen_of
from loancli.core.rates import DayCount
from loancli.plan.product import Allocation, Frequency, Kind, OwnOrder, Penalty
from loancli.servicing.accrue import running
from loancli.servicing.bookings import forgiven
from loancli.servicing.bookings import written_off as sums_written_off
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, life, quote

SIGNED = date(2026, 1, 15)
TERMS = replace(PLAIN, roll=Roll.NONE, penalty=Penalty(grace_days=0))
SLOW = settings(deadline=None)


def loan(**terms: object) -> tuple[Contract, list[Event]]:
    """60,000.00 over 6 months at 14.4 %, 24.00 of interest a day at first; penalty from the first day."""
    contract = contract_for(replace(TERMS, **terms), 6_000_000, SIGNED)  # type: ignore[arg-type]
    return contract, [payout(contract)]


def moved(lived: Life, cause: str) -> list[tuple[str, str, int]]:
    return [(each.debit, each.credit, each.amount_fen) for each in lived.movements if each.cause == cause]


# --- fees that are charged ---


def test_a_fee_that_is_charged_falls_due_with_the_next_instalment() -> None:
    contract, events = loan()
    first = contract.rows[0]
    events.append(charged(first.due_on - 5 * DAY, 5_000))

    ahead = life(contract, events, first.due_on - DAY)
    due = life(contract, events, first.due_on)

    assert ahead.position.due_fen == 0
    assert ahead.position.next_due_fen == first.due_fen + 5_000
    assert due.instalments[0].fee_fen == 5_000
    assert due.position.fee_due_fen == 5_000
    assert moved(due, "charged:c1") == [("loan:fee_due", "income:fee", 5_000)]


def test_a_fee_of_the_due_day_itself_falls_due_on_it() -> None:
    contract, events = loan()
    on = contract.rows[0].due_on
    assert life(contract, [*events, charged(on, 5_000)], on).instalments[0].fee_fen == 5_000


def test_a_fee_after_the_last_instalment_is_due_at_once_and_does_not_make_the_loan_older() -> None:
    contract, events = loan()
    on = contract.rows[-1].due_on + 10 * DAY
    before = life(contract, events, on).position
    after = life(contract, [*events, charged(on, 5_000)], on).position
    assert after.fee_due_fen == 5_000
    assert after.oldest_unpaid_due_on == before.oldest_unpaid_due_on


def test_a_fee_between_a_last_payment_and_its_moved_due_day_is_earned_once() -> None:
    contract = contract_for(replace(TERMS, roll=Roll.FOLLOWING), 6_000_000, date(2026, 1, 7), periods=1)
    row = contract.rows[0]
    assert row.to_on + DAY < row.due_on  # a Saturday, moved to Monday
    events = [payout(contract), payment(row.to_on, row.due_fen), charged(row.to_on + DAY, 5_000)]
    lived = life(contract, events, row.due_on)
    assert balances(lived.movements)["income:fee"] == -5_000
    assert lived.position.fee_due_fen == balances(lived.movements)["loan:fee_due"] == 5_000


def test_a_fee_before_the_payout_leaves_the_instalments_as_they_were_signed() -> None:
    contract, _ = loan()
    shown = life(contract, [charged(SIGNED - DAY, 5_000)], SIGNED - DAY).instalments
    assert [(each.principal_fen, each.interest_fen) for each in shown] == [
        (row.principal_fen, row.interest_fen) for row in contract.rows
    ]
    assert [each.fee_fen for each in shown] == [5_000, 0, 0, 0, 0, 0]


def test_who_settles_early_pays_the_fee_that_is_charged_as_well() -> None:
    contract, events = loan()
    on = contract.rows[0].due_on + 5 * DAY
    events += [payment(contract.rows[0].due_on, contract.rows[0].due_fen), charged(on, 5_000)]
    asked = quote(contract, events, on)
    assert asked.fee_fen == 5_000
    settled = life(contract, [*events, payment(on, asked.to_pay_fen, "p2")], contract.rows[-1].due_on)
    assert settled.position.status == "settled"
    assert settled.position.next_moment_on is None
    assert settled.instalments[1].paid_fee_fen == 5_000


def test_prepaid_principal_leaves_the_fee_for_its_instalment() -> None:
    contract, events = loan(allocation=Allocation(surplus="principal"))
    first, second = contract.rows[:2]
    events += [payment(first.due_on, first.due_fen + 100_000), charged(first.due_on - 3 * DAY, 700, "c0")]
    events += [charged(first.due_on + DAY, 5_000), payment(first.due_on + 2 * DAY, 200_000, "p2")]
    assert life(contract, events, second.due_on).instalments[1].fee_fen == 5_000
    check_conservation(life(contract, events, second.due_on), 6_000_000)


def test_a_fee_that_was_settled_early_is_not_asked_for_again_when_a_line_is_drawn_anew() -> None:
    contract = contract_for(line_product(annual_rate_ppm=144_000), 1_000_000, SIGNED)
    drawn = replace(payout(contract, amount_fen=500_000), key="draw/1")
    again = replace(payout(contract, amount_fen=400_000, on=SIGNED + 4 * DAY), key="draw/2")
    events = [drawn, charged(SIGNED + DAY, 5_000)]
    asked = quote(contract, events, SIGNED + 2 * DAY)
    events += [payment(asked.on, asked.to_pay_fen), again]
    lived = life(contract, events, contract.rows[0].due_on)
    assert moved(lived, "charged:c1") == [("loan:fee_due", "income:fee", 5_000)]
    assert lived.position.fee_due_fen == 0
    check_conservation(lived, 900_000)


# --- waivers ---


def test_a_waiver_takes_the_oldest_penalty_off_and_books_it_as_an_expense() -> None:
    contract, events = loan()
    on = contract.rows[1].due_on + 10 * DAY
    before = life(contract, events, on)
    events.append(waived(on, "penalty", 10_000))

    after = life(contract, events, on)

    due_fen = before.position.due_fen + before.position.penalty_accrued_fen
    assert after.position.due_fen + after.position.penalty_accrued_fen == due_fen - 10_000
    assert after.position.penalty_due_fen == before.position.penalty_accrued_fen - 10_000
    assert moved(after, "waived:w1")[-1] == ("expense:waived", "loan:penalty_due", 10_000)
    assert forgiven(after.movements) == {1: {"waived": 10_000}}


def test_a_waiver_counts_before_the_payments_of_its_day() -> None:
    contract, events = loan()
    on = contract.rows[0].due_on + 10 * DAY
    asked = quote(contract, events, on)
    paid = payment(on, asked.to_pay_fen - asked.penalty_fen)
    events.append(waived(on, "penalty", asked.penalty_fen))
    assert life(contract, [*events, paid], on).position.status == "settled"


def test_what_is_waived_stays_waived_when_older_facts_come_in_later() -> None:
    """RELIABILITY 3.9 (18): a payment that is found later must not bring waived penalty back."""
    contract, events = loan()
    row = contract.rows[0]
    on = row.due_on + 20 * DAY
    penalty_fen = quote(contract, events, on).penalty_fen
    events.append(waived(on, "penalty", penalty_fen))
    found = payment(row.due_on + 10 * DAY, row.due_fen // 2)
    lived = life(contract, [*events, found], on)
    assert lived.position.penalty_due_fen == 0
    assert lived.position.credit_fen == 0
    assert 0 < forgiven(lived.movements)[1]["waived"] < penalty_fen  # less was there to waive
    back = life(contract, [*events, found, bounced(found, on)], on)
    assert back == life(contract, events, on)


def test_more_is_waived_than_is_due_does_no_more_than_that() -> None:
    contract, events = loan()
    row = contract.rows[0]
    events.append(waived(row.due_on, "interest", 99_999_999))
    lived = life(contract, events, row.due_on)
    assert lived.instalments[0].interest_fen == 0
    assert lived.position.credit_fen == 0
    assert lived.position.due_fen == row.principal_fen


# --- coupons ---


def test_a_coupon_of_an_amount_pays_interest_as_it_falls_due_until_it_is_used_up() -> None:
    contract, events = loan()
    interest_fen = [row.interest_fen for row in contract.rows]
    worth_fen = interest_fen[0] + 1_000
    events.append(coupon(SIGNED, amount_fen=worth_fen))

    shown = life(contract, events, SIGNED)
    lived = life(contract, events, contract.rows[2].due_on)

    assert [state.interest_fen for state in lived.instalments[:3]] == [0, interest_fen[1] - 1_000, interest_fen[2]]
    assert shown.position.next_due_fen == contract.rows[0].principal_fen
    assert [state.interest_fen for state in shown.instalments[:3]] == [0, interest_fen[1] - 1_000, interest_fen[2]]
    assert balances(lived.movements)["expense:coupon"] == worth_fen
    assert -balances(lived.movements)["income:interest"] == sum(interest_fen[:3])  # the lender earns it all the same


def test_a_coupon_of_a_share_pays_it_for_so_many_instalments() -> None:
    contract, events = loan()
    events.append(coupon(SIGNED, share_ppm=500_000, instalments=2))
    lived = life(contract, events, contract.rows[2].due_on)
    asked = [row.interest_fen for row in contract.rows[:3]]
    half = [fen - int(Fraction(fen, 2) + Fraction(1, 2)) for fen in asked[:2]]
    assert [state.interest_fen for state in lived.instalments[:3]] == [*half, asked[2]]


def test_a_coupon_pays_interest_that_is_overdue_first() -> None:
    contract, events = loan()
    row = contract.rows[0]
    events.append(coupon(row.due_on + 5 * DAY, amount_fen=row.interest_fen + 500))
    lived = life(contract, events, contract.rows[1].due_on)
    assert lived.instalments[0].interest_fen == 0
    assert lived.instalments[1].interest_fen == contract.rows[1].interest_fen - 500


def test_a_coupon_pays_the_interest_of_who_settles_early() -> None:
    contract, events = loan()
    on = SIGNED + 10 * DAY
    events.append(coupon(SIGNED, amount_fen=10_000))
    asked = quote(contract, events, on)
    assert asked.interest_fen == 24_000 - 10_000
    lived = life(contract, [*events, payment(on, asked.to_pay_fen)], on)
    assert lived.position.status == "settled"
    assert balances(lived.movements)["expense:coupon"] == 10_000


@SLOW
@given(random_lives(forgiving_max=4))
def test_coupons_never_pay_more_than_they_are_worth(told: RandomLife) -> None:
    lived = life(told.contract, told.events, told.end_on)
    for event in told.events:
        if event.kind.value == "coupon_redeemed":
            paid_fen = sum(fen for debit, _, fen in moved(lived, f"coupon:{event.key}") if debit == "expense:coupon")
            worth_fen = event.payload["amount_fen"]
            assert worth_fen is None or paid_fen <= worth_fen


# --- days without interest ---


def test_paused_days_carry_no_interest_and_all_others_do() -> None:
    contract, events = loan()
    events.append(paused(SIGNED + 5 * DAY, SIGNED + 9 * DAY))

    lived = life(contract, events, contract.rows[0].due_on)
    inside = life(contract, events, SIGNED + 6 * DAY).position

    assert lived.instalments[0].interest_fen == 2_400 * (31 - 5)
    assert inside.accrued == 2_400 * 5
    assert inside.accruing_per_day == 0
    assert inside.next_moment_on == SIGNED + 10 * DAY
    assert life(contract, events, SIGNED + 10 * DAY).position.accruing_per_day == 2_400
    assert life(contract, events, SIGNED).instalments[0].interest_fen == contract.rows[0].interest_fen  # not known yet
    assert life(contract, events, SIGNED + 5 * DAY).instalments[0].interest_fen == 2_400 * 26


def test_penalty_goes_on_in_a_pause() -> None:
    contract, events = loan()
    due_on = contract.rows[0].due_on
    events.append(paused(due_on, due_on + 30 * DAY))
    plain = life(contract, events[:1], due_on + 10 * DAY).position
    assert life(contract, events, due_on + 10 * DAY).position.penalty_accrued_fen == plain.penalty_accrued_fen > 0


@pytest.mark.parametrize("day_count", DayCount)
def test_a_pause_of_the_whole_term_is_a_loan_without_interest(day_count: DayCount) -> None:
    contract, events = loan(day_count=day_count)
    events.append(paused(SIGNED, contract.rows[-1].due_on))
    lived = life(contract, events, contract.rows[-1].due_on)
    assert [state.interest_fen for state in lived.instalments] == [0] * 6
    assert lived.position.principal_outstanding_fen == 6_000_000


def test_pauses_that_overlap_count_once() -> None:
    contract, events = loan()
    one = [*events, paused(SIGNED + 2 * DAY, SIGNED + 9 * DAY)]
    two = [*events, paused(SIGNED + 2 * DAY, SIGNED + 6 * DAY), paused(SIGNED + 4 * DAY, SIGNED + 9 * DAY, "i2")]
    on = contract.rows[0].due_on
    assert life(contract, one, on).instalments == life(contract, two, on).instalments


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=4), st.integers(0, 30), st.integers(0, 30))
def test_running_days_are_those_that_no_pause_covers(pauses: list[tuple[int, int]], start: int, count: int) -> None:
    told = sorted((SIGNED + at * DAY, SIGNED + (at + days) * DAY) for at, days in pauses)
    from_on, to_on = SIGNED + start * DAY, SIGNED + (start + count) * DAY
    spans = list(running(from_on, to_on, told))
    days = [at + n * DAY for at, end in spans for n in range((end - at).days)]
    wanted = [from_on + n * DAY for n in range(count)]
    assert days == [day for day in wanted if not any(at <= day < end for at, end in told)]


def test_a_published_pause_costs_as_much_in_all() -> None:
    """Fineract keeps the instalment and the last is smaller; here principal stays as planned and the interest goes."""
    case = shelf.cases("truth/schedule_changes.json").get("fin-pause-5-days")
    if case is None:
        pytest.skip("the reference shelf is not here")
    given_, rows = case["inputs"], case["expected"]["rows"]
    terms = replace(
        TERMS,
        annual_rate_ppm=70_000,
        day_count=DayCount.THIRTY_360,
        rounding=Rounding.HALF_EVEN,
        frequency=Frequency(months=1),
    )
    start = date.fromisoformat(given_["start"])
    contract = contract_for(terms, fen_of(given_["principal"]), start, periods=given_["instalments"])
    told = {each["type"]: each for each in given_["events"]}
    paid = payment(date.fromisoformat(told["repayment"]["date"]), fen_of(told["repayment"]["amount"]))
    pause = told["interest_pause"]
    events = [payout(contract), paid, paused(date.fromisoformat(pause["from"]), date.fromisoformat(pause["to"]))]
    lived = life(contract, events, contract.rows[1].due_on)
    assert [state.interest_fen for state in lived.instalments] == [fen_of(row["interest"]) for row in rows]
    assert sum(state.interest_fen for state in lived.instalments) == fen_of(case["expected"]["total_interest"])
    assert [state.principal_fen for state in lived.instalments] == [row.principal_fen for row in contract.rows]


# --- write-off and recovery ---


def test_a_write_off_ends_the_loan_and_nothing_accrues_any_more() -> None:
    contract, events = loan()
    on = contract.rows[1].due_on + 10 * DAY
    before = life(contract, events, on).position
    events.append(written_off(on))

    lived = life(contract, events, contract.rows[-1].due_on + 100 * DAY)

    assert lived.position.status == "written_off"
    assert lived.position.principal_outstanding_fen == lived.position.due_fen == 0
    assert lived.position.accrued == lived.position.accruing_per_day == 0
    assert lived.position.next_moment_on is None
    sums = sums_written_off(lived.movements)
    assert sums == {"written_off_fen": 6_000_000 + before.interest_due_fen, "recovered_fen": 0}
    assert not any(each.value_on > on for each in lived.movements)


def test_what_comes_in_after_a_write_off_recovers_it_and_the_rest_is_credit() -> None:
    contract, events = loan()
    on = contract.rows[1].due_on + 10 * DAY
    events += [written_off(on), payment(on + DAY, 1_000_000), recovered(on + 2 * DAY, 500_000)]
    lived = life(contract, events, on + 2 * DAY)
    assert sum(fen for *sides, fen in moved(lived, "payment:p1") if sides[1] == "income:recovered") == 1_000_000
    assert moved(lived, "recovered:r1") == [("clearing:bank", "income:recovered", 500_000)]
    asked = quote(contract, events, on + 3 * DAY)
    assert asked.to_pay_fen == asked.written_off_fen == sums_written_off(lived.movements)["written_off_fen"] - 1_500_000
    whole = life(contract, [*events, payment(on + 3 * DAY, asked.to_pay_fen + 7, "p2")], on + 3 * DAY)
    assert whole.position.status == "settled"
    assert whole.position.credit_fen == 7


def test_a_recovery_names_the_parts_of_the_claim_that_it_pays() -> None:
    """In the order of the terms, or in an order of its own: here principal before fees."""
    on = SIGNED + 200 * DAY
    told = [charged(on - DAY, 50_000), written_off(on), recovered(on + DAY, 100_000)]
    principal_first = OwnOrder(of="recovered", order=("principal", "interest", "penalty", "fee"))
    found = []
    for own_orders in ((), (principal_first,)):
        contract, events = loan(own_orders=own_orders)
        lived = life(contract, [*events, *told], on + DAY)
        found.append([(each.part, each.amount_fen) for each in lived.movements if each.cause == "recovered:r1"])
    assert found == [[("fee", 50_000), ("interest", 50_000)], [("principal", 100_000)]]


def test_credit_pays_in_an_order_of_its_own() -> None:
    """What waited pays principal first, as these terms have it; what comes in pays a fee and interest first."""
    contract, events = loan(own_orders=(OwnOrder(of="credit", order=("principal", "interest", "penalty", "fee")),))
    first, second = contract.rows[:2]
    events += [payment(first.due_on, first.due_fen + 300_000), payment(second.due_on + DAY, 5_000, "p2")]
    lived = life(contract, events, second.due_on + DAY)
    state = lived.instalments[1]
    assert state.paid_principal_fen == 300_000
    assert state.paid_penalty_fen == round(Fraction(6 * (state.principal_fen - 300_000), 10_000))  # 21.6 % of a day
    assert state.paid_interest_fen == 5_000 - state.paid_penalty_fen


def test_all_that_is_due_is_waived_in_the_order_of_the_terms() -> None:
    """Penalty before interest if a payment pays it first; with an order for waivers as that says, and no other part."""
    contract, events = loan()
    on = contract.rows[0].due_on + 10 * DAY
    penalty_fen = life(contract, events, on).position.penalty_accrued_fen
    assert penalty_fen > 0
    told = waived(on, "all", penalty_fen + 100)
    by_part = [
        (each.part, each.amount_fen)
        for each in life(contract, [*events, told], on).movements
        if each.debit == "expense:waived"
    ]
    assert by_part == [("penalty", penalty_fen), ("interest", 100)]
    contract, events = loan(own_orders=(OwnOrder(of="waived", order=("interest",)),))
    lived = life(contract, [*events, waived(on, "all", 10_000_000)], on)
    assert {each.part for each in lived.movements if each.debit == "expense:waived"} == {"interest"}
    assert lived.position.interest_due_fen == 0
    assert lived.position.penalty_due_fen == penalty_fen
    named = life(contract, [*events, waived(on, "penalty", penalty_fen)], on)
    assert named.position.penalty_due_fen == named.position.penalty_accrued_fen == 0


def test_credit_is_set_off_before_anything_is_written_off() -> None:
    contract, events = loan()
    row = contract.rows[0]
    events += [payment(row.due_on, row.due_fen + 300_000), written_off(row.due_on + DAY)]
    lived = life(contract, events, row.due_on + DAY)
    assert lived.position.credit_fen == 0
    assert sums_written_off(lived.movements)["written_off_fen"] == 6_000_000 - row.principal_fen - 300_000
    check_conservation(lived, 6_000_000)


def test_a_write_off_leaves_a_charged_fee_that_was_paid_ahead_as_it_is() -> None:
    contract, events = loan()
    events += [charged(SIGNED + DAY, 5_000), payment(SIGNED + 2 * DAY, 6_010_000), charged(SIGNED + 3 * DAY, 70, "c2")]
    lived = life(contract, [*events, written_off(SIGNED + 5 * DAY)], SIGNED + 5 * DAY)
    assert sums_written_off(lived.movements)["written_off_fen"] == 0  # nothing but a fee that is not due was owed
    check_conservation(lived, 6_000_000)


def test_a_payment_of_the_day_comes_before_the_write_off() -> None:
    contract, events = loan()
    on = contract.rows[0].due_on
    events += [written_off(on, "a"), payment(on, contract.rows[0].due_fen, "z")]
    lived = life(contract, events, on)
    assert lived.instalments[0].paid_fen == contract.rows[0].due_fen


@SLOW
@given(random_lives(), st.data())
def test_a_write_off_at_any_time_keeps_every_fen_and_its_void_brings_the_loan_back(
    told: RandomLife, data: st.DataObject
) -> None:
    on = told.contract.signed_on + data.draw(st.integers(0, 250)) * DAY
    lost = written_off(on, "lost")
    end_on = max(told.end_on, on)
    lived = life(told.contract, [*told.events, lost], end_on)
    check_conservation(lived, told.disbursed_fen(end_on))
    void = voided(lost)
    assert life(told.contract, [*told.events, lost, void], end_on) == life(told.contract, told.events, end_on)


# --- refunds of credit ---


def test_refunded_credit_leaves_by_its_channel() -> None:
    contract, events = loan()
    row = contract.rows[0]
    events += [payment(row.due_on, row.due_fen + 30_000), refunded(row.due_on + DAY, 20_000)]
    lived = life(contract, events, row.due_on + DAY)
    assert lived.position.credit_fen == 10_000
    assert lived.position.paid_total_fen == row.due_fen + 10_000
    assert moved(lived, "refunded:f1") == [("borrower:credit", "clearing:bank", 20_000)]


def test_a_refund_of_money_that_then_bounces_is_owed_again() -> None:
    contract, events = loan()
    row = contract.rows[0]
    paid = payment(row.due_on, row.due_fen + 30_000)
    events += [paid, refunded(row.due_on + DAY, 30_000), bounced(paid, row.due_on + 3 * DAY)]
    lived = life(contract, events, row.due_on + 3 * DAY)
    assert lived.position.credit_fen == -30_000
    assert lived.position.status == "active"
    asked = quote(contract, events, row.due_on + 3 * DAY)
    assert asked.to_pay_fen == asked.principal_fen + asked.interest_fen + asked.penalty_fen + 30_000
    settled = life(contract, [*events, payment(asked.on, asked.to_pay_fen, "p2")], asked.on)
    assert (settled.position.status, settled.position.credit_fen) == ("settled", 0)


def test_the_next_money_pays_credit_that_was_not_there_before_what_is_due() -> None:
    contract, events = loan()
    row = contract.rows[0]
    paid = payment(row.due_on, row.due_fen + 30_000)
    events += [paid, refunded(row.due_on + DAY, 30_000), bounced(paid, row.due_on + 3 * DAY)]
    lived = life(contract, [*events, payment(row.due_on + 4 * DAY, 40_000, "p2")], row.due_on + 4 * DAY)
    assert moved(lived, "payment:p2")[0] == ("clearing:alipay", "borrower:credit", 30_000)
    assert lived.position.credit_fen == 0


# --- published rebates ---


@pytest.mark.parametrize("case_id", ["fin-waiver-full", "fin-waiver-fee-first"])
def test_a_published_rebate_pays_interest_only_here(case_id: str) -> None:
    """Fineract's rebate is a payment: it goes on to principal. A coupon here pays interest, of later instalments too.

    What is left to pay is the same as long as there is so much interest; of principal a coupon pays nothing.
    """
    case = shelf.cases("truth/allocation.json").get(case_id)
    if case is None:
        pytest.skip("the reference shelf is not here")
    given_ = case["inputs"]
    terms = replace(
        TERMS, kind=Kind.FLAT, annual_rate_ppm=120_000, day_count=DayCount.EQUAL_MONTHS, frequency=Frequency(months=1)
    )
    start = date.fromisoformat(given_["start"])
    contract = contract_for(terms, fen_of(given_["principal"]), start, periods=given_["instalments"])
    each = given_["scheduled"]
    assert [(row.principal_fen, row.interest_fen) for row in contract.rows] == [
        (fen_of(each["principal_each"]), fen_of(each["interest_each"]))
    ] * 4
    events = [payout(contract)]
    for told in given_["events"]:
        on = date.fromisoformat(told["date"])
        fen = fen_of(told["amount"])
        events.append(coupon(on, amount_fen=fen) if told["type"] == "interest_rebate" else charged(on, fen))
    lived = life(contract, events, contract.rows[-1].due_on)
    interest_fen = fen_of(each["interest_each"]) * 4
    rebate_fen = min(fen_of(given_["events"][-1]["amount"]), interest_fen)
    assert sum(state.interest_fen for state in lived.instalments) == interest_fen - rebate_fen
    assert lived.position.principal_outstanding_fen == fen_of(given_["principal"])
    if rebate_fen == fen_of(given_["events"][-1]["amount"]):
        owed_fen = sum(state.unpaid_fen for state in lived.instalments) - lived.position.penalty_due_fen
        assert owed_fen == fen_of(case["expected"]["outstanding_after"])
