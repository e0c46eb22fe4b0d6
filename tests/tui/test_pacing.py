"""What a slow link is given: never more than it carries in a moment."""

import asyncio
import re

import pytest

from loratui.tui.graphics.pacing import Pacer
from tests.pty_harness import SILENT, XTERM, Terminal


class Link:
    """A link with a clock of its own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self.released = 0
        self.pacer = Pacer(self.write, self.release, lambda: self.now)

    def write(self, data: str) -> None:
        assert data == "\x1b[5n"
        self.asked += 1

    def release(self) -> None:
        self.released += 1

    def carry(self, size: int, rate: float, trip: float = 0.0) -> None:
        """Writes `size` bytes and lets a link of `rate` bytes per second answer for them."""
        asked = self.asked
        self.pacer.wrote(size)
        self.now += size / rate + trip
        for _ in range(self.asked - asked):
            self.pacer.answered()


def test_small_writes_are_not_asked_about_and_large_ones_once() -> None:
    link = Link()
    for _ in range(3):
        link.pacer.wrote(500)
    assert link.asked == 0
    link.pacer.wrote(20_000)
    assert link.asked == 1
    assert link.pacer.on_the_way == 21_500
    link.pacer.answered()
    assert link.pacer.on_the_way == 0


@pytest.mark.parametrize(("rate", "trip"), [(12_500, 0.1), (12_500, 1.5), (250_000, 0.02), (1_000_000, 0.4)])
def test_the_window_holds_a_moment_of_the_link_at_any_round_trip(rate: float, trip: float) -> None:
    link = Link()
    for _ in range(30):
        link.carry(3_000, rate, trip)
        link.carry(30_000, rate, trip)
    assert link.pacer.rate <= rate * 1.01
    assert 8_192 <= link.pacer.window <= max(8_192, rate * (trip + 1))
    assert rate < 100_000 or link.pacer.window > 40_000


def test_a_full_link_holds_the_frames_and_releases_them() -> None:
    link = Link()
    for _ in range(10):
        link.carry(4_000, 12_500)
    held = []
    for _ in range(4):
        held.append(link.pacer.congested)
        link.pacer.wrote(4_000)
    held.append(link.pacer.congested)
    assert held == [False, False, False, True, True]
    assert link.released == 0
    for _ in range(3):
        link.now += 0.3
        link.pacer.answered()
    assert link.released == 1
    assert link.pacer.congested is False


def test_a_terminal_without_answers_is_waited_for_once() -> None:
    link = Link()
    link.pacer.start()
    link.pacer.wrote(100_000)
    assert link.pacer.congested
    link.now += 1.01
    assert not link.pacer.congested
    assert link.released == 1
    for _ in range(5):
        link.pacer.wrote(100_000)
        assert not link.pacer.congested
        link.now += 0.1
    assert link.asked == 2


def test_a_long_way_is_no_silence_and_late_answers_bring_the_pacing_back() -> None:
    link = Link()
    link.pacer.start()
    link.now += 0.6
    link.pacer.answered()
    assert link.pacer.rate == 0.0  # nothing was carried
    link.pacer.wrote(70_000)
    link.now += 7
    assert link.pacer.congested  # it may well take so long
    link.now += 10
    assert not link.pacer.congested
    link.pacer.wrote(70_000)
    assert link.asked == 2
    link.pacer.answered()
    link.pacer.wrote(70_000)
    assert link.asked == 3 and link.pacer.congested


async def test_a_picture_waits_for_room() -> None:
    link = Link()
    for _ in range(10):
        link.carry(4_000, 12_500)
    await link.pacer.room(50_000)  # an empty link takes whatever comes
    link.pacer.wrote(12_000)
    waiting = asyncio.create_task(link.pacer.room(5_000))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    link.pacer.answered()
    await asyncio.wait_for(waiting, 1)


HELD = """
import sys
from textual.app import App
from textual.content import Content
from loratui.tui.graphics.driver import LoratuiDriver
from loratui.tui.graphics.pacing import PacedScreen
from loratui.tui.graphics.service import Graphics
from loratui.tui.widgets.virtual_list import VirtualList

class Rows:
    def __len__(self):
        return 100_000
    def row(self, index, width):
        return Content(f"{index:06} " + "tag " * 25)

class Main(PacedScreen):
    def compose(self):
        yield VirtualList(Rows())

class Held(App):
    def __init__(self):
        super().__init__(driver_class=LoratuiDriver)
        self.graphics = Graphics(self, "none")
    def on_mount(self):
        self.push_screen(Main())
        self.graphics.start()

Held().run(mouse=False)
"""


def test_a_held_key_on_a_slow_link_shows_the_newest_state() -> None:
    with Terminal(["python", "-c", HELD], answers=XTERM, rate=30_000, delay=0.05) as terminal:
        terminal.wait_for("000001", timeout=30)
        terminal.quiet(0.3)
        before = terminal.count
        terminal.hold("\x1b[6~", 40, rate=40)
        # Forty pages are 180 kB; only some of them are painted.
        terminal.wait_for("001560", start=before)
        assert terminal.quiet(0.3) - before < 110_000


def test_a_terminal_that_never_answers_shows_each_key() -> None:
    with Terminal(["python", "-c", HELD], answers=SILENT) as terminal:
        terminal.wait_for("000001", timeout=30)
        first = int(re.findall(rb"(\d{6}) tag", terminal.output)[-1])
        for page in range(1, 41):  # 180 kB, three times what is sent before an answer
            terminal.send("\x1b[6~")
            terminal.wait_for(f"{first + 39 * page:06}", timeout=4)
        before = terminal.count
        terminal.send("\x1b[6~")
        terminal.wait_for("tag", start=before, timeout=4)
        terminal.quiet()
        assert b"\x1b[5n" not in terminal.output[before:]
