"""What a run of `day close` was and did, as one JSON document for cron and whoever watches it.

It is written when the run begins (outcome `running`) and again when it ends, whole each time: a run that was killed is
one that is still running for ever. Names and codes are the same in every language.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from loancli import __version__
from loancli.cli.cells import json_text
from loancli.cli.exit import Exit, exit_of, message_of
from loancli.cli.options import Context, now
from loancli.cli.render import save

if TYPE_CHECKING:
    from sqlite3 import Connection


@dataclass(slots=True, kw_only=True)
class Run:
    """What came of a run so far. The books are told as they stood before it, and after the last day that it closed."""

    days: list[dict[str, Any]] = field(default_factory=list)
    taken_up: list[str] = field(default_factory=list)  # parked loans that came through
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def look(self, db: "Connection") -> None:
        """Note how the books stand."""
        from loancli.ledger import connect, days, receipts

        self.after = {
            "schema": connect.SCHEMA,
            "open_day": days.open_day(db).isoformat(),
            "heads": days.heads(db),
            "parked": days.parked(db),
            "payments_in_suspense": len(receipts.waiting(db)),
        }
        self.before = self.before or self.after


@contextmanager
def manifest(path: Path | None, context: Context, **asked: object) -> Iterator[Run]:
    """Keep a manifest of what is done inside, where a file for it is given; errors go on. Raises as `save` does."""
    run = Run()
    if path is None:
        yield run
        return
    head = {
        "run_id": uuid.uuid4().hex,
        "command": "day close",
        "program": "loancli",
        "version": __version__,
        "actor": context.actor,
        "ledger": str(context.ledger.absolute()),
        "as_of": context.as_of.isoformat(),
        **asked,
        "started_at": now().isoformat(timespec="seconds"),
    }
    save(path, json_text({**head, "ended_at": None, "outcome": "running", "exit_code": None}))
    error: BaseException | None = None
    try:
        yield run
    except BaseException as found:
        error = found
        raise
    finally:
        save(path, json_text({**head, **_end(run, error, context)}))


def _end(run: Run, error: BaseException | None, context: Context) -> dict[str, Any]:
    code = _code(error)
    outcome = {int(Exit.DONE): "done" if run.days or run.taken_up else "nothing", int(Exit.PARTIAL): "partial"}
    before, after = run.before or {}, run.after or {}
    told = None
    if error is not None and not isinstance(error, typer.Exit):
        message = None if code == Exit.BUG else message_of(error, context.lang)
        told = {"kind": type(error).__name__, "message": message}
    return {
        "ended_at": now().isoformat(timespec="seconds"),
        "outcome": outcome.get(code, "failed"),
        "exit_code": code,
        "error": told,
        "schema": after.get("schema"),
        "open_day_before": before.get("open_day"),
        "open_day_after": after.get("open_day"),
        "heads_before": before.get("heads"),
        "heads_after": after.get("heads"),
        "days": run.days,
        "taken_up": run.taken_up,
        "parked": after.get("parked", []),
        "to_do": list(_to_do(run, after, code)),
    }


def _code(error: BaseException | None) -> int:
    if error is None:
        return Exit.DONE
    if isinstance(error, typer.Exit):
        return error.exit_code
    return Exit.INTERRUPTED if isinstance(error, KeyboardInterrupt) else exit_of(error)


def _to_do(run: Run, after: dict[str, Any], code: int) -> Iterator[dict[str, Any]]:
    """What a person has to see to, with the command that shows it or does it again."""
    if code not in {Exit.DONE, Exit.PARTIAL}:
        yield {"what": "run_again", "count": 1, "command": "loancli day close"}
    counts = {
        "parked_loans": (len(after.get("parked", [])), "loancli day close --retry"),
        "lapsed_promises": (sum(line["lapsed_promises"] for line in run.days), "loancli promise list"),
        "payments_in_suspense": (after.get("payments_in_suspense", 0), "loancli payment unmatched"),
    }
    for what, (count, command) in counts.items():
        if count:
            yield {"what": what, "count": count, "command": command}
