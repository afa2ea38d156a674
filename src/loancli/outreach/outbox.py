"""The life of a message in the outbox: a table. Claim first, then send, then mark (RELIABILITY §5)."""

from enum import Enum


class State(Enum):
    """Where a message stands. Only `queued` and `claimed` are under way."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    SENT = "sent"
    FAILED = "failed"  # the channel said that it did not leave
    UNKNOWN = "unknown"  # it may have left: never sent again by itself
    RELEASED = "released"  # claimed, then certainly not sent
    CANCELLED = "cancelled"


class Happening(Enum):
    """What can happen to a message."""

    CLAIM = "claim"
    SEND = "send"
    REJECT = "reject"
    LOSE = "lose"  # the process that claimed it died, or the channel did not answer
    RELEASE = "release"
    PAY = "pay"  # the borrower paid what the message is about
    EXPIRE = "expire"  # its day is over: a text about 'today' must not leave tomorrow
    FIND_SENT = "find_sent"  # the channel or a person says what became of it
    FIND_FAILED = "find_failed"


STEPS: dict[tuple[State, Happening], State] = {
    (State.QUEUED, Happening.CLAIM): State.CLAIMED,
    (State.QUEUED, Happening.PAY): State.CANCELLED,
    (State.QUEUED, Happening.EXPIRE): State.CANCELLED,
    (State.CLAIMED, Happening.SEND): State.SENT,
    (State.CLAIMED, Happening.REJECT): State.FAILED,
    (State.CLAIMED, Happening.LOSE): State.UNKNOWN,
    (State.CLAIMED, Happening.RELEASE): State.RELEASED,
    (State.CLAIMED, Happening.PAY): State.RELEASED,
    (State.UNKNOWN, Happening.FIND_SENT): State.SENT,
    (State.UNKNOWN, Happening.FIND_FAILED): State.FAILED,
}
"""No step leads back to `queued` or from an end to `claimed`: nothing is ever sent twice."""

COUNTED = frozenset({State.CLAIMED, State.SENT, State.UNKNOWN})
"""What counts against the caps and as a contact for spacing (INV-36)."""


def after(state: State, happening: Happening) -> State | None:
    """The state that `happening` leads to, or None where the table has no such step."""
    return STEPS.get((state, happening))
