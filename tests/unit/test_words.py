"""Numbers and times in sentences."""

from loratui.core.words import count, duration


def test_counts() -> None:
    assert [count(number, "image") for number in (0, 1, 1204)] == ["0 images", "1 image", "1,204 images"]
    assert count(2, "copy", "copies") == "2 copies"


def test_durations() -> None:
    said = {0: "0 s", 0.2: "1 s", 59: "59 s", 61: "1 min", 95: "2 min", 3570: "1 h 00 min", 7500: "2 h 05 min"}
    assert {seconds: duration(seconds) for seconds in said} == said
    exact = {59: "59 s", 125: "2 min 05 s", 599.6: "10 min", 900: "15 min", 7500: "2 h 05 min"}
    assert {seconds: duration(seconds, exact=True) for seconds in exact} == exact
