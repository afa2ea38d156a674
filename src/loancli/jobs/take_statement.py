"""Read an export into the ledger: as a borrower's revenue, or as repayments received by the lender."""

import hashlib
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from loancli.core.errors import InputError, Problem, SetupError, input_error
from loancli.core.statement import StatementRow
from loancli.imports import Statement, open_statement
from loancli.jobs import Stamp
from loancli.jobs.take_repayments import Placed, take_repayments
from loancli.ledger import borrowers, revenue, statements
from loancli.ledger.connect import Connection
from loancli.ledger.statements import Classified
from loancli.plan.revenue import Classifier, Owner, Rules

LENDER = "lender"
PROBLEMS_MAX = 200


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What an import did."""

    file_name: str
    format: str
    read_as: str
    row_count: int = 0
    new_count: int = 0
    seen_count: int = 0
    changed_count: int = 0
    already_imported: bool = False
    from_on: date | None = None
    to_on: date | None = None
    sums_fen: dict[str, tuple[int, int]] = field(default_factory=dict)  # direction → (rows, fen)
    revenue_fen: dict[str, tuple[int, int]] = field(default_factory=dict)  # class → (rows, fen)
    placed: Placed = field(default_factory=Placed)
    conflicts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def take_statement(
    db: Connection,
    source: BinaryIO,
    file_name: str,
    *,
    borrower_id: str | None,
    rules: Mapping[str, Rules],
    encoding: str | None,
    stamp: Stamp,
    watch: Callable[[int], None] = lambda lines: None,
) -> ImportReport:
    """Read one file; `borrower_id` makes it revenue by the channel's `rules`, None the lender's repayments.

    All or nothing: raises InputError with every bad row (file, row, column). The same bytes again change nothing.
    """
    read_as = "repayments" if borrower_id is None else "revenue"
    owner_id = borrower_id or LENDER
    content_sha = _sha(source)
    known = statements.find_file(db, content_sha, owner_id, read_as)
    if known:
        return ImportReport(
            file_name=file_name,
            format="",
            read_as=read_as,
            row_count=known["row_count"],
            seen_count=known["row_count"],
            already_imported=True,
        )
    statement = open_statement(source, file_name, encoding)
    classifier = None
    if borrower_id is not None:
        borrower = borrowers.one(db, borrower_id)
        channel = statement.declared.channel
        if channel not in rules:
            raise SetupError(f"schedules/revenue has no rules for {channel}")
        classifier = Classifier(rules[channel], Owner(names=frozenset({borrower.name, *borrower.aliases})))
    declared = statement.declared
    facts = statements.FileFacts(
        content_sha=content_sha,
        name=file_name,
        format=statement.format,
        owner=owner_id,
        read_as=read_as,
        channel=declared.channel,
        # Only to tell accounts apart; keyed by the owner, so that it does not give the account away.
        account_sha=hmac.new(owner_id.encode(), declared.account_label.encode(), "sha256").hexdigest(),
        from_on=date.fromisoformat(declared.from_on) if declared.from_on else None,
        to_on=date.fromisoformat(declared.to_on) if declared.to_on else None,
        is_whole=not declared.filtered,
        warnings=[],
        actor=stamp.actor,
        imported_at=stamp.text,
    )
    reading = _Reading(statement, facts, classifier, watch)
    taken = statements.take(db, facts, reading)
    if reading.problems:
        raise input_error(reading.problems)
    if not taken.row_count:
        raise InputError(f"{file_name}: the header is there, but no row below it; export a period with transactions")
    report = ImportReport(
        file_name=file_name,
        format=statement.format,
        read_as=read_as,
        row_count=taken.row_count,
        new_count=taken.new_count,
        seen_count=taken.seen_count,
        changed_count=len(taken.changed),
        from_on=facts.from_on,
        to_on=facts.to_on,
        sums_fen={direction: (count, fen) for direction, (count, fen) in statement.counted.totals.items()},
        revenue_fen=reading.revenue_fen,
        warnings=facts.warnings,
    )
    if borrower_id is None:
        report.placed = take_repayments(db, taken, stamp)
        report.warnings += report.placed.warnings
    else:
        revenue.add_rows(db, owner_id, taken)
        revenue.shift(db, taken.changed)
    return report


class _Reading:
    """The rows of a file on their way into the ledger: counted, summed, classified; bad ones are collected."""

    def __init__(
        self,
        statement: Statement,
        facts: statements.FileFacts,
        classifier: Classifier | None,
        watch: Callable[[int], None],
    ) -> None:
        self.statement = statement
        self.facts = facts
        self.classifier = classifier
        self.watch = watch
        self.problems: list[Problem] = []
        self.revenue_fen: dict[str, tuple[int, int]] = {}

    def __iter__(self) -> Iterator[Classified]:
        classes: dict[str, list[int]] = {}
        classify = self.classifier.classify if self.classifier else None
        first, last = "9", ""
        for number, row in enumerate(self.statement, start=1):
            if not isinstance(row, StatementRow):
                self.problems.append(row)
                if len(self.problems) >= PROBLEMS_MAX:
                    return
                continue
            if not number % 1_000:
                self.watch(row.line)
            occurred_at = row.occurred_at
            if occurred_at < first:
                first = occurred_at
            if occurred_at > last:
                last = occurred_at
            if classify is None:
                yield row, None, None
            else:
                revenue_class, rule = classify(row)
                if revenue_class != "excluded" or row.direction == "in":
                    by_class = classes.setdefault(revenue_class, [0, 0])
                    by_class[0] += 1
                    by_class[1] += row.amount_fen
                yield row, revenue_class, rule
        self.revenue_fen = {kind: (count, fen) for kind, (count, fen) in classes.items()}
        if last:
            self.facts.from_on = self.facts.from_on or date.fromisoformat(first[:10])
            self.facts.to_on = self.facts.to_on or date.fromisoformat(last[:10])
        self.facts.warnings += self.statement.warnings()


def _sha(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
    source.seek(0)
    return digest.hexdigest()
