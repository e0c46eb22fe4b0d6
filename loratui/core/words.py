"""Numbers in sentences."""


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 image`, `2 images`, `1,204 images`.

    Args:
        number: how many.
        noun: in the singular.
        plural: where it is not the noun and an s.
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
