"""How fast loancli is, as ratios to plain code that does the same work (`make bench`).

Whole processes, run A B A B; the ratio is taken pair by pair and its median told, with the smallest and the largest.
Beside the wall clock stands user + system time, which a busy machine disturbs less, and the peak of memory. Seeds are
fixed; everything happens in a temporary folder (about 1 GB; 3 GB for 1,000,000 rows, 12 GB for 1,000,000 loans).
`--only import` runs one section; `--rounds`, `--peer-rounds`, `--rows`, `--sheet-rows`, `--loans`, `--changed-loans`,
`--postings` and `--futures` make it shorter or longer. Other programs are installed by pip into build/bench-peers, each
by itself, and left out where that fails.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"
CLOSED_ON, CLOSING_ON = "2026-03-10", "2026-03-11"  # the day of benchmarks/make.py, and the one on which it is closed
SHARES_PERCENT = {3: "<= 3", 100: "<= 6"}  # of the loans on which something happens that day, and what is aimed at
LOOP_LOANS = 5_000  # as many as the loop over lives closes
HELLO = "import typer; app = typer.Typer(); app.command()(lambda: typer.echo('hello')); app([])"
MAIN = "import sys; from loancli.cli.main import main; sys.exit(main())"  # what the installed command runs

Command = Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took."""

    wall_seconds: float
    cpu_seconds: float
    peak_kib: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A command, and what is prepared before each run of it."""

    command: Command
    prepare: Callable[[], None] = lambda: None


def ours(*args: object) -> list[str]:
    return [sys.executable, "-c", MAIN, *map(str, args)]


def plain(*args: object) -> list[str]:
    return [sys.executable, str(HERE / "plain.py"), *map(str, args)]


def close_by(*args: object) -> list[str]:
    return [sys.executable, str(HERE / "close.py"), *map(str, args)]


def make(*args: object) -> None:
    subprocess.run([sys.executable, str(HERE / "make.py"), *map(str, args)], check=True)


def cost(side: Side) -> Cost:
    """Run it once. This process stays small: what a child inherits counts in its peak."""
    side.prepare()
    environ = {**os.environ, "PYTHONPATH": str(SOURCE), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}
    started = time.perf_counter()
    with subprocess.Popen(side.command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        told = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall_seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(side.command)} ended with {process.returncode}:\n{told.decode()}")
    return Cost(wall_seconds=wall_seconds, cpu_seconds=usage.ru_utime + usage.ru_stime, peak_kib=usage.ru_maxrss)


def alternated(sides: Sequence[Side], rounds: int, *, has_warm_up: bool = True) -> list[list[Cost]]:
    """Each side's costs; the sides in turn, after one round that is not counted."""
    if has_warm_up:
        for side in sides:
            cost(side)
    found: list[list[Cost]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, costs in zip(sides, found, strict=True):
            costs.append(cost(side))
    return found


def heading() -> None:
    sys.stdout.write(
        f"{'':64}{'wall':>6} {'(from-to)':>13}{'cpu':>7}{'aim':>8}{'ours, plain: wall s':>22}{'peak MiB':>14}\n"
    )


def told(what: str, ours_: Sequence[Cost], plain_: Sequence[Cost], aim: str = "") -> None:
    """One line of the table."""
    walls = [a.wall_seconds / b.wall_seconds for a, b in zip(ours_, plain_, strict=True)]
    cpus = [a.cpu_seconds / b.cpu_seconds for a, b in zip(ours_, plain_, strict=True)]
    seconds = [median(each.wall_seconds for each in side) for side in (ours_, plain_)]
    peaks = [max(each.peak_kib for each in side) / 1024 for side in (ours_, plain_)]
    spread = f"({min(walls):.2f}-{max(walls):.2f})"
    sys.stdout.write(
        f"{what:64}{median(walls):6.2f} {spread:>13}{median(cpus):7.2f}{aim:>8}{seconds[0]:13.3f},{seconds[1]:8.3f}"
        f"{peaks[0]:8.0f},{peaks[1]:5.0f}\n"
    )
    sys.stdout.flush()


def less(costs: Sequence[Cost], start: Sequence[Cost]) -> list[Cost]:
    """What the work cost, without the start of its process."""
    wall = median(each.wall_seconds for each in start)
    cpu = median(each.cpu_seconds for each in start)
    return [
        Cost(
            wall_seconds=each.wall_seconds - wall,
            cpu_seconds=each.cpu_seconds - cpu,
            peak_kib=each.peak_kib,
        )
        for each in costs
    ]


def copied(origin: Path, to: Path) -> Callable[[], None]:
    """A fresh copy of a closed ledger."""

    def prepare() -> None:
        for suffix in ("-wal", "-shm"):
            Path(f"{to}{suffix}").unlink(missing_ok=True)
        shutil.copyfile(origin, to)

    return prepare


def require_same(mine: Path, other: Path, *questions: str) -> None:
    """Both wrote as many rows: else the comparison is none."""
    for question in questions:
        answers = []
        for path in (mine, other):
            with closing(sqlite3.connect(path)) as db:
                answers.append(db.execute(question).fetchone()[0])
        assert answers[0] == answers[1], (question, answers)


def starting(_folder: Path, options: argparse.Namespace) -> None:
    """Two commands that do nothing."""
    rounds = max(options.rounds, 15)
    version, bare = alternated([Side(command=ours("--version")), Side(command=[sys.executable, "-c", "pass"])], rounds)
    told("loancli --version : python -c pass", version, bare, "<= 3")
    page, hello = alternated([Side(command=ours("--help")), Side(command=[sys.executable, "-c", HELLO])], rounds)
    told("loancli --help : a bare Typer hello", page, hello, "<= 1.2")


def importing(folder: Path, options: argparse.Namespace) -> None:
    """A borrower's statement as revenue: against plain code, against other programs, again, and in memory."""
    empty, mine, other, full = (folder / name for name in ("empty.db", "mine.db", "other.db", "full.db"))
    cost(Side(command=ours("--ledger", empty, "--as-of", "2026-07-01", "init")))
    cost(Side(command=ours("--ledger", empty, "borrower", "add", "B1", "--name", "周禾丰")))

    def importing_of(file: Path, origin: Path = empty) -> Side:
        words = ("--quiet", "--ledger", mine, "--as-of", "2026-07-01")
        return Side(
            command=ours(*words, "import", file, "--as", "revenue", "--borrower", "B1"), prepare=copied(origin, mine)
        )

    for channel in ("alipay", "wechat"):
        whole, quarter = folder / f"{channel}.csv", folder / f"{channel}-quarter.csv"
        make("statement", whole, channel, options.rows)
        make("statement", quarter, channel, options.rows // 4)
        again = folder / f"{channel}-again.csv"  # the same rows in other bytes, as a second export of the same days is
        shutil.copyfile(whole, again)
        with again.open("ab") as file:
            file.write(b"\r\n")
        baseline = Side(command=plain("import", whole, other, channel), prepare=copied(empty, other))
        cost(importing_of(whole))
        cost(baseline)
        require_same(mine, other, "SELECT count(*) FROM txn", "SELECT sum(amount_fen) FROM txn WHERE direction = 'in'")
        shutil.copyfile(mine, full)
        rows = f"{channel} {options.rows:,} rows"
        sides = [
            importing_of(whole),
            baseline,
            importing_of(whole, full),
            importing_of(again, full),
            importing_of(quarter),
        ]
        first, plainly, same, seen, short = alternated(sides, options.rounds)
        told(f"{rows} : decode, csv, executemany", first, plainly, "<= 1.5")
        told(f"{rows}, the same file again : first import", same, first, "<= 0.1")
        told(f"{rows}, same rows, another file : first import", seen, first, "<= 0.85")
        told(f"{rows} : {options.rows // 4:,} rows", first, short)
        sys.stdout.write(f"{'':64}peak of memory {_peak(first) / _peak(short):.2f}, aim about 1 and < 300 MiB\n")
        against("china_bean_importers", rows, importing_of(whole), (whole, channel), "<= 0.35", options)
        if channel == "alipay":
            against("beancount_daoru", rows, importing_of(whole), (whole, channel), "", options)
        for file in (whole, quarter, again):
            file.unlink()


def workbooks(folder: Path, options: argparse.Namespace) -> None:
    """WeChat's workbook as revenue, against programs that only read its cells."""
    empty, mine, other, book = (folder / name for name in ("empty.db", "mine.db", "other.db", "wechat.xlsx"))
    if not empty.exists():
        cost(Side(command=ours("--ledger", empty, "--as-of", "2026-07-01", "init")))
        cost(Side(command=ours("--ledger", empty, "borrower", "add", "B1", "--name", "周禾丰")))
    make("statement", book, "workbook", options.sheet_rows)
    words = ("--quiet", "--ledger", mine, "--as-of", "2026-07-01")
    side = Side(
        command=ours(*words, "import", book, "--as", "revenue", "--borrower", "B1"), prepare=copied(empty, mine)
    )
    rows = f"workbook {options.sheet_rows:,} rows"
    baseline = Side(command=plain("import", book, other, "workbook"), prepare=copied(empty, other))
    cost(side)
    cost(baseline)
    require_same(mine, other, "SELECT count(*) FROM txn", "SELECT sum(amount_fen) FROM txn WHERE direction = 'in'")
    told(f"{rows} : calamine, executemany", *alternated([side, baseline], options.peer_rounds), "<= 1.5")
    calamine = Side(command=[sys.executable, str(HERE / "peers.py"), "calamine", str(book)])
    told(f"{rows} : python-calamine, stores nothing", *alternated([side, calamine], options.peer_rounds), "<= 1.3")
    against("openpyxl", rows, side, (book,), "<= 0.25", options)
    against("beancount_daoru", rows, side, (book, "wechat"), "", options)


# Peer → what pip installs for it. Never into our own environment: they bring dozens of packages, some under the GPL.
PEERS = {
    "china_bean_importers": ("china_bean_importers==0.0.8", "beancount<3"),
    "beancount_daoru": ("beancount-daoru==0.3.1",),
    "openpyxl": ("openpyxl==3.1.5",),
    "pyloan": ("pyloan==0.7.3",),
    "amortization": ("amortization==3.0.1",),
    "py-amortization": ("py-amortization==0.1.0",),
    "numpy-financial": ("numpy-financial==1.0.0",),
}


def against(peer: str, rows: str, side: Side, asked: Sequence[object], aim: str, options: argparse.Namespace) -> None:
    """One line for a peer, or why there is none."""
    python = _peer_python(peer)
    if python is None:
        sys.stdout.write(f"{rows} : {peer}: left out, it could not be installed\n")
        return
    command = [str(python), "-O", str(HERE / "peers.py"), peer, *map(str, asked)]
    found = alternated([side, Side(command=command)], options.peer_rounds, has_warm_up=False)
    told(f"{rows} : {peer}, stores nothing", *found, aim)


def _peer_python(peer: str) -> Path | None:
    """The interpreter that has the peer; made once, in build/bench-peers."""
    home = HERE.parent / "build" / "bench-peers" / peer
    python = home / "bin" / "python"
    done = home / "installed"
    if not done.exists():
        sys.stdout.write(f"{'':4}installing {peer} into {home.relative_to(HERE.parent)}\n")
        sys.stdout.flush()
        steps = ([sys.executable, "-m", "venv", str(home)], [str(python), "-m", "pip", "install", "-q", *PEERS[peer]])
        for step in steps:
            try:
                ended = subprocess.run(step, capture_output=True, text=True, check=False)
            except OSError as error:
                sys.stdout.write(f"{'':4}{error}\n")
                return None
            if ended.returncode:
                sys.stdout.write(f"{'':4}{(ended.stderr.strip().splitlines() or ['failed'])[-1][:200]}\n")
                return None
        done.touch()
    return python


def _peak(costs: Sequence[Cost]) -> float:
    return median(each.peak_kib for each in costs)


def close_of_day(folder: Path, options: argparse.Namespace) -> None:
    """One day of a large book: few of the loans change, or all of them do; against SQL that writes the same rows."""
    books, mine, other = (folder / name for name in ("books.db", "mine.db", "other.db"))
    words = ("--quiet", "--ledger", mine, "--as-of", CLOSING_ON, "day", "close", "--through")
    for share_percent, aim in SHARES_PERCENT.items():
        make("books", books, options.loans, share_percent)
        sides = [
            Side(command=ours(*words, CLOSED_ON), prepare=copied(books, mine)),
            Side(command=close_by("sql", other, CLOSED_ON), prepare=copied(books, other)),
            Side(command=ours(*words, "2026-03-09"), prepare=copied(books, mine)),  # closed already: start, open, end
            Side(command=close_by("nothing")),
        ]
        for side in sides[:2]:
            cost(side)
        subprocess.run(close_by("same", mine, other), check=True)
        day, plainly, start, plain_start = alternated(sides, options.peer_rounds, has_warm_up=False)
        what = f"close of {options.loans:,} loans, {share_percent} % change"
        told(f"{what} : SQL, set-based", day, plainly, aim)
        if share_percent == 100:
            count = min(options.loans, LOOP_LOANS)
            loop = Side(command=close_by("loop", other, CLOSED_ON, count), prepare=copied(books, other))
            [looped] = alternated([loop], options.peer_rounds, has_warm_up=False)
            seconds = [
                sum(each.cpu_seconds for each in less(costs, begin)) / options.peer_rounds / loans
                for costs, begin, loans in ((looped, plain_start, count), (day, start, options.loans))
            ]
            sys.stdout.write(
                f"{'':64}a loan {seconds[1] * 1e6:.0f} us; by a loop over lives {seconds[0] * 1e6:.0f} us,"
                f" {seconds[0] / seconds[1]:.1f} times, aim >= 5\n"
            )
        books.unlink()


def projecting(_folder: Path, options: argparse.Namespace) -> None:
    """A revenue plan of 24 months over many futures, against the rules one future after the other."""

    def side(mode: str) -> Side:
        return Side(command=[sys.executable, str(HERE / "project.py"), mode, str(options.futures)])

    environ = {**os.environ, "PYTHONPATH": str(SOURCE)}
    kernel_due, exact_due = (
        subprocess.run(side(mode).command, env=environ, stdout=subprocess.PIPE, check=True).stdout
        for mode in ("kernel", "exact")
    )
    assert kernel_due == exact_due, "the same fen, or the comparison is none"
    modes = ("kernel", "exact", "whole", "nothing")
    kernel, exact, whole, nothing = alternated([side(mode) for mode in modes], options.peer_rounds)
    what = f"{options.futures:,} futures x 24 months"
    told(f"{what}: all at once : one by one, without starts", less(kernel, nothing), less(exact, nothing))
    told(f"{what}: the whole projection : its start", whole, nothing)
    seconds = median(each.wall_seconds for each in less(whole, nothing))
    peak_mib = _peak(whole) / 1024
    sys.stdout.write(f"{'':64}without start {seconds:.3f} s, aim < 0.5; peak {peak_mib:.0f} MiB, aim < 300\n")


SCHEDULE_PEERS = {"pyloan": ">= 50", "amortization": ">= 1", "py-amortization": "", "numpy-financial": ""}
LIMITS = {"plain": "", "writing": ">= 10 %"}


def schedules(_folder: Path, options: argparse.Namespace) -> None:
    """Plans a second, one at a time and all at once, beside other libraries and beside what numpy can do at most."""
    pythons = {peer: python for peer in SCHEDULE_PEERS if (python := _peer_python(peer))}
    for peer in SCHEDULE_PEERS.keys() - pythons.keys():
        sys.stdout.write(f"schedules : {peer}: left out, it could not be installed\n")
    sys.stdout.write(
        f"{'plans a second of processor time':44}{'12 periods':>13}{'36':>13}{'360':>13}   ours : theirs at 36\n"
    )
    ways = ("same_days", "own_days", "columns", *LIMITS, *pythons)
    found: dict[str, dict[int, list[float]]] = {way: {12: [], 36: [], 360: []} for way in ways}
    off_fen = {}
    for periods in (12, 36, 360):
        for _ in range(options.peer_rounds):
            for way in ways:  # in turn, so that a slow minute is everybody's
                told = _schedules(pythons.get(way, Path(sys.executable)), way, periods)
                found[way][periods].append(told["a_second"])
                off_fen[way, periods] = told["off_fen"]
    for way in ways:
        aim = {**SCHEDULE_PEERS, **LIMITS}.get(way, "")
        figures = "".join(f"{median(found[way][periods]):13,.0f}" for periods in (12, 36, 360))
        mine = {**dict.fromkeys(LIMITS, "columns"), **dict.fromkeys(pythons, "same_days")}.get(way)
        ratio = _ratio(found[mine][36], found[way][36], aim) if mine else ""
        if way == "pyloan":
            ratio += f"; all at once {_ratio(found['columns'][36], found[way][36], '>= 1,000')}"
        off = max(off_fen[way, periods] for periods in (12, 36, 360))
        missed = f"; its rows miss the principal by {off:.0f} fen" if off >= 0.5 else ""
        sys.stdout.write(f"{_WAYS.get(way, way):44}{figures}   {ratio}{missed}\n")


_WAYS = {
    "same_days": "one at a time, starts shared",
    "own_days": "one at a time, every start another",
    "columns": "100,000 at once (360: 20,000)",
    "plain": "  numpy, the same rows without a rule",
    "writing": "  numpy, only writing as many numbers",
}


def _ratio(ours_: Sequence[float], theirs: Sequence[float], aim: str) -> str:
    ratios = [a / b for a, b in zip(ours_, theirs, strict=True)]
    shown = [f"{each:,.0f}" if each >= 20 else f"{each:.2f}" for each in (median(ratios), min(ratios), max(ratios))]
    return f"{shown[0]} ({shown[1]}-{shown[2]}){f', aim {aim}' if aim else ''}"


def _schedules(python: Path, way: str, periods: int) -> dict[str, float]:
    environ = {**os.environ, "PYTHONPATH": str(SOURCE)} if python == Path(sys.executable) else None
    command = [str(python), str(HERE / "schedules.py"), way, str(periods)]
    told: dict[str, float] = json.loads(subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=True).stdout)
    return told


def fitting(_folder: Path, options: argparse.Namespace) -> None:
    """The search for terms, against one projection of the same length: both without the start of their process."""

    def side(script: str, mode: str) -> Side:
        return Side(command=[sys.executable, str(HERE / script), mode, str(options.futures)])

    sides = [side("fit.py", "fits"), side("fit.py", "nothing_fits"), side("fit.py", "nothing")]
    sides += [side("project.py", "whole"), side("project.py", "nothing")]
    fits, nothing_fits, start, one, one_start = alternated(sides, options.peer_rounds)
    projection = less(one, one_start)
    for what, found in (("a fit", fits), ("none fits", nothing_fits)):
        told(f"{options.futures:,} futures, {what} : one projection", less(found, start), projection)
        seconds, peak_mib = median(each.wall_seconds for each in found), _peak(found) / 1024
        sys.stdout.write(f"{'':64}whole process {seconds:.2f} s, aim < 5; peak {peak_mib:.0f} MiB\n")


def balances(folder: Path, options: argparse.Namespace) -> None:
    """Every balance of a day in a large journal, and what the sums by day cost where entries are booked."""
    books = folder / "journal.db"
    started = time.perf_counter()
    make("journal", books, options.postings)
    made = time.perf_counter() - started
    command = [sys.executable, str(HERE / "balances.py"), str(books), str(options.peer_rounds)]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for by, what in (("booking", "booked by a day"), ("value", "for the days up to one")):
        times = told[by]
        ratios = [100 * a / b for a, b in zip(times["by_day"], times["scan"], strict=True)]
        line = f"all balances of {options.postings:,} postings, {what} : a scan"
        sys.stdout.write(
            f"{line:72}{median(ratios):6.2f} % ({min(ratios):.2f}-{max(ratios):.2f}), aim <= 1 %;"
            f" {1000 * median(times['by_day']):.1f} ms, {1000 * median(times['scan']):,.0f} ms\n"
        )
    sys.stdout.write(
        f"{'':64}{told['rows']:,} sums by day; booked at {options.postings / made:,.0f} postings a second\n"
    )
    books.unlink()


def settling(_folder: Path, options: argparse.Namespace) -> None:
    """One loan settled: its life computed again, and held to its books."""
    command = [sys.executable, str(HERE / "settle.py"), str(options.rounds)]
    told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    for what, times in told.items():
        aim = ", aim <= 1 ms" if what.endswith("40 events") else ""
        spread = f"({min(times):.2f}-{max(times):.2f})"
        sys.stdout.write(f"{f'settling a loan of {what}':72}{median(times):6.2f} ms of cpu {spread}{aim}\n")


def adjusting(folder: Path, options: argparse.Namespace) -> None:
    """The plans of many loans changed, from preview to undo, against the same rows put into the same tables."""
    books, mine, other = (folder / name for name in ("batch-books.db", "mine.db", "other.db"))
    asked, previewed = folder / "batch.csv", folder / "previewed.csv"
    make("books", books, options.changed_loans, min(SHARES_PERCENT))
    subprocess.run(
        [sys.executable, str(HERE / "adjust.py"), "batch", str(asked), str(options.changed_loans)], check=True
    )

    def adjust(*words: object, origin: Path) -> Side:
        command = ours("--quiet", "--ledger", mine, "--as-of", CLOSED_ON, "adjust", *words)
        return Side(command=command, prepare=copied(origin, mine))

    preview = adjust("preview", asked, "--output", previewed, origin=books)
    cost(preview)
    apply = adjust("apply", previewed, origin=books)
    cost(apply)
    made = folder / "made.db"
    with closing(sqlite3.connect(mine)) as db:
        (batch,) = db.execute("SELECT batch FROM event ORDER BY id DESC LIMIT 1").fetchone()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copyfile(mine, made)
    command = [sys.executable, str(HERE / "adjust.py"), "insert", str(made), str(other)]
    inserts = Side(command=command, prepare=copied(books, other))
    cost(inserts)
    require_same(mine, other, *(f"SELECT count(*) FROM {table}" for table in ("event", "position", "instalment")))
    starts = [adjust("list", origin=books), Side(command=plain("nothing"))]
    sides = [preview, apply, adjust("undo", batch, origin=made), inserts, *starts]
    *ours_, plainly, start, plain_start = alternated(sides, options.peer_rounds, has_warm_up=False)
    what = f"{options.changed_loans:,} plans changed"
    for name, found, aim in zip(("previewed", "applied", "undone"), ours_, ("", "<= 4", ""), strict=True):
        told(f"{what}, {name} : its rows inserted", less(found, start), less(plainly, plain_start), aim)
    each_us = [1e6 * median(cost.cpu_seconds for cost in less(found, start)) / options.changed_loans for found in ours_]
    sys.stdout.write(f"{'':64}a loan: {', '.join(f'{each:.0f}' for each in each_us)} us of cpu; peak aim < 300 MiB\n")
    for file in (books, mine, other, made):
        file.unlink()


SECTIONS = {
    "start": starting,
    "import": importing,
    "workbook": workbooks,
    "close": close_of_day,
    "settle": settling,
    "adjust": adjusting,
    "balances": balances,
    "project": projecting,
    "schedules": schedules,
    "fit": fitting,
}


def main() -> None:
    """Run the sections that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of each comparison")
    parser.add_argument("--peer-rounds", type=int, default=3, help="pairs of each comparison with a slow peer")
    parser.add_argument("--rows", type=int, default=200_000, help="of a CSV statement; the goals are for 1,000,000")
    parser.add_argument("--sheet-rows", type=int, default=100_000, help="of a workbook")
    parser.add_argument("--loans", type=int, default=100_000, help="of a book; the goals are for 1,000,000")
    parser.add_argument("--changed-loans", type=int, default=10_000, help="of a batch; the goal is for 100,000")
    parser.add_argument("--postings", type=int, default=1_000_000, help="of a journal; the goal is for 10,000,000")
    parser.add_argument("--futures", type=int, default=5_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="loancli-bench-") as folder:
        heading()
        for name, section in SECTIONS.items():
            if options.only in (None, name):
                section(Path(folder), options)


if __name__ == "__main__":
    main()
