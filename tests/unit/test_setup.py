"""The trainer's environment: where it is, what it says of itself, and how it is made."""

import importlib.metadata
import os
import sys
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from loratui.core import config
from loratui.core.errors import Cancelled, LoratuiError, Refused
from loratui.core.training import environment, setup
from loratui.core.training.environment import Places, Trainer
from loratui.core.training.setup import Step
from tests import training_kit as kit


def test_a_trainer_that_was_never_set_up_is_refused_with_the_verb() -> None:
    with pytest.raises(Refused, match="not set up") as caught:
        environment.locate(config.load())
    assert "loratui setup" in caught.value.remedy


def test_a_configured_trainer_is_taken_and_a_wrong_one_named(tmp_path: Path) -> None:
    scripts = kit.scripts(tmp_path / "sd")
    kit.configure(sys.executable, scripts)
    assert environment.locate(config.load()) == Trainer(Path(sys.executable), scripts)

    kit.configure(tmp_path / "no-python", scripts)
    with pytest.raises(Refused, match="no-python"):
        environment.locate(config.load())
    kit.configure(sys.executable, tmp_path)
    with pytest.raises(Refused, match=r"train_network\.py"):
        environment.locate(config.load())


def test_the_environment_beside_configured_scripts_is_found(tmp_path: Path) -> None:
    scripts = kit.scripts(tmp_path / "sd")
    python = kit.answering_python(scripts / "venv" / "bin" / "python")
    kit.configure("", scripts)
    assert environment.locate(config.load()).python == python


def test_a_real_interpreter_is_probed(tmp_path: Path) -> None:
    facts = environment.probe(Trainer(Path(sys.executable), tmp_path))
    assert facts.python == ".".join(map(str, sys.version_info[:3]))
    for name in ("torch", "safetensors", "diffusers", "toml"):
        try:
            there: str | None = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            there = None
        assert facts.packages.get(name) == there
    assert (facts.cuda, facts.commit) == (False, "")


def test_the_answer_is_remembered_until_the_packages_change(tmp_path: Path) -> None:
    python = kit.answering_python(tmp_path / "venv" / "bin" / "python")
    packages = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    trainer = Trainer(python, tmp_path)
    assert environment.probe(trainer).packages["torch"] == "2.6.0"
    stamp = python.stat()
    kit.answering_python(python, packages={"torch": "9"})
    os.utime(python, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert environment.probe(trainer).packages["torch"] == "2.6.0"
    assert environment.probe(trainer, fresh=True).packages == {"torch": "9"}
    kit.answering_python(python, packages={"torch": "10"})
    os.utime(python, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    (packages / "new").mkdir()
    assert environment.probe(trainer).packages == {"torch": "10"}


def test_an_interpreter_that_does_not_work_is_named(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no module named encodings >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(Refused, match="no module named encodings"):
        environment.probe(Trainer(python, tmp_path))


def test_the_commands_clone_the_pinned_commit_into_an_environment_of_its_own(tmp_path: Path) -> None:
    places = Places(tmp_path)
    commands = {step.id: step.line() for step in setup.steps(places, (12, 4))}
    assert list(commands) == ["clone", "checkout", "venv", "torch", "requirements", "extras"]
    assert environment.COMMIT in commands["checkout"]
    assert "torch==2.6.0 torchvision==0.21.0" in commands["torch"]
    assert "lycoris-lora==3.4.0" in commands["extras"]
    assert all(str(tmp_path) in commands[name] for name in ("clone", "checkout", "venv"))
    newer = {step.id: step.line() for step in setup.steps(places, (13, 0), tmp_path / "submodule")}
    assert "clone" not in newer and "torch==2.8.0" in newer["torch"]


def step(places: Places, name: str, code: str, makes: Path | None = None) -> Step:
    return Step(name, name, (sys.executable, "-c", code), places.folder, makes)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "trainer")


def test_steps_run_in_order_are_logged_and_not_run_again(places: Places) -> None:
    done: list[tuple[int, int | None]] = []
    todo = [step(places, name, f"print('{name} ran'); open('{name}', 'a').write('x')") for name in ("one", "two")]

    setup.run(todo, places, report=lambda at, total, note="", /: done.append((at, total)))
    setup.run(todo, places)

    assert [(places.folder / name).read_text() for name in ("one", "two")] == ["x", "x"]
    assert (places.folder / "setup.log").read_text().count("ran") == 4  # the command and what it printed
    assert setup.remaining(todo, places) == []
    assert done[-1] == (2, 2)


def test_a_failed_step_says_why_and_the_next_run_goes_on_from_it(places: Places) -> None:
    flag = places.folder / "flag"
    first = step(places, "one", "open('one', 'a').write('x')")
    second = step(places, "two", f"import os, sys; os.path.exists({str(flag)!r}) or sys.exit('no such wheel')")

    with pytest.raises(LoratuiError, match="“two” failed: no such wheel") as caught:
        setup.run([first, second], places)
    assert "setup.log" in caught.value.remedy
    assert setup.remaining([first, second], places) == [second]
    flag.touch()
    setup.run([first, second], places)
    assert (places.folder / "one").read_text() == "x"


def test_a_step_whose_work_was_taken_away_is_done_again_with_all_behind_it(places: Places) -> None:
    made = places.folder / "made" / "here"
    first = step(places, "one", f"import os; os.makedirs({str(made.parent)!r}); open({str(made)!r}, 'w')", made)
    second = step(places, "two", "pass")
    setup.run([first, second], places)
    made.unlink()
    made.parent.rmdir()
    assert setup.remaining([first, second], places) == [first, second]


def test_a_command_that_makes_nothing_has_failed(places: Places) -> None:
    with pytest.raises(LoratuiError, match="failed"):
        setup.run([step(places, "one", "pass", places.folder / "never")], places)


def test_cancelling_ends_the_command_and_its_children(places: Places) -> None:
    child = "import subprocess; p = subprocess.Popen(['sleep', '60']); open('pid', 'w').write(str(p.pid)); p.wait()"
    cancel = Event()

    def soon() -> None:
        while not (places.folder / "pid").exists() or not (places.folder / "pid").read_text():
            time.sleep(0.01)
        cancel.set()

    Thread(target=soon, daemon=True).start()
    with pytest.raises(Cancelled):
        setup.run([step(places, "one", child)], places, cancel=cancel)
    pid = int((places.folder / "pid").read_text())
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.01)
    else:
        pytest.fail("the child goes on")
    assert setup.finished(places) == set()
