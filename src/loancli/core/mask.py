"""Personal data as it may be shown: on screens, in logs, exports and error messages (IDN-04)."""

HIDDEN = "***"  # of a borrower who was forgotten, also where everything is asked for


def mask_phone(phone: str) -> str:
    """'13800001234' → '138****1234'."""
    return _masked(phone, first_kept=3, last_kept=4)


def mask_id(resident_id: str) -> str:
    """An identity number: the first three and the last four characters stay."""
    return _masked(resident_id, first_kept=3, last_kept=4)


def mask_card(card: str) -> str:
    """A bank card: the last four digits stay."""
    return _masked(card, first_kept=0, last_kept=4)


def mask_name(name: str) -> str:
    """'王小明' → '王**'. One character alone is hidden: it would be the whole name."""
    return _masked(name, first_kept=1, last_kept=0)


def _masked(text: str, *, first_kept: int, last_kept: int) -> str:
    hidden_count = len(text) - first_kept - last_kept
    if hidden_count <= 0:  # too short to be what it should be: what would stay is all of it
        return "*" * len(text)
    return text[:first_kept] + "*" * hidden_count + text[first_kept + hidden_count :]
