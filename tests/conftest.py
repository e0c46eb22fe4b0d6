"""Fixtures all tests share: a home of their own, the data beside the checkout."""

import gc
import signal
from collections.abc import Generator, Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh home folder: no test reads or writes the person's configuration, state or cache."""
    # `mktemp` looks through the folders of all tests before for a number that is free.
    homes = tmp_path_factory.getbasetemp() / "homes"
    homes.mkdir(exist_ok=True)
    folder = Path(mkdtemp(dir=homes))
    monkeypatch.setenv("HOME", str(folder))
    for variable, name in (
        ("CONFIG", ".config"),
        ("STATE", ".local/state"),
        ("CACHE", ".cache"),
        ("DATA", ".local/share"),
    ):
        (folder / name).mkdir(parents=True)
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(folder / name))
    for variable in ("NO_COLOR", "TMUX", "TERM_PROGRAM", "LORATUI_DEBUG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    return folder


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """No garbage is looked for while a failure is reported.

    Pytest parses the source for it. Garbage that complains as it is taken away has a traceback formatted, which parses
    too; Python before 3.11.8 and 3.12.2 does not know a parse within a parse and ends with a SystemError
    (https://github.com/python/cpython/issues/106905), and with it the whole of the tests.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return (yield)
    finally:
        if collects:
            gc.enable()


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """Ctrl-C ends the tests, also after a verb that was run in this process and listened for it to the end."""
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The recordings, images and captions beside the checkout; tests that use it carry the mark `shared`."""
    if not SHARED.is_dir():
        pytest.skip("needs the recordings beside the checkout (../shared)")
    return SHARED
