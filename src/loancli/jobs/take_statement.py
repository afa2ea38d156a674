"""Read an export into the ledger: as a borrower's revenue, or as repayments received by the lender."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice, repeat
from operator import itemgetter
from typing import BinaryIO

from loancli.core.errors import InputError, Problem, SetupError, input_error
from loancli.core.money import yuan
from loancli.core.statement import StatementRow
from loancli.imports import SUMMARIES, Statement, open_statement
from loancli.jobs import Stamp
from loancli.jobs.rule_rows import rule_rows
from loancli.jobs.take_repayments import Placed, take_repayments
from loancli.ledger import borrowers, revenue, statements
from loancli.ledger.connect import Connection
from loancli.ledger.statements import Classified
from loancli.revenue.pairs import Pairs
from loancli.revenue.rules import Classifier, Owner, Rules

LENDER = "lender"
PROBLEMS_MAX = 200  # shown of a file that is refused
KEPT_PROBLEMS_MAX = 100_000  # of a file whose good rows are booked
_OCCURRED_AT = itemgetter(StatementRow._fields.index("occurred_at"))
_SHOP = re.compile(r"\d{8,10}", re.ASCII)  # a merchant's number at WeChat; telephone numbers are longer


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are read, where their own evidence is not enough or not to be followed."""

    encoding: str | None = None
    shops: frozenset[str] = frozenset()  # whose rows of a service provider's bill are wanted
    keep_going: bool = False  # book the good rows of a file that has bad ones
    accept_mismatch: bool = False  # book a merchant bill whose totals are not those of its rows, with a note
    latest_on: date | None = None  # rows dated later cannot be true


AS_IT_IS = Reading()


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a summary says of the bill it belongs to. `figures`: in | out → (rows, fen or None)."""

    detail_format: str
    owner: str
    account_sha: str
    from_on: date | None
    to_on: date | None
    figures: dict[str, tuple[int, int | None]]


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
    doubled_count: int = 0  # rows that another export shows already: the same money
    refused: list[Problem] = field(default_factory=list)  # rows that were left out
    already_imported: bool = False
    from_on: date | None = None
    to_on: date | None = None
    sums_fen: dict[str, tuple[int, int]] = field(default_factory=dict)  # direction → (rows, fen)
    revenue_fen: dict[str, tuple[int, int]] = field(default_factory=dict)  # class → (rows, fen)
    placed: Placed = field(default_factory=Placed)
    summary: Summary | None = None
    conflicts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def take_statement(
    db: Connection,
    source: BinaryIO,
    file_name: str,
    *,
    borrower_id: str | None,
    rules: Mapping[str, Rules],
    stamp: Stamp,
    pairs: Pairs | None = None,
    how: Reading = AS_IT_IS,
    watch: Callable[[int], None] = lambda lines: None,
) -> ImportReport:
    """Read one file; `borrower_id` makes it revenue by the channel's `rules`, None the lender's repayments.

    `pairs`: the rules over pairs of revenue rows; None: those that the borrower's rows were ruled by before.

    All or nothing: raises InputError with every bad row (file, row, column), unless `how` says to keep going. The same
    bytes again change nothing. What a summary says is compared by `check_summaries`, when all files are in.
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
    names: frozenset[str] = frozenset()
    if borrower_id is not None:
        borrower = borrowers.active(db, borrower_id)
        names = frozenset({borrower.name, *borrower.aliases})
    shops = how.shops or frozenset(name for name in names if _SHOP.fullmatch(name))
    statement = open_statement(source, file_name, how.encoding, shops)
    classifier = None
    if borrower_id is not None:
        if statement.channel not in rules:
            raise SetupError(f"schedules/revenue has no rules for {statement.channel}")
        classifier = Classifier(rules[statement.channel], Owner(names=names), statement.format)
    facts = statements.FileFacts(
        content_sha=content_sha,
        name=file_name,
        format=statement.format,
        owner=owner_id,
        read_as=read_as,
        channel=statement.channel,
        account_sha="",
        from_on=None,
        to_on=None,
        is_whole=False,
        warnings=[],
        actor=stamp.actor,
        imported_at=stamp.text,
    )
    rows = _Rows(statement, facts, classifier, how, watch)
    taken = statements.take(db, facts, rows)
    if rows.problems and not how.keep_going:
        raise input_error(rows.problems)
    if not taken.row_count and not rows.problems and not rows.may_be_empty:
        raise InputError(f"{file_name}: the header is there, but no row below it; export a period with transactions")
    report = ImportReport(
        file_name=file_name,
        format=statement.format,
        read_as=read_as,
        row_count=taken.row_count,
        new_count=taken.new_count,
        seen_count=taken.seen_count,
        changed_count=len(taken.changed),
        refused=rows.problems,
        from_on=facts.from_on,
        to_on=facts.to_on,
        sums_fen={direction: (count, fen) for direction, (count, fen) in statement.counted.totals.items()},
        revenue_fen=rows.revenue_fen,
        warnings=facts.warnings,
        summary=_summary(statement, facts),
    )
    if borrower_id is not None:
        revenue.add_rows(db, owner_id, taken)
        revenue.shift(db, taken.changed)
    ruled = rule_rows(db, owner_id, taken, pairs)
    report.doubled_count, report.conflicts = ruled.doubled_count, ruled.conflicts
    for own, now, count, amount_fen in ruled.moved:
        for kind, sign in ((own, -1), (now, 1)) if now else ((own, -1),):
            was = report.revenue_fen.get(kind, (0, 0))
            report.revenue_fen[kind] = was[0] + sign * count, was[1] + sign * amount_fen
    if borrower_id is None:
        report.placed = take_repayments(db, taken, stamp)
        report.warnings += report.placed.warnings
    return report


class _Rows:
    """The rows of a file on their way into the ledger: counted, summed, classified; bad ones are collected."""

    def __init__(
        self,
        statement: Statement,
        facts: statements.FileFacts,
        classifier: Classifier | None,
        how: Reading,
        watch: Callable[[int], None],
    ) -> None:
        self.statement = statement
        self.facts = facts
        self.classifier = classifier
        self.how = how
        self.watch = watch
        self.problems: list[Problem] = []
        self.revenue_fen: dict[str, tuple[int, int]] = {}
        self.may_be_empty = False

    def __iter__(self) -> Iterator[Classified]:
        classes: dict[str, list[int]] = {}
        first, last = "9", ""
        stream = iter(self.statement)
        while chunk := list(islice(stream, statements.CHUNK)):
            rows = self._good(chunk)
            if not rows:
                continue
            self.watch(rows[-1].line)
            first = min(first, min(map(_OCCURRED_AT, rows)))
            last = max(last, max(map(_OCCURRED_AT, rows)))
            if self.classifier is None:
                yield from zip(rows, repeat(None), repeat(None))
                continue
            decided = list(map(self.classifier.classify, rows))
            for row, (revenue_class, _) in zip(rows, decided, strict=True):
                if revenue_class != "excluded" or row.direction == "in":
                    by_class = classes.setdefault(revenue_class, [0, 0])
                    by_class[0] += 1
                    by_class[1] += row.amount_fen
            yield from zip(rows, *zip(*decided, strict=True), strict=True)
        self.revenue_fen = {kind: (count, fen) for kind, (count, fen) in classes.items()}
        self._conclude(first[:10] if last else "", last[:10])

    def _good(self, chunk: list[StatementRow | Problem]) -> list[StatementRow]:
        """The rows that can be used; problems are kept, and those that the clock shows join them."""
        how = self.how
        rows = [each for each in chunk if isinstance(each, StatementRow)]
        if len(rows) < len(chunk):
            self.problems += [each for each in chunk if isinstance(each, Problem)]
        if how.latest_on is not None and rows:
            latest = f"{how.latest_on}T24"
            if max(map(_OCCURRED_AT, rows)) > latest:
                self.problems += [self._in_the_future(row) for row in rows if row.occurred_at > latest]
                rows = [row for row in rows if row.occurred_at <= latest]
        problems_max = KEPT_PROBLEMS_MAX if how.keep_going else PROBLEMS_MAX
        if len(self.problems) > problems_max:
            raise input_error(self.problems[:PROBLEMS_MAX])
        return rows

    def _conclude(self, first: str, last: str) -> None:
        """What the whole file says about itself, known when its last row was read. Raises InputError."""
        statement, facts, how = self.statement, self.facts, self.how
        strangers = statement.strangers()
        if strangers:
            raise InputError(
                f"{statement.file_name}: holds the rows of several shops (特约商户号 {', '.join(strangers[:10])}); "
                "name the one that is meant with --shop, or give the number to the borrower as an alias"
            )
        declared = statement.declared()
        # Only to tell accounts apart; keyed by the owner, so that it does not give the account away.
        facts.account_sha = hmac.new(facts.owner.encode(), declared.account_label.encode(), "sha256").hexdigest()
        facts.from_on = _day(declared.from_on or first)
        facts.to_on = _day(declared.to_on or last)
        facts.is_whole = not declared.filtered and statement.control() is None and not self.problems
        self.may_be_empty = statement.control() is not None or statement.states_no_rows()
        mismatches = statement.mismatches()
        if mismatches and not how.accept_mismatch and not self.problems:
            raise InputError(
                "\n".join([*mismatches, "bring the original bill, or book it as it is with --accept-totals-mismatch"])
            )
        accepted = f" (accepted by {facts.actor})" if how.accept_mismatch else ""
        facts.warnings += [f"{told}{accepted}" for told in mismatches]
        facts.warnings += statement.warnings()

    def _in_the_future(self, row: StatementRow) -> Problem:
        return Problem(
            file_name=self.statement.file_name,
            row=row.line,
            column=self.statement.column("time"),
            message=f"{row.occurred_at[:10]} lies after today, {self.how.latest_on}; the clock or the file is wrong",
        )


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _summary(statement: Statement, facts: statements.FileFacts) -> Summary | None:
    control = statement.control()
    if control is None:
        return None
    return Summary(
        detail_format=SUMMARIES[statement.format],
        owner=facts.owner,
        account_sha=facts.account_sha,
        from_on=facts.from_on,
        to_on=facts.to_on,
        figures=control,
    )


def check_summaries(db: Connection, reports: Sequence[ImportReport], how: Reading) -> None:
    """Compare each summary among the files with the bill it belongs to, as the ledger has it now.

    Raises InputError with both figures where they differ, unless that was accepted; a summary whose bill is not there
    says so.
    """
    for report in reports:
        if report.summary is None:
            continue
        wanted = report.summary
        found = statements.sums(
            db, wanted.owner, wanted.detail_format, wanted.account_sha, from_on=wanted.from_on, to_on=wanted.to_on
        )
        if not found:
            report.warnings.append(f"{report.file_name}: the bill that it sums up is not in the ledger; import it too")
            continue
        told = []
        for direction, (rows, amount_fen) in wanted.figures.items():
            found_rows, found_fen = found.get(direction, (0, 0))
            if rows != found_rows or amount_fen not in {None, found_fen}:
                stated = "" if amount_fen is None else f" {yuan(amount_fen)} yuan"
                told.append(
                    f"{report.file_name}: states {direction} {rows:,} rows{stated}, "
                    f"the bill in the ledger has {found_rows:,} rows {yuan(found_fen)} yuan"
                )
        if told and not how.accept_mismatch:
            raise InputError("\n".join([*told, "bring the original bills, or accept with --accept-totals-mismatch"]))
        report.warnings += told


def _sha(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
    source.seek(0)
    return digest.hexdigest()
