"""The line a query is typed into: what its keys do, what floats below it, and that typing waits for nothing."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from loratui.core.vocabulary.offers import Offers, Suggestion
from loratui.tui import themes
from loratui.tui.shell import query_line
from loratui.tui.shell.query_line import QueryLine
from loratui.tui.widgets.suggestions import Suggestions, row
from tests.tui.app_kit import until

KAFKA = Suggestion("kafka_(honkai:_star_rail)", "character", 5656)
KAFUU = Suggestion("kafuu_chino", "character", 7176, "chino")


class Fixed:
    """Offers the same tags for every word that is a part of them; more once it was asked."""

    def __init__(self, *tags: Suggestion) -> None:
        self.tags = list(tags)
        self.later: list[Suggestion] = []
        self.asked: list[tuple[str, int]] = []
        self.heard: Callable[[], object] = lambda: None

    def offers(self, text: str, caret: int) -> Offers:
        start = text.rfind(" ", 0, caret) + 1
        end = text.find(" ", caret)
        word = text[start:caret]
        found = [tag for tag in self.tags if word and word in tag.tag]
        return Offers(start, len(text) if end < 0 else end, tuple(found))

    def ask(self, text: str, caret: int, heard: Callable[[], object]) -> None:
        self.asked.append((text, caret))
        self.heard = heard


class Shell(App[None]):
    """The line above something else."""

    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(self, *tags: Suggestion) -> None:
        super().__init__()
        self.completer = Fixed(*tags)
        self.said: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        yield QueryLine(hint="tags")
        for number in range(20):
            yield Static(f"result {number}")

    def on_mount(self) -> None:
        for theme in themes.available()[0].values():
            self.register_theme(theme)
        self.theme = themes.DARK
        self.line.completer = self.completer
        self.line.focus()

    @property
    def line(self) -> QueryLine:
        return self.query_one(QueryLine)

    @property
    def shown(self) -> list[str]:
        found = self.query_one(Suggestions)
        return [each.tag for each in found.suggestions] if found.display else []

    def on_query_line_submitted(self, event: QueryLine.Submitted) -> None:
        self.said.append(("submitted", event.value))

    def on_query_line_closed(self, event: QueryLine.Closed) -> None:
        self.said.append(("closed", event.control.value))


def screen_text(app: Shell) -> list[str]:
    return ["".join(s.text for s in line).rstrip() for line in app.screen._compositor.render_strips()]


async def typed(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*("space" if char == " " else char for char in text))


async def test_enter_takes_what_was_typed() -> None:
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        await typed(pilot, "solo kaf")
        assert app.shown == [KAFKA.tag]
        await pilot.press("enter")
        assert app.said == [("submitted", "solo kaf")]
        assert app.shown == []


async def test_tab_takes_the_first_and_goes_on_behind_it() -> None:
    app = Shell(KAFKA, KAFUU)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        await pilot.press("tab")
        assert app.line.value == f"{KAFKA.tag} "
        await typed(pilot, "solo")
        assert app.shown == []
        await pilot.press("tab", "enter")  # nothing to take: nothing happens, and the focus stays
        assert app.said == [("submitted", f"{KAFKA.tag} solo")]


async def test_in_the_middle_of_a_line_only_the_word_changes() -> None:
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        app.line.value = "kaf solo"
        await pilot.press("home", "right", "right", "right", "k", "tab")
        assert app.line.value == f"{KAFKA.tag} solo"
        await pilot.press("x", "enter")
        assert app.said == [("submitted", f"{KAFKA.tag}x solo")]


async def test_arrows_put_suggestions_into_the_line_and_esc_takes_them_back() -> None:
    app = Shell(KAFKA, KAFUU)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        await pilot.press("down", "down")
        assert app.line.value == KAFUU.tag
        await pilot.press("down")  # the last stays the last
        assert app.line.value == KAFUU.tag
        await pilot.press("escape")
        assert (app.line.value, app.said) == ("kaf", [])
        await pilot.press("down", "enter")
        assert app.said == [("submitted", KAFKA.tag)]


async def test_esc_closes_and_leaves_what_stood_there() -> None:
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        app.line.value = "before"
        await typed(pilot, " kaf")
        await pilot.press("escape")
        assert app.said == [("closed", "before")]
        assert app.shown == []


async def test_a_word_with_a_colon_is_gone_on_with() -> None:
    app = Shell(Suggestion("rating:"), Suggestion("rating:general"))
    async with app.run_test() as pilot:
        await typed(pilot, "ra")
        await pilot.press("tab")
        assert app.line.value == "rating:"
        assert app.shown == ["rating:", "rating:general"]


async def test_up_and_down_go_through_the_history_and_back_to_the_draft() -> None:
    app = Shell()
    async with app.run_test() as pilot:
        app.line.history = ["first", "second"]
        await typed(pilot, "draft")
        found = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            found.append(app.line.value)
        assert found == ["second", "first", "first", "second", "draft", "draft"]


async def test_up_leaves_the_suggestions_for_the_history() -> None:
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        app.line.history = ["first"]
        await typed(pilot, "kaf")
        await pilot.press("down", "up")
        assert app.line.value == "kaf"
        await pilot.press("up")
        assert (app.line.value, app.shown) == ("first", [])


async def test_the_board_is_asked_when_the_person_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_line, "_PAUSE", 0.2)
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        await until(pilot, lambda: app.completer.asked)
        assert app.completer.asked == [("kaf", 3)]
        await typed(pilot, "k")
        await pilot.press("enter")
        await pilot.pause(0.4)
        assert app.completer.asked == [("kaf", 3)]  # not after the line was submitted


async def test_what_comes_later_does_not_move_what_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_line, "_PAUSE", 0.01)
    app = Shell(KAFKA, KAFUU)
    best = Suggestion("kaf_best", "general", 9_999_999)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        await pilot.pause(0.1)
        await pilot.press("down")
        app.completer.tags.insert(0, best)
        app.completer.heard()
        await pilot.pause()
        assert app.shown == [KAFKA.tag, best.tag, KAFUU.tag]
        await pilot.press("tab")
        assert app.line.value == f"{KAFKA.tag} "


async def test_with_nothing_chosen_the_better_goes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_line, "_PAUSE", 0.01)
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        await pilot.pause(0.1)
        app.completer.tags.insert(0, KAFUU)
        app.completer.heard()
        await pilot.pause()
        assert app.shown == [KAFUU.tag, KAFKA.tag]


async def test_an_answer_for_another_word_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_line, "_PAUSE", 0.01)
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        await pilot.pause(0.1)
        heard = app.completer.heard
        await pilot.press("enter")
        app.completer.tags.append(KAFUU)
        heard()
        await pilot.pause()
        assert app.shown == []
        app.line.value = "other"
        heard()
        await pilot.pause()
        assert app.shown == []


async def test_a_lost_focus_closes_the_list() -> None:
    app = Shell(KAFKA)
    async with app.run_test() as pilot:
        await typed(pilot, "kaf")
        assert app.shown
        app.screen.set_focus(None)
        await pilot.pause()
        assert app.shown == [] and not app.line.typing


async def test_the_list_floats_and_goes_without_a_trace() -> None:
    app = Shell(KAFKA, KAFUU)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        before = screen_text(app)
        await typed(pilot, "kaf")
        await pilot.pause()
        shown = screen_text(app)
        assert shown[1].split() == ["kafka_(honkai:_star_rail)", "5,656", *shown[1].split()[2:]]
        assert shown[2].startswith(" chino → kafuu_chino")
        assert shown[3] == before[3] == "result 2"
        await pilot.press("ctrl+u")
        await pilot.pause()
        assert screen_text(app)[1:] == before[1:]


@pytest.mark.parametrize("size", [(80, 24), (200, 50), (30, 10)])
async def test_it_stays_on_the_screen(size: tuple[int, int]) -> None:
    app = Shell(*(Suggestion(f"kaf_{'x' * 90}_{n}", "general", 10**9) for n in range(30)))
    async with app.run_test(size=size) as pilot:
        await typed(pilot, "kaf")
        await pilot.pause()
        region = app.query_one(Suggestions).region
        assert app.screen.region.contains_region(region)
        assert region.height == 8


def test_a_row_says_tag_alias_and_count_and_nothing_foreign_gets_out() -> None:
    assert row(KAFUU, 40).plain == " chino → kafuu_chino              7,176 "
    assert row(KAFKA, 40, chosen=True).plain.startswith("▸kafka_")
    odd = row(Suggestion("a\x1b[2Jb\u202ec[red]d", "weird"), 40)
    assert "\x1b" not in odd.plain and "\u202e" not in odd.plain and "[red]" in odd.plain
    assert row(KAFKA, 20).plain == " kafka_…      5,656 "
