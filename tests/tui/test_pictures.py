"""Pictures: encoded within their bytes, the newest wins, nothing unseen is sent, no file ends the app."""

import asyncio
import math
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from loratui.tui.graphics import brands, halfcell, kitty
from loratui.tui.graphics.encode import Encoded, How, Wanted, encode, fit, share
from loratui.tui.graphics.pictures import Drawn, Pictures
from loratui.tui.graphics.probe import QUERY_ID, Probe, Terminal
from loratui.tui.graphics.replies import Reply
from tests.tui.gallery import plain

KITTY = How("kitty", (10, 20), 20_000)
HALF = How("halfcell", (10, 20), 20_000)


def photo(path: Path, width: int = 640, height: int = 480, seed: int = 1) -> Path:
    """A picture with gradients, edges and noise, as hard to pack as a photograph."""
    import random

    noise = random.Random(seed)
    pixels = bytes(
        max(0, min(255, round(128 + 90 * math.sin((x + c * 40) / 37 + y / 91 * (c + 1)) + noise.gauss(0, 12))))
        for y in range(height // 2)
        for x in range(width // 2)
        for c in range(3)
    )
    Image.frombytes("RGB", (width // 2, height // 2), pixels).resize((width, height)).save(path)
    return path


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return photo(tmp_path_factory.mktemp("pictures") / "photo.png")


# --- encoding ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("picture", "box", "expected"),
    [
        ((100, 100), (10, 10), (10, 5)),
        ((1000, 100), (40, 40), (40, 2)),
        ((100, 1000), (40, 40), (8, 40)),
        ((1, 5000), (40, 40), (1, 40)),
        ((3, 2), (60, 20), (60, 20)),
    ],
)
def test_a_picture_keeps_its_proportions(
    picture: tuple[int, int], box: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert fit(*picture, *box, (10, 20)) == expected


def test_a_kitty_picture_fits_its_budget(picture: Path) -> None:
    for columns, rows, budget in ((51, 26, 20_000), (51, 26, 120_000), (16, 8, 20_000), (200, 50, 20_000)):
        encoded = encode(Wanted(picture, columns, rows), How("kitty", (10, 20), budget))
        allowed = share(budget, encoded.columns * 10, encoded.rows * 20)
        assert encoded.png and encoded.size <= max(allowed, 2_000 + kitty.cost(encoded.columns, encoded.rows))
        with Image.open(BytesIO(encoded.png)) as image:
            assert image.mode == "P"


def test_a_bigger_budget_gives_a_better_picture(picture: Path) -> None:
    sizes = [
        len(encode(Wanted(picture, 51, 26), How("kitty", (10, 20), budget)).png) for budget in (8000, 20_000, 120_000)
    ]
    assert sizes == sorted(sizes)
    assert sizes[0] * 5 < sizes[-1]


@pytest.mark.parametrize("truecolor", [True, False])
def test_half_cells_fit_their_budget_and_their_box(picture: Path, truecolor: bool) -> None:
    for budget in (20_000, 120_000):
        encoded = encode(Wanted(picture, 51, 26), How("halfcell", (10, 20), budget, truecolor))
        assert halfcell.cost(encoded.lines) <= share(budget, encoded.columns * 10, encoded.rows * 20)
        assert len(encoded.lines) == encoded.rows
        assert {sum(len(segment.text) for segment in line) for line in encoded.lines} == {encoded.columns}


def test_half_cells_show_the_pixels(tmp_path: Path) -> None:
    image = Image.new("RGB", (2, 4), "white")
    image.putpixel((0, 0), (255, 0, 0))
    image.putpixel((0, 1), (0, 0, 255))
    image.save(tmp_path / "dots.png")
    encoded = encode(Wanted(tmp_path / "dots.png", 2, 2), HALF)
    first, second = encoded.lines[0]
    assert first.text == "▀" and second.text == " "
    assert first.style is not None and str(first.style) == "#ff0000 on #0000ff"


def test_a_crop_is_in_pixels_of_the_upright_file(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20), "black")
    image.paste("lime", (30, 0, 40, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter: 20 × 40 upright, the green part at the lower right
    image.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    encoded = encode(Wanted(tmp_path / "turned.jpg", 4, 2, crop=(10, 30, 20, 40)), HALF)
    style = encoded.lines[0][0].style
    assert style is not None and style.bgcolor is not None and style.bgcolor.triplet is not None
    assert style.bgcolor.triplet.green > 200


def test_no_file_ends_the_program(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("<html>not found</html>")
    plain(tmp_path / "whole.png", size=(300, 300))
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:200])
    (tmp_path / "folder.png").mkdir()
    for name in ("empty.png", "text.jpg", "cut.png", "folder.png", "missing.png", "bad\x1b[31m\nname.png"):
        encoded = encode(Wanted(tmp_path / name, 10, 5), HALF)
        assert encoded.error and not encoded.lines
        assert "\n" not in encoded.error and "\x1b" not in encoded.error


@pytest.mark.shared
def test_every_bad_file_gives_a_picture_or_a_sentence(shared: Path) -> None:
    for path in sorted((shared / "images" / "bad").rglob("*")):
        if path.is_file():
            encoded = encode(Wanted(path, 16, 7), KITTY)
            assert bool(encoded.png) != bool(encoded.error), path.name


# --- Kitty's protocol ----------------------------------------------------------------------------------------------


def test_a_transmission_carries_the_file_in_small_parts() -> None:
    data = bytes(range(256)) * 50
    parts = kitty.transmission(0x11000010, data, 30, 12, False)
    assert all(len(part) < 4200 for part in parts)
    controls = [re.match(r"\x1b_G([^;]*);", part) for part in parts]
    assert [control[1].rpartition("m=")[2] for control in controls if control] == ["1"] * (len(parts) - 1) + ["0"]
    assert parts[0].startswith(f"\x1b_Ga=T,U=1,f=100,t=d,i={0x11000010},c=30,r=12,q=1,m=1;")
    assert b64decode("".join(part.partition(";")[2].removesuffix("\x1b\\") for part in parts)) == data


def test_through_tmux_each_part_is_wrapped_and_asks_for_no_answer() -> None:
    for part in [*kitty.transmission(16, b"x" * 5000, 3, 2, True), kitty.deletion(16, True)]:
        assert part.startswith("\x1bPtmux;\x1b\x1b_G") and part.endswith("\x1b\x1b\\\x1b\\")
        assert "q=2" in part


def test_each_cell_names_its_place_and_its_picture() -> None:
    lines = kitty.cells(0x05000020, 3, 2)
    marks = kitty.diacritics()
    assert len(set(marks)) == 297
    (segment,) = lines[1]
    assert segment.text == "".join(f"\U0010eeee{marks[1]}{marks[column]}{marks[5]}" for column in range(3))
    assert segment.cell_length == 3
    assert segment.style is not None and segment.style.color is not None
    # An index that neither a 256-colour terminal nor Textual's filters change.
    assert segment.style.render("x").startswith("\x1b[38;5;32m")


def test_on_the_line_only_the_first_cell_of_a_row_names_its_place() -> None:
    (segment,) = kitty.cells(0x05000020, 50, 2)[1]
    short = kitty.compact(segment.text)
    assert short == segment.text[:4] + "\U0010eeee" * 49
    assert len(short.encode()) < kitty.cost(50, 1)
    # Where a row goes on after something else, its first cell names its place again.
    assert kitty.compact(segment.text[80:] + "x" + segment.text[4:12]).startswith(segment.text[80:84] + "\U0010eeee")
    assert kitty.compact(segment.text[80:] + "x" + segment.text[4:12]).endswith("x" + segment.text[4:8] + "\U0010eeee")
    two_rows = kitty.cells(32, 2, 2)
    assert kitty.compact(two_rows[0][0].text + two_rows[1][0].text).count("\U0010eeee") == 4


@pytest.mark.parametrize(
    ("body", "answer"), [("Gi=31;OK", (31, True)), ("Gi=31,p=7;ENOENT:x", (31, False)), ("G;OK", None), ("", None)]
)
def test_the_answer_to_a_picture(body: str, answer: tuple[int, bool] | None) -> None:
    assert kitty.answer(body) == answer


# --- which way -----------------------------------------------------------------------------------------------------

OK = Reply("apc", f"Gi={QUERY_ID};OK")
DA1 = Reply("da1", "\x1b[?62;4c")


@pytest.mark.parametrize(
    ("environ", "replies", "expected"),
    [
        ({"TERM": "xterm-kitty"}, [Reply("dcs", ">|kitty(0.43)"), OK, DA1], "kitty"),
        ({"TERM": "xterm-256color"}, [OK, DA1], "kitty"),
        ({"TERM": "xterm-256color"}, [DA1], "halfcell"),
        ({"TERM": "xterm-256color"}, [], "halfcell"),
        ({"TERM": "xterm-256color"}, [Reply("dcs", ">|Konsole 24.02"), OK, DA1], "halfcell"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WarpTerminal"}, [OK, DA1], "halfcell"),
        ({"TERM": "xterm-256color", "KONSOLE_VERSION": "240200"}, [OK, DA1], "halfcell"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, [Reply("dcs", ">|tmux 3.4"), DA1, OK], "kitty"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, [Reply("dcs", ">|tmux 3.4"), DA1], "halfcell"),
        ({"TERM": "linux"}, [DA1], "none"),
        ({"TERM": "dumb"}, [], "none"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, [OK, DA1], "none"),
    ],
)
def test_the_way_pictures_are_drawn(environ: dict[str, str], replies: list[Reply], expected: str) -> None:
    seen: list[Terminal] = []
    probe = Probe("auto", environ, seen.append)
    probe.queries()
    for reply in replies:
        probe.take(reply)
    probe.give_up()
    assert probe.terminal.protocol == expected
    assert seen[-1] == probe.terminal


@pytest.mark.parametrize("wanted", ["kitty", "halfcell", "none"])
def test_the_configuration_overrides_what_the_terminal_says(wanted: str) -> None:
    probe = Probe(wanted, {"TERM": "xterm-kitty"}, lambda terminal: None)
    probe.queries()
    for reply in (OK, DA1):
        probe.take(reply)
    assert probe.terminal.protocol == wanted


@pytest.mark.parametrize(
    ("environ", "asked"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b_G"),
        ({"TERM": "tmux-256color"}, "\x1bPtmux;"),
        ({"TERM": "screen-256color", "TMUX": "/tmp/tmux"}, "\x1bPtmux;"),
        ({"TERM": "screen.xterm-256color", "STY": "1.pts-0"}, ""),
        ({"TERM": "screen", "STY": "1.pts-0", "TMUX": "/tmp/tmux"}, ""),
        ({"TERM": "screen"}, ""),
    ],
)
def test_screen_is_not_asked_what_it_would_print(environ: dict[str, str], asked: str) -> None:
    probe = Probe("auto", environ, lambda terminal: None)
    queries = probe.queries()
    assert asked in queries and ("_G" in queries) == bool(asked)
    assert (probe.terminal.protocol == "halfcell") == (not asked)


def test_an_answer_after_the_deadline_still_counts() -> None:
    probe = Probe("auto", {"TERM": "xterm-256color"}, lambda terminal: None)
    probe.queries()
    probe.give_up()
    assert probe.terminal.protocol == "halfcell"
    for reply in (Reply("cell", "\x1b[6;40;19t"), OK, DA1):
        probe.take(reply)
    assert (probe.terminal.protocol, probe.terminal.cell) == ("kitty", (19, 40))


def test_a_nonsense_cell_size_is_not_believed() -> None:
    probe = Probe("auto", {"TERM": "xterm-256color"}, lambda terminal: None)
    probe.take(Reply("cell", "\x1b[6;0;0t"))
    assert probe.terminal.cell == (10, 20)


def test_some_terminals_are_known_to_show_all_colours() -> None:
    assert brands.truecolor({"TERM": "xterm-kitty"})
    assert not brands.truecolor({"TERM": "xterm-kitty", "COLORTERM": "truecolor"})
    assert not brands.truecolor({"TERM": "xterm-256color"})


# --- the queue -----------------------------------------------------------------------------------------------------


class Bench:
    """Pictures with an outlet that keeps what is written, and a keyboard one can set."""

    def __init__(self, how: How | None = KITTY) -> None:
        self.how = how
        self.written: list[str] = []
        self.key = 0.0
        self.pictures = Pictures(self, lambda: self.how, lambda: False, lambda: self.key, self.room)

    async def room(self, size: int) -> None:
        """There is always room."""

    def write(self, data: str) -> None:
        self.written.append(data)

    @property
    def numbers(self) -> list[int]:
        """The ids of the pictures sent, in their order."""
        return [int(match[1]) for data in self.written if (match := re.match(r"\x1b_Ga=T.*?i=(\d+)", data))]

    async def settle(self) -> None:
        while self.pictures.busy:
            await asyncio.sleep(0.005)


@pytest.fixture
def colours(tmp_path: Path) -> list[Path]:
    return [plain(tmp_path / f"{number}.png", f"hsl({number * 3}, 80%, 50%)") for number in range(100)]


async def test_the_newest_claim_wins_and_stale_ones_are_not_sent(colours: list[Path]) -> None:
    bench = Bench()
    drawn: list[Drawn] = []
    tickets = [bench.pictures.want(Wanted(path, 20, 10), drawn.append, lambda: True) for path in colours[:30]]
    for ticket in tickets[:-1]:
        ticket.cancel()
    await bench.settle()
    assert len(bench.numbers) == len(drawn) == 1
    # The same again is neither encoded nor sent a second time.
    bench.pictures.want(Wanted(colours[29], 20, 10), drawn.append, lambda: True)
    await bench.settle()
    assert len(bench.numbers) == 1 and drawn[0] == drawn[1]
    bench.pictures.close()


async def test_nothing_is_sent_while_keys_are_pressed_or_nothing_can_be_shown(colours: list[Path]) -> None:
    import time

    bench = Bench()
    drawn: list[Drawn] = []
    bench.key = time.monotonic() + 0.15
    bench.pictures.want(Wanted(colours[0], 20, 10), drawn.append, lambda: True)
    await asyncio.sleep(0.1)
    assert not bench.written
    await bench.settle()
    assert len(drawn) == 1
    bench.how = None
    bench.pictures.want(Wanted(colours[1], 20, 10), drawn.append, lambda: True)
    await bench.settle()
    assert len(drawn) == 1
    bench.how = KITTY
    bench.pictures.wake()
    await bench.settle()
    assert len(drawn) == 2
    bench.pictures.close()


async def test_what_is_out_of_sight_waits(colours: list[Path]) -> None:
    bench = Bench()
    drawn: list[Drawn] = []
    sight = False
    bench.pictures.want(Wanted(colours[0], 20, 10), drawn.append, lambda: sight)
    await bench.settle()
    assert not drawn and not bench.written
    sight = True
    bench.pictures.wake()
    await bench.settle()
    assert len(drawn) == 1
    bench.pictures.close()


async def test_the_terminal_keeps_a_bounded_number_of_pictures(colours: list[Path]) -> None:
    bench = Bench()
    drawn: list[Drawn] = []
    for path in colours:
        for rows in (3, 4, 5):
            bench.pictures.want(Wanted(path, 8, rows), drawn.append, lambda: True)
    await bench.settle()
    assert [bench.pictures.alive(one) for one in drawn] == [False] * 108 + [True] * 192
    deleted = [int(match[1]) for data in bench.written if (match := re.match(r"\x1b_Ga=d,d=I,i=(\d+)", data))]
    assert len(bench.numbers) == 300
    assert deleted == bench.numbers[:108]
    left = re.findall(r"a=d,d=I,i=(\d+)", bench.pictures.farewell())
    assert sorted(map(int, left)) == sorted(bench.numbers[108:])
    assert bench.pictures.farewell() == ""
    bench.pictures.close()


async def test_a_stale_picture_is_broken_off_on_its_way(tmp_path: Path) -> None:
    bench = Bench(How("kitty", (10, 20), 120_000))
    path = photo(tmp_path / "large.png", 600, 400)
    parts = 0

    async def room(size: int) -> None:
        nonlocal parts
        parts += 1
        if parts == 4:
            ticket.cancel()

    bench.pictures._room = room
    ticket = bench.pictures.want(Wanted(path, 60, 20), lambda drawn: pytest.fail("drawn"), lambda: True)
    await bench.settle()
    assert len(bench.written) == 4
    assert "m=1;" in bench.written[2]
    assert re.fullmatch(r"\x1b_Gq=2,m=0;\x1b\\\x1b_Ga=d,d=I,i=\d+,q=2\x1b\\", bench.written[3])
    assert bench.pictures.farewell() == ""
    bench.pictures.close()


async def test_a_picture_the_terminal_did_not_take_is_sent_again(colours: list[Path]) -> None:
    bench = Bench()
    for _ in range(2):
        bench.pictures.want(Wanted(colours[0], 8, 4), lambda drawn: None, lambda: True)
        await bench.settle()
        bench.pictures.refused(bench.numbers[-1])
    assert len(bench.numbers) == 2
    bench.pictures.close()


# --- import --------------------------------------------------------------------------------------------------------


def test_importing_the_tables_asks_the_terminal_nothing(tmp_path: Path) -> None:
    from tests.pty_harness import KITTY as TERMINAL
    from tests.pty_harness import Terminal as Pty

    code = "from loratui.tui.graphics import kitty; print(len(kitty.diacritics()), 'marks')"
    with Pty(["python", "-c", code], answers=TERMINAL) as terminal:
        terminal.wait_for("297 marks")
        assert terminal.end() == 0
        assert b"\x1b" not in terminal.output


def test_encoded_pictures_compare(picture: Path) -> None:
    assert encode(Wanted(picture, 10, 5), HALF) == encode(Wanted(picture, 10, 5), HALF) != Encoded(0, 0)
