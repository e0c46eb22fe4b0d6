"""Whether a run outlives the login: what the login manager says, and what is done about it. Its programs are fakes."""

import json
import sys
from pathlib import Path

import pytest

from loratui.core import logout
from loratui.core.runs import freeze, launch
from loratui.core.training.checks.session import session
from tests.runs_kit import ended_at_last, make_job, wait_over


class Machine:
    """One with systemd, whose programs are scripts of ours.

    Args:
        folder: its root; programs lie in `bin`.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = folder
        (folder / "run/systemd/system").mkdir(parents=True)
        (folder / "bin").mkdir()
        self.group("session-1.scope")
        monkeypatch.setattr(logout, "ROOT", folder)
        monkeypatch.setattr("getpass.getuser", lambda: "ann")
        monkeypatch.setenv("PATH", str(folder / "bin"))
        self.loginctl()

    def group(self, name: str) -> None:
        self.write("proc/self/cgroup", f"0::/user.slice/{name}\n")

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def program(self, name: str, code: str) -> None:
        path = self.root / "bin" / name
        path.write_text(f"#!{sys.executable} -I\nimport json, os, sys\n{code}\n")
        path.chmod(0o755)

    def loginctl(self, *, linger: str = "no", **manager: str) -> None:
        """What it says of the person, and of itself: nothing, as an old one, where no properties are given."""
        said = {"": manager, "person": {"Linger": linger}}
        self.program(
            "loginctl",
            f"said = {said!r}['person' if sys.argv[2].isdigit() else '']\n"
            "names = [word.partition('=')[2] for word in sys.argv if word.startswith('--property=')]\n"
            "for name in names:\n    if name in said: print(f'{name}={said[name]}')",
        )

    def systemd_run(self, code: int = 0) -> None:
        """Writes down how it was called, and becomes the command, as the real one does; or fails with `code`."""
        self.program(
            "systemd-run",
            f"open({str(self.root / 'called')!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            f"if {code}: print('Failed to connect to bus', file=sys.stderr); sys.exit({code})\n"
            "command = sys.argv[sys.argv.index('--') + 1:]\n"
            "os.execvp(command[0], command)",
        )

    def calls(self) -> list[list[str]]:
        try:
            return [json.loads(line) for line in (self.root / "called").read_text().splitlines()]
        except FileNotFoundError:
            return []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path / "root", monkeypatch)


def verdict() -> tuple[str, str]:
    (check,) = session()
    return check.level, f"{check.message} {check.remedy}"


@pytest.mark.parametrize(
    ("files", "kills"),
    [
        ({"etc/systemd/logind.conf": "[Login]\n#KillUserProcesses=no\n"}, False),
        ({"usr/lib/systemd/logind.conf": "[Login]\n#KillUserProcesses=yes\n"}, True),
        ({"etc/systemd/logind.conf.d/a.conf": "[Login]\nKillUserProcesses=yes\n"}, True),
        ({"etc/systemd/logind.conf.d/a.conf": "[Login]\n#KillUserProcesses=yes\n"}, False),
        ({"etc/systemd/logind.conf": "KillUserProcesses=yes\nKillExcludeUsers=root ann\n"}, False),
        ({"etc/systemd/logind.conf": "KillUserProcesses=yes\nKillOnlyUsers=bob\n"}, False),
        ({"etc/systemd/logind.conf": "KillUserProcesses=yes\nKillOnlyUsers=bob ann\n"}, True),
        ({}, False),
    ],
)
def test_the_files_are_read_where_the_manager_does_not_say(
    machine: Machine, files: dict[str, str], kills: bool
) -> None:
    for name, text in files.items():
        machine.write(name, text)
    assert logout.login().kills is kills


def test_what_the_running_manager_says_counts_before_its_files(machine: Machine) -> None:
    machine.write("etc/systemd/logind.conf", "KillUserProcesses=yes\n")
    machine.loginctl(KillUserProcesses="no")
    assert not logout.login().kills
    machine.loginctl(KillUserProcesses="yes", KillExcludeUsers="root")
    assert logout.login().kills
    machine.loginctl(KillUserProcesses="yes", KillExcludeUsers="root ann")
    assert not logout.login().kills


def test_a_system_that_ends_processes_at_logout_is_named_with_the_remedy(machine: Machine) -> None:
    assert verdict()[0] == "ok"
    machine.loginctl(KillUserProcesses="yes")
    level, text = verdict()
    assert level == "warn" and "KillUserProcesses" in text and "loginctl enable-linger" in text
    machine.loginctl(KillUserProcesses="yes", linger="yes")
    level, text = verdict()
    assert level == "warn" and "Install systemd-run" in text
    machine.systemd_run()
    level, text = verdict()
    assert level == "ok" and "handed to" in text
    machine.group("user@1000.service/app.slice/run.scope")
    level, text = verdict()
    assert level == "ok" and "belong to" in text


def test_a_run_is_handed_to_the_service_manager_where_the_login_would_end_it(machine: Machine, tmp_path: Path) -> None:
    machine.systemd_run()
    machine.loginctl(KillUserProcesses="yes", linger="yes")
    run = freeze(make_job(tmp_path / "project"))
    with ended_at_last(run):
        launch(run)
        assert wait_over(run) == "done"
    (call,) = machine.calls()
    assert call[:3] == ["--user", "--scope", "--quiet"] and "supervisor.py" in " ".join(call)


@pytest.mark.parametrize("manager", [{"KillUserProcesses": "no"}, {"KillUserProcesses": "yes", "linger": "no"}])
def test_otherwise_it_is_started_as_ever(machine: Machine, tmp_path: Path, manager: dict[str, str]) -> None:
    machine.systemd_run()
    machine.loginctl(**manager)
    run = freeze(make_job(tmp_path / "project"))
    with ended_at_last(run):
        launch(run)
        assert wait_over(run) == "done"
    assert machine.calls() == []


def test_a_service_manager_that_does_not_answer_keeps_no_run_from_starting(machine: Machine, tmp_path: Path) -> None:
    machine.systemd_run(code=1)
    machine.loginctl(KillUserProcesses="yes", linger="yes")
    run = freeze(make_job(tmp_path / "project"))
    with ended_at_last(run):
        launch(run)
        assert wait_over(run) == "done"
    assert len(machine.calls()) == 1
    assert "Failed to connect to bus" in (run.folder / "supervisor.log").read_text()
