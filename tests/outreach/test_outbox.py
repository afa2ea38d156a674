"""The life of a message: whatever happens, in any order, it leaves at most once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loancli.outreach.outbox import COUNTED, STEPS, Happening, State, after


@pytest.mark.parametrize(
    ("happenings", "end"),
    [
        pytest.param([Happening.CLAIM, Happening.SEND], State.SENT, id="sent"),
        pytest.param([Happening.CLAIM, Happening.REJECT], State.FAILED, id="the channel refused it"),
        pytest.param([Happening.CLAIM, Happening.LOSE], State.UNKNOWN, id="a crash in between"),
        pytest.param([Happening.CLAIM, Happening.LOSE, Happening.FIND_SENT], State.SENT, id="it had left"),
        pytest.param([Happening.CLAIM, Happening.LOSE, Happening.FIND_FAILED], State.FAILED, id="it had not"),
        pytest.param([Happening.CLAIM, Happening.RELEASE], State.RELEASED, id="the window closed"),
        pytest.param([Happening.CLAIM, Happening.PAY], State.RELEASED, id="paid after the claim"),
        pytest.param([Happening.PAY], State.CANCELLED, id="paid before"),
        pytest.param([Happening.EXPIRE], State.CANCELLED, id="its day passed"),
    ],
)
def test_lives(happenings, end):
    state = State.QUEUED
    for happening in happenings:
        state = after(state, happening)
    assert state is end


@pytest.mark.parametrize("state", [State.SENT, State.FAILED, State.RELEASED, State.CANCELLED])
def test_an_end_is_an_end(state):
    assert all(after(state, happening) is None for happening in Happening)


@given(st.lists(st.sampled_from(Happening), max_size=12))
def test_a_message_is_claimed_at_most_once_and_never_sent_without_a_claim(happenings):
    state, claims_count = State.QUEUED, 0
    for happening in happenings:
        reached = after(state, happening)
        if reached is not None:
            claims_count += happening is Happening.CLAIM
            assert reached is not State.SENT or claims_count == 1
            state = reached
    assert claims_count <= 1


def test_what_may_have_reached_the_person_counts():
    assert {State.CLAIMED, State.SENT, State.UNKNOWN} == COUNTED
    assert {State.QUEUED, *STEPS.values()} == set(State)
