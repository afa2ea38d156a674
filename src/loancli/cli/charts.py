"""Charts in plain text: amounts beside their labels, drawn to one scale."""

from collections.abc import Sequence

from loancli.cli.cells import padded, width_of
from loancli.core.money import yuan


def bars(rows: Sequence[tuple[str, int, int]], *, names: tuple[str, str], width_max: int = 40) -> str:
    """Two amounts in fen beside each label, drawn to one scale: revenue against instalments, in plain text.

    The longest bar is `width_max` characters; an amount above zero has at least one.
    """
    largest_fen = max((max(first, second) for _, first, second in rows), default=0)
    label_width = max((width_of(label) for label, _, _ in rows), default=0)
    name_width = max(map(width_of, names))
    lines = []
    for label, *amounts_fen in rows:
        for name, amount_fen, mark in zip(names, amounts_fen, "█▒", strict=True):
            length = -(-amount_fen * width_max // largest_fen) if amount_fen > 0 else 0
            words = f"{padded(label, label_width)}  {padded(name, name_width)}"
            lines.append(f"{words}  {mark * length}{' ' if length else ''}{yuan(amount_fen)}")
            label = ""  # said once, above the second bar
    return "\n".join(lines)


def fan(rows: Sequence[tuple[str, int, int, int, int]], *, width_max: int = 50) -> str:
    """Low, middle, high and one fixed amount in fen beside each label, to one scale: ░ low to high, █ middle, │ fixed.

    What stands beside them in yuan is low, middle and high. A fixed amount of 0 is not drawn.
    """
    largest_fen = max((max(row[1:]) for row in rows), default=0) or 1
    label_width = max((width_of(row[0]) for row in rows), default=0)

    def place(amount_fen: int) -> int:
        return min(amount_fen * width_max // largest_fen, width_max - 1)

    lines = []
    for label, low_fen, middle_fen, high_fen, fixed_fen in rows:
        marks = [" "] * width_max
        if high_fen:
            for at in range(place(low_fen), place(high_fen) + 1):
                marks[at] = "░"
            marks[place(middle_fen)] = "█"
        if fixed_fen:
            marks[place(fixed_fen)] = "│"
        amounts = "  ".join(
            yuan(each_fen).rjust(len(yuan(largest_fen))) for each_fen in (low_fen, middle_fen, high_fen)
        )
        lines.append(f"{padded(label, label_width)}  {''.join(marks)}  {amounts}")
    return "\n".join(lines)
