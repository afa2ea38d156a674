"""WHAT WE DO: gather, decide, apply; one file a job, one transaction. Imports every room but cli; no SQL in it.

A job gets an open connection and runs inside the caller's transaction (`ledger.connect.writing`, or `trial` for
--dry-run), so that a preview takes the very path that applying takes.
"""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Who does it, and when: told by cli/, the only room that knows the clock."""

    actor: str
    at: datetime

    @property
    def on(self) -> date:
        return self.at.date()

    @property
    def text(self) -> str:
        return self.at.isoformat(timespec="seconds")
