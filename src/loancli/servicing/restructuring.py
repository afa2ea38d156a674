"""The class of a loan as its life has it: by days past due, after restructuring, and until it may be better again.

Days alone set a floor. Two facts of the past keep a loan below it: terms that were eased for a debtor in difficulty
(CLS-04, observed for a time) and having been non-performing (CLS-08). Both follow from the loan's conduct, so that a
void or an event of the past changes them as it changes all else. The rules in force on the day asked judge all of it.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from loancli.core.conduct import Conduct, Step
from loancli.core.days import months_after
from loancli.servicing.asset_class import AssetClass, Classification, Restructuring, Upgrade, worse
from loancli.servicing.lines import DAY

_CLASSES = tuple(AssetClass)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRules:
    """What the class of one kind of lender's loans goes by on a day; None: such a rule is not in force."""

    due_min_fen: int
    classification: Classification
    restructuring: Restructuring | None
    upgrade: Upgrade | None

    def by_days(self, days: int) -> AssetClass:
        """The best class that days past due allow."""
        return _CLASSES[bisect_right(self.classification.lines, days) - 1]


class Observed(NamedTuple):
    """A loan under observation: eased on a day, watched from one day to another; None: to its end.

    `is_again`: it was eased when it was under observation already.
    """

    eased_on: date
    from_on: date
    until_on: date | None
    is_again: bool


class Judged(NamedTuple):
    """A class, and what keeps it from being better: observation, or that the loan was non-performing.

    Such a loan is better from `better_from_on` on if it goes on to be paid; None: something is due, or too few
    instalments are left.
    """

    asset_class: AssetClass
    observed: Observed | None = None
    was_non_performing: bool = False
    better_from_on: date | None = None


def judged(conduct: Conduct, rules: ClassRules, on: date) -> Judged:
    """The class at the end of a day, from the conduct of the loan as it stands on it."""
    watch = _Watch(conduct, rules)
    day = watch.next_day(date.min)
    while day < on:
        watch.see(day)
        day = watch.next_day(day)
    watch.see(on)
    return Judged(watch.asset_class, watch.observed, watch.was_non_performing, watch.better_from_on)


class _Watch:
    """The loan from one day on which anything may change to the next: in between, nothing does."""

    def __init__(self, conduct: Conduct, rules: ClassRules) -> None:
        self.rules = rules
        self.dues = sorted(set(conduct.dues))
        self.steps = sorted(
            ((step, number) for number, each in enumerate(conduct.arrears) for step in each.steps), reverse=True
        )
        self.due_days = [each.due_on for each in conduct.arrears]
        self.eased = sorted(conduct.eased, reverse=True, key=lambda each: each.on)
        self.unpaid: dict[int, Step] = {}  # of instalments in arrears, by their turn
        self.late_since_on: date | None = None
        self.clean_on: date | None = date.min  # nothing due is unpaid since
        self.by_days = AssetClass.NORMAL
        self.asset_class = AssetClass.NORMAL
        self.was_non_performing = False
        self.better_from_on: date | None = None
        self.observed: Observed | None = None
        self.least = AssetClass.NORMAL  # while observed

    def next_day(self, day: date) -> date:
        """The next day on which anything may change, by what is known on `day`."""
        days = [self.steps[-1][0].on] if self.steps else []
        days += [self.eased[-1].on] if self.eased else []
        if self.late_since_on:
            lines = self.rules.classification.lines
            at = bisect_right(lines, self._days(day))
            days += [self.late_since_on + lines[at] * DAY] if at < len(lines) else []
        if self.observed:
            at = bisect_left(self.dues, day)
            days += [self.dues[at] + DAY] if self.late_since_on and at < len(self.dues) else []
            days += [self.observed.until_on] if self.observed.until_on else []
        days += [self.better_from_on] if self.better_from_on else []
        return min((each for each in days if each > day), default=date.max)

    def see(self, day: date) -> None:
        """The end of a day."""
        was_late = self.late_since_on is not None
        self._pay(day)
        by_days_before, self.by_days = self.by_days, self.rules.by_days(self._days(day))
        if self.observed:
            if was_late and self._is_due(day - DAY) and day - DAY >= self.observed.from_on:
                self._observe(self.observed, day - DAY)  # missed, as is known once that day is over
            if self.by_days.is_non_performing and not by_days_before.is_non_performing:
                self._observe(self.observed, day)
            if self.observed.until_on and self.observed.until_on <= day:
                if self.late_since_on:
                    self._observe(self.observed, self.observed.until_on)  # still in difficulty
                else:
                    self.observed, self.least = None, AssetClass.NORMAL
        self._ease(day, was_late=was_late)
        self._judge(day)

    def _pay(self, day: date) -> None:
        while self.steps and self.steps[-1][0].on <= day:
            step, number = self.steps.pop()
            if step.late_fen or step.penalty_fen:
                self.unpaid[number] = step
            else:
                self.unpaid.pop(number, None)
            self.clean_on = None if self.unpaid else step.on
        self.late_since_on = None
        reached_fen = 0
        for number in sorted(self.unpaid):
            reached_fen += self.unpaid[number].late_fen
            if reached_fen >= self.rules.due_min_fen:
                self.late_since_on = self.due_days[number]
                break

    def _days(self, day: date) -> int:
        return max(0, (day - self.late_since_on).days) if self.late_since_on else 0

    def _is_due(self, day: date) -> bool:
        at = bisect_left(self.dues, day)
        return at < len(self.dues) and self.dues[at] == day

    def _due_after(self, day: date, count: int) -> date | None:
        """The day of the `count`-th instalment after a day; None: there are not so many."""
        at = bisect_right(self.dues, day) + count - 1
        return self.dues[at] if at < len(self.dues) else None

    def _ease(self, day: date, *, was_late: bool) -> None:
        """A debtor whose loan was past due when the day began is in difficulty, if nobody says otherwise."""
        rule, eased_on = self.rules.restructuring, None
        while self.eased and self.eased[-1].on <= day:
            eased = self.eased.pop()
            if was_late if eased.in_difficulty is None else eased.in_difficulty:
                eased_on = eased.on
        if rule is None or eased_on is None:
            return
        is_again = self.observed is not None
        self.least = worse(self.least, rule.again_least if is_again else rule.least)
        if self.asset_class.is_non_performing:
            self.least = worse(self.least, self.asset_class)
        from_on = self._due_after(eased_on, 1) or eased_on
        self._observe(Observed(eased_on, from_on, None, is_again), from_on)

    def _observe(self, observed: Observed, from_on: date) -> None:
        """Observation begins, or begins again, on a day; never earlier than it did."""
        rule = self.rules.restructuring
        assert rule
        from_on = max(from_on, observed.from_on)
        periods_on = self._due_after(from_on, rule.periods_min) if rule.periods_min else from_on
        until_on = max(months_after(from_on, rule.months_min), periods_on) if periods_on else None
        self.observed = observed._replace(from_on=from_on, until_on=until_on)

    def _judge(self, day: date) -> None:
        found = worse(self.by_days, self.least) if self.observed else self.by_days
        if self.observed and found.is_non_performing:
            self.least = found  # no upgrade meanwhile
        upgrade, self.better_from_on = self.rules.upgrade, None
        if upgrade and found.is_non_performing:
            self.was_non_performing = True
        elif upgrade and self.was_non_performing:
            better_from_on = self._better_from_on(upgrade)
            if better_from_on and better_from_on <= day:
                self.was_non_performing = False
            else:
                found, self.better_from_on = AssetClass.SUBSTANDARD, better_from_on
        self.asset_class = found

    def _better_from_on(self, rule: Upgrade) -> date | None:
        if self.clean_on is None:
            return None
        months_on = months_after(self.clean_on, rule.months_min)
        periods_on = self._due_after(self.clean_on, rule.periods_min) if rule.periods_min else self.clean_on
        if rule.needs_both:
            return max(months_on, periods_on) if periods_on else None
        return min(months_on, periods_on) if periods_on else months_on
