"""The trainer's environment: where it is, what it says of itself, and how it is made."""

import importlib.metadata
import json
import os
import shutil
import sys
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from loratui.core import config, durable
from loratui.core.errors import Cancelled, LoratuiError, Refused
from loratui.core.training import environment, setup
from loratui.core.training.environment import Places, Trainer
from loratui.core.training.setup import Setup, Step
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


def no_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """No uv on this machine: the commands are pip's."""
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "uv" else which(name))


def test_the_commands_clone_the_pinned_commit_into_an_environment_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_uv(monkeypatch)
    places = Places(tmp_path)
    commands = {step.id: step.line() for step in setup.steps(places, (12, 4))}
    assert list(commands) == ["clone", "checkout", "venv", "pip", "torch", "requirements", "extras"]
    assert environment.COMMIT in commands["checkout"]
    assert commands["torch"].endswith("torch==2.6.0 torchvision==0.21.0")
    assert "lycoris-lora==3.4.0" in commands["extras"]
    assert all(str(tmp_path) in commands[name] for name in ("clone", "checkout", "venv"))
    newer = {step.id: step.line() for step in setup.steps(places, (13, 0), tmp_path / "submodule")}
    assert "clone" not in newer and "torch==2.8.0" in newer["torch"]


def test_a_machine_without_a_gpu_gets_the_small_builds_and_one_that_gets_a_gpu_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_uv(monkeypatch)
    places = Places(tmp_path)
    small, large = setup.steps(places, None), setup.steps(places, (12, 4))
    torch = next(step for step in small if step.id == "torch")
    assert "--extra-index-url" in torch.command and torch.size < 500
    setup.run(ready(places, [step(places, one.id, "", what=one.what) for one in small]))
    for one in small:
        if one.makes is not None:
            one.makes.parent.mkdir(parents=True, exist_ok=True)
            one.makes.touch()
    assert setup.remaining(small, places) == []
    assert setup.remaining(large, places)[0].id == "venv"


def test_uv_is_used_where_it_is_and_changes_nothing_that_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_uv(monkeypatch)
    places = Places(tmp_path)
    by_pip = setup.steps(places, None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    by_uv = setup.steps(places, None)
    assert {one.mark() for one in by_uv} < {one.mark() for one in by_pip}
    commands = {one.id: one.line() for one in by_uv}
    assert commands["torch"].startswith("/opt/uv pip install") and "--torch-backend cpu" in commands["torch"]


def test_the_interpreter_is_one_that_the_packages_are_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shim = tmp_path / "python3.11"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setattr(sys, "version_info", (3, 14, 0, "final", 0))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match=r"3\.14") as caught:
        setup.interpreter()
    assert "python3.11" in caught.value.remedy
    shim.write_text("#!/bin/sh\nexit 0\n")
    assert setup.interpreter() == str(shim)


def step(places: Places, name: str, code: str, makes: Path | None = None, what: str = "", size: int = 1) -> Step:
    return Step(name, name, (sys.executable, "-c", code), places.folder, makes, what, size)


def ready(places: Places, todo: list[Step]) -> Setup:
    """Those steps, and what is left of them."""
    return Setup(places, tuple(todo), tuple(setup.remaining(todo, places)), processor=True)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "trainer")


def test_steps_run_in_order_are_logged_and_not_run_again(places: Places) -> None:
    done: list[tuple[int, int | None]] = []
    todo = [step(places, name, f"print('{name} ran'); open('{name}', 'a').write('x')") for name in ("one", "two")]

    setup.run(ready(places, todo), report=lambda at, total, note="", /: done.append((at, total)))
    setup.run(ready(places, todo))

    assert [(places.folder / name).read_text() for name in ("one", "two")] == ["x", "x"]
    assert (places.folder / "setup.log").read_text().count("ran") == 4  # the command and what it printed
    assert setup.remaining(todo, places) == []
    assert done[-1] == (2, 2)
    assert not (places.folder / "tmp").exists()


def test_what_is_fetched_counts_and_the_file_is_named(places: Places) -> None:
    told: list[tuple[int, int | None, str]] = []
    pause = places.folder / "pause"
    code = (
        "import time, pathlib\n"
        "print('WARNING: Retrying', flush=True)\n"
        "print('  Downloading https://x/y/torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl (766.7 MB)', flush=True)\n"
        "print('Progress 1000000 of 20000000\\nProgress 20000000 of 20000000', flush=True)\n"
        "print('Progress 5000000 of 40000000', flush=True)\n"
        f"end = time.monotonic() + 20\nwhile not pathlib.Path({str(pause)!r}).exists() and time.monotonic() < end:\n"
        " time.sleep(0.02)\n"
    )

    def report(done: int, total: int | None, note: str = "", /) -> None:
        told.append((done, total, note))
        if done >= 25:
            pause.touch()

    setup.run(ready(places, [step(places, "torch", code, size=100)]), report=report)

    assert (25, 100, "MB · step 1 of 1 · torch: torch (766.7 MB)") in told


def test_more_than_was_expected_makes_the_whole_larger(places: Places) -> None:
    told: list[tuple[int, int | None]] = []
    code = "import time; print('Progress 9000000 of 9000000', flush=True); time.sleep(0.8)"
    setup.run(
        ready(places, [step(places, "one", code, size=2), step(places, "two", "", size=2)]),
        report=lambda done, total, note="", /: told.append((done, total)),
    )
    assert (9, 11) in told and told[-1] == (4, 4)


def test_a_failed_step_says_why_and_the_next_run_goes_on_from_it(places: Places) -> None:
    flag = places.folder / "flag"
    first = step(places, "one", "open('one', 'a').write('x')")
    second = step(places, "two", f"import os, sys; os.path.exists({str(flag)!r}) or sys.exit('no such wheel')")

    with pytest.raises(LoratuiError, match="“two” failed: no such wheel") as caught:
        setup.run(ready(places, [first, second]))
    assert "setup.log" in caught.value.remedy
    assert setup.remaining([first, second], places) == [second]
    flag.touch()
    setup.run(ready(places, [first, second]))
    assert (places.folder / "one").read_text() == "x"


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        (
            "ERROR: Could not find a version that satisfies the requirement torch==2.6.0 (from versions: none)\n"
            "ERROR: No matching distribution found for torch==2.6.0",
            "the network, or the server, does not answer",
            "Check the connection.",
        ),
        (
            "Cloning into 'x'...\nfatal: unable to access 'https://x/': Could not resolve host: x",
            "the network, or the server, does not answer",
            "Check the connection.",
        ),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "the disk is full",
            "Free some space.",
        ),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: Could not find a version that satisfies the requirement a==9 (from versions: 1, 2)\n"
            "ERROR: No matching distribution found for a==9\nProgress 1 of 2",
            "No matching distribution found for a==9",
            "",
        ),
    ],
)
def test_why_a_step_failed_is_said_plainly(places: Places, said: str, reason: str, remedy: str) -> None:
    code = f"import sys; print({said!r}); sys.exit(1)"
    with pytest.raises(LoratuiError) as caught:
        setup.run(ready(places, [step(places, "one", code)]))
    assert reason in caught.value.message and caught.value.remedy.startswith(remedy)


def test_without_room_nothing_is_begun(places: Places) -> None:
    todo = [step(places, "one", "open('one', 'w')", size=10**9)]
    with pytest.raises(LoratuiError, match="GB free; what is left takes up to"):
        setup.run(ready(places, todo))
    assert not (places.folder / "one").exists()


def test_a_step_whose_work_was_taken_away_is_done_again_with_all_behind_it(places: Places) -> None:
    made = places.folder / "made" / "here"
    first = step(places, "one", f"import os; os.makedirs({str(made.parent)!r}); open({str(made)!r}, 'w')", made)
    second = step(places, "two", "pass")
    setup.run(ready(places, [first, second]))
    made.unlink()
    made.parent.rmdir()
    assert setup.remaining([first, second], places) == [first, second]


def test_a_command_that_makes_nothing_has_failed(places: Places) -> None:
    with pytest.raises(LoratuiError, match="failed"):
        setup.run(ready(places, [step(places, "one", "pass", places.folder / "never")]))


def test_two_set_ups_at_once_are_one_too_many(places: Places) -> None:
    places.folder.mkdir()
    with durable.lock(places.folder / "setup.lock"), pytest.raises(LoratuiError, match="Another set-up"):
        setup.run(ready(places, [step(places, "one", "pass")]))


def set_up(**facts: Any) -> None:
    """An environment as `loratui setup` makes it, which answers as told."""
    places = environment.places()
    if not places.scripts.exists():
        kit.scripts(places.scripts, like_sd_scripts=True)
        (places.scripts / ".git").mkdir()
    kit.answering_python(places.venv / "bin" / "python", **facts)
    marks = [one.mark() for one in setup.steps(places, None)]
    (places.folder / "setup.json").write_text(json.dumps(marks))


def test_what_is_set_up_is_left_alone_until_a_package_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    no_uv(monkeypatch)
    set_up()
    found = setup.survey(config.load())
    assert (found.left, found.processor) == ((), True)

    set_up(packages={name: "1" for name in kit.PACKAGES if name != "toml"})
    assert [one.id for one in setup.survey(config.load()).left] == ["torch", "requirements", "extras"]
    set_up(broken={"torch": "ImportError: libcudart"})
    assert setup.survey(config.load()).left[0].id == "venv"
    set_up(broken={"bitsandbytes": "a warning is enough"})
    assert setup.survey(config.load()).left == ()


def test_the_configured_scripts_are_taken_and_an_environment_of_ones_own_is_refused(tmp_path: Path) -> None:
    scripts = kit.scripts(tmp_path / "sd")
    kit.configure("", scripts)
    found = setup.survey(config.load())
    assert found.steps[0].id == "venv"
    assert next(one for one in found.steps if one.id == "requirements").folder == scripts

    kit.answering_python(scripts / "venv" / "bin" / "python")
    with pytest.raises(Refused, match="would not be used"):
        setup.survey(config.load())
    kit.configure(sys.executable, scripts)
    with pytest.raises(Refused, match="would not be used"):
        setup.survey(config.load())


def test_cancelling_ends_the_command_and_its_children(places: Places) -> None:
    child = "import subprocess; p = subprocess.Popen(['sleep', '60']); open('pid', 'w').write(str(p.pid)); p.wait()"
    cancel = Event()

    def soon() -> None:
        while not (places.folder / "pid").exists() or not (places.folder / "pid").read_text():
            time.sleep(0.01)
        cancel.set()

    Thread(target=soon, daemon=True).start()
    with pytest.raises(Cancelled):
        setup.run(ready(places, [step(places, "one", child)]), cancel=cancel)
    pid = int((places.folder / "pid").read_text())
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            break
        time.sleep(0.01)
    else:
        pytest.fail("the child goes on")
    assert setup.finished(places) == set()
