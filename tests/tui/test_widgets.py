"""List and chart: what they show, what they repaint, and that foreign text is inert."""

import math
from collections.abc import Callable
from typing import ClassVar, Literal

import pytest
from rich.text import Text
from textual.app import App, ComposeResult
from textual.content import Content
from textual.widget import Widget

from loratui.tui.widgets.line_chart import LineChart
from loratui.tui.widgets.plot import Canvas, Scale, Series, draw, fit, nice
from loratui.tui.widgets.virtual_list import VirtualList


class Numbers:
    """Rows that count how often they are asked for."""

    def __init__(self, length: int, row: Callable[[int], Text | Content] | None = None) -> None:
        self.length = length
        self.make = row or (lambda index: Text(f"row {index}"))
        self.asked: list[int] = []
        self.marks: set[int] = set()

    def __len__(self) -> int:
        return self.length

    def is_marked(self, index: int) -> bool:
        return index in self.marks

    def row(self, index: int, width: int) -> Text | Content:
        self.asked.append(index)
        return self.make(index)


class Shell(App[None]):
    """One widget on a screen, and what it posted."""

    CSS = "Shell { & > * { height: 1fr; } }"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.posted: list[tuple[str, int]] = []

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_virtual_list_moved(self, event: VirtualList.Moved) -> None:
        self.posted.append(("moved", event.index))

    def on_virtual_list_chosen(self, event: VirtualList.Chosen) -> None:
        self.posted.append(("chosen", event.index))


def shown(widget: Widget) -> list[str]:
    """The lines of `widget` as text, without trailing blanks."""
    return [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]


# --- list ----------------------------------------------------------------------------------------------------------


async def test_only_rows_in_sight_are_made() -> None:
    rows = Numbers(100_000)
    app = Shell(VirtualList(rows))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.pause()
        assert set(rows.asked) == set(range(10))
        await pilot.press("end")
        await pilot.pause()
        assert set(rows.asked) - set(range(10)) == set(range(99_990, 100_000))
        assert app.posted == [("moved", 99_999)]


async def test_a_step_repaints_two_lines_and_over_the_edge_most_of_a_page() -> None:
    rows = Numbers(1000)
    view = VirtualList(rows)
    async with Shell(view).run_test(size=(40, 10)) as pilot:
        rows.asked.clear()
        await pilot.press("down")
        await pilot.pause()
        assert set(rows.asked) == {0, 1}
        for _ in range(8):
            await pilot.press("j")
        assert (view.cursor, view.scroll_offset.y) == (9, 0)
        await pilot.press("down")
        assert (view.cursor, view.scroll_offset.y) == (10, 8)
        await pilot.press("k", "k", "up")
        assert (view.cursor, view.scroll_offset.y) == (7, 0)


async def test_pages_first_last_and_enter() -> None:
    view = VirtualList(Numbers(100))
    app = Shell(view)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("pagedown")
        assert (view.cursor, view.scroll_offset.y) == (9, 9)
        await pilot.press("pagedown", "pageup", "pageup")
        assert (view.cursor, view.scroll_offset.y) == (0, 0)
        await pilot.press("G")
        assert (view.cursor, view.scroll_offset.y) == (99, 90)
        await pilot.press("home", "enter")
        await pilot.pause()
        assert app.posted[-1] == ("chosen", 0)


async def test_a_changed_source_keeps_the_cursor_and_repaints_what_differs() -> None:
    rows = Numbers(50)
    view = VirtualList(rows)
    painted: list[int] = []
    async with Shell(view).run_test(size=(40, 10)) as pilot:
        view.cursor = 5
        await pilot.pause()
        original = view.render_line
        view.render_line = lambda y: painted.append(y) or original(y)  # type: ignore[method-assign,func-returns-value]
        rows.marks.add(3)
        view.update_rows()
        await pilot.pause()
        assert painted == [3]
        assert shown(view)[3] == " ●row 3"
        view.set_source(Numbers(4))
        await pilot.pause()
        assert view.cursor == 3
        assert shown(view) == ["  row 0", "  row 1", "  row 2", "▸ row 3", *[""] * 6]
        view.set_source(Numbers(0), empty="nothing here: press gs")
        await pilot.pause()
        assert view.cursor == 0
        assert [line for line in shown(view) if line] == ["  nothing here: press gs"]
        await pilot.press("down", "end", "enter", "pageup")


@pytest.mark.parametrize("kind", [Text, Content])
async def test_foreign_text_is_inert_and_cut_by_cells(kind: Callable[[str], Text | Content]) -> None:
    names = ["x_[/foo] [bold]b[/]", "a\x1b[31mb\x07\u202ec\td", "長い髪の少女と猫と犬", "e\u0301" * 30, "two\nlines"]
    view = VirtualList(Numbers(len(names), lambda index: kind(names[index])))
    async with Shell(view).run_test(size=(20, 6)):
        assert shown(view)[:5] == [
            "▸ x_[/foo] [bold]b[…",
            "  a·[31mb·c·d",
            "  長い髪の少女と猫 …",
            "  " + "e\u0301" * 17 + "…",
            "  two",
        ]
        assert all(view.render_line(y).cell_length == 20 for y in range(6))


async def test_theme_colours_are_had_by_name() -> None:
    view = VirtualList(Numbers(1, lambda index: Content.styled("kafka", "$accent")))
    app = Shell(view)
    async with app.run_test(size=(20, 3)):
        segment = next(segment for segment in view.render_line(0) if segment.text == "kafka")
        assert segment.style is not None and segment.style.color is not None
        assert app.theme_variables["accent"].lower() == segment.style.color.name.lower()


class Threes(Numbers):
    """Things of three rows each."""

    def first(self, index: int) -> int:
        return index // 3 * 3


async def test_what_takes_several_rows_is_one_stop() -> None:
    view = VirtualList(Threes(30))
    app = Shell(view)
    async with app.run_test(size=(40, 8)) as pilot:
        await pilot.press("down", "j")
        assert view.cursor == 6
        assert view.scroll_offset.y <= 6 and view.scroll_offset.y + 8 >= 9  # the whole of it is in view
        await pilot.press("k")
        assert view.cursor == 3
        await pilot.press("end")
        assert view.cursor == 27
        await pilot.press("down")
        assert view.cursor == 27
        await pilot.press("pageup", "up", "home")
        assert view.cursor == 0
        styles = [next(iter(view.render_line(row))).style for row in range(4)]
        assert styles[0] == styles[1] == styles[2] != styles[3]


async def test_the_cursor_stays_in_view_when_the_view_shrinks() -> None:
    view = VirtualList(Numbers(100))
    async with Shell(view).run_test(size=(40, 20)) as pilot:
        view.cursor = 18
        await pilot.resize_terminal(40, 8)
        await pilot.pause()
        assert view.scroll_offset.y <= 18 < view.scroll_offset.y + 8


# --- chart ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "rounded"), [(0.011, 0.02), (0.02, 0.02), (3, 5), (7, 10), (12, 20)])
def test_nice_numbers(value: float, rounded: float) -> None:
    assert nice(value) == pytest.approx(rounded)


def test_the_scale_holds_the_data_in_round_steps_and_stays_while_it_can() -> None:
    xs = list(range(100))
    scale = fit([Series("loss", xs, [0.05 + x / 1000 for x in xs])], (0, 200))
    assert (scale.low, scale.high, scale.step) == pytest.approx((0.04, 0.16, 0.02))
    assert (scale.left, scale.right) == (0, 200)
    assert fit([Series("loss", xs, [0.06 + x / 1200 for x in xs])], (0, 200), scale) == scale
    assert fit([Series("loss", xs, [0.10 + x / 100_000 for x in xs])], (0, 200), scale) != scale


@pytest.mark.parametrize(
    "ys",
    [[], [math.nan] * 3, [1.0], [0.0, 0.0, 0.0], [math.inf, 1.0, -math.inf], [1e-9, 2e-9, 3e-9], [1e12, 2e12, 3e12]],
)
def test_any_values_can_be_drawn(ys: list[float]) -> None:
    series = Series("x", list(range(len(ys))), ys)
    scale = fit([series])
    assert scale.low < scale.high and scale.left < scale.right
    canvas = Canvas(20, 5)
    styles: tuple[Literal["dots", "line", "marks"], ...] = ("dots", "line", "marks")
    for style in styles:
        draw(canvas, Series("x", series.xs, ys, style), scale)
    assert len(canvas.lines()) == 5
    assert all(scale.label(tick) for tick in scale.ticks())


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    xs = list(range(60))
    canvas = Canvas(30, 4)
    draw(canvas, Series("x", xs, [1.0 if not 20 <= x < 40 else math.nan for x in xs]), Scale(0, 2, 1, 0, 60))
    line = canvas.lines()[2] + canvas.lines()[1]
    drawn = [at for at, char in enumerate(canvas.lines()[1]) if char != " "] or [
        at for at, char in enumerate(canvas.lines()[2]) if char != " "
    ]
    assert line.strip() and not any(11 <= at < 19 for at in drawn)


def test_the_cost_of_a_redraw_does_not_grow_with_the_points() -> None:
    class Counting(list[float]):
        reads = 0

        def __getitem__(self, at):  # type: ignore[no-untyped-def]
            if isinstance(at, int):
                Counting.reads += 1
            return super().__getitem__(at)

    ys = Counting([float(x % 7) for x in range(200_000)])
    draw(Canvas(100, 20), Series("x", range(200_000), ys, "line"), Scale(0, 7, 1, 0, 200_000))
    assert Counting.reads < 100 * 2 * 20


async def test_a_new_point_repaints_only_the_cells_it_touches() -> None:
    chart = LineChart()
    async with Shell(chart).run_test(size=(80, 20)) as pilot:
        xs: list[float] = list(range(500))
        ys = [0.1 + 0.05 / (1 + x / 50) for x in xs]
        chart.set_series([Series("average", xs, ys)], epochs=[100, 200, 300, 400], span=(0, 1000))
        await pilot.pause()
        refreshed: list[int] = []
        original = chart.refresh
        chart.refresh = lambda *regions, **rest: refreshed.extend(r.area for r in regions) or original(*regions, **rest)  # type: ignore
        for step in range(500, 504):
            xs.append(step)
            ys.append(ys[-1])
            chart.set_series([Series("average", xs, ys)], epochs=[100, 200, 300, 400], span=(0, 1000))
        assert sum(refreshed) <= 4
        text = shown(chart)
        assert text[0].endswith("── average   ╎ epoch")
        assert text[-1].split() == ["epoch", "1", "2", "3", "4"]
        assert text[-2].count("╎") == 4
        assert "┤" in text[1]


async def test_a_chart_without_points_or_room_says_so() -> None:
    chart = LineChart(empty="no steps yet")
    async with Shell(chart).run_test(size=(40, 10)) as pilot:
        assert [line.strip() for line in shown(chart) if line] == ["no steps yet"]
        await pilot.resize_terminal(10, 3)
        chart.set_series([Series("loss", [1, 2], [0.1, 0.2])])
        await pilot.pause()
        assert all(len(line) <= 10 for line in shown(chart))
