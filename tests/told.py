"""A revenue loan told day by day, as the close of day would: for tests of what windows fix."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from lives import DAY, payment, payout

from loancli.core.event import Event, EventKind
from loancli.plan.flexible import Window, closes_on, window_of
from loancli.servicing.contract import Contract
from loancli.servicing.life import Life, life
from loancli.servicing.windows import Revenue, close_window, next_number

ALWAYS = [(date(2020, 1, 1), date(2030, 1, 1))]


@dataclass
class Told:
    """A loan told day by day: windows close as in the close of day, with the revenue that is known by then."""

    contract: Contract
    known: list[tuple[date, date, str, int]] = field(default_factory=list)  # revenue day, known on, class, fen
    covered: list[tuple[date, date]] = field(default_factory=lambda: list(ALWAYS))
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.events.append(payout(self.contract))

    def revenue(self, on: date) -> Revenue:
        fen: dict[tuple[date, str, str], int] = {}
        for day, known_on, kind, amount_fen in self.known:
            if known_on <= on:
                fen[day, "alipay", kind] = fen.get((day, "alipay", kind), 0) + amount_fen
        return Revenue(fen=fen, covered={"alipay": self.covered})

    def close(self, on: date) -> list[Event]:
        """Close the windows that are over by `on`."""
        new: list[Event] = []
        while (number := next_number(self.contract, [*self.events, *new], on)) is not None:
            new += close_window(self.contract, [*self.events, *new], number, self.revenue(on), actor="test")
        self.events += new
        return new

    def close_all(self, *, paying: bool) -> Life:
        """To the end, window by window and due day by due day."""
        for row in self.contract.rows:
            self.close(closes_on(window_of(self.contract.product, self.contract.rows, row.number)))
            if paying:
                due_fen = life(self.contract, self.events, row.due_on).position.due_fen
                if due_fen:
                    self.events.append(payment(row.due_on, due_fen, f"p{row.number:02}"))
        return life(self.contract, self.events, self.contract.rows[-1].due_on)

    def fixed(self, number: int) -> dict[str, Any]:
        (found,) = [
            event.payload
            for event in self.events
            if event.kind is EventKind.INSTALMENT_FIXED and event.payload["number"] == number
        ]
        return found

    def closed(self, number: int) -> dict[str, Any]:
        (found,) = [
            event.payload
            for event in self.events
            if event.kind is EventKind.REVENUE_WINDOW_CLOSED and event.payload["number"] == number
        ]
        return found

    def raw_fen(self, number: int) -> int:
        found: int = reason(self.fixed(number), "raw")[0]
        return found

    def window(self, number: int) -> Window:
        return window_of(self.contract.product, self.contract.rows, number)

    def earn(self, number: int, amount_fen: int, *, known_on: date | None = None, kind: str = "sure") -> None:
        """Revenue in window `number`; known when it closes if nothing else is said."""
        day = self.window(number).from_on + DAY
        self.known.append((day, known_on or day, kind, amount_fen))


def reason(fixed: dict[str, Any], code: str) -> list[Any]:
    """The values told under `code`; [] if it is not told."""
    return next((values for found, values in fixed["reasons"] if found == code), [])
