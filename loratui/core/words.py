"""Numbers and times in sentences."""


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 image`, `2 images`, `1,204 images`.

    Args:
        number: how many.
        noun: in the singular.
        plural: where it is not the noun and an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float, *, exact: bool = False) -> str:
    """A length of time: `40 s`, `2 min`, `3 h 05 min`.

    Args:
        seconds: from 0 on; what is left of less than a second counts as one.
        exact: to the second below ten minutes: `2 min 05 s`.
    """
    whole = max(round(seconds), 1) if seconds > 0 else 0
    if whole < 60:
        return f"{whole} s"
    if exact and whole < 600:
        return f"{whole // 60} min {whole % 60:02} s"
    minutes = (whole + 30) // 60
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"
