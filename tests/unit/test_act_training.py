"""The act of training: what blocks, what was agreed, and that nothing is made where it does not start."""

from pathlib import Path

import pytest

from loratui.core import runs
from loratui.core.acts import training
from loratui.core.checks import Check
from loratui.core.errors import Conflict, Refused
from tests import training_kit as kit


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(runs, "launch", lambda run: found.append(run.id))
    return found


def test_what_was_checked_is_what_is_started(tmp_path: Path, launched: list[str]) -> None:
    workspace = kit.ready(tmp_path)
    steps = training.start(workspace, dry_run=True).job.steps
    assert not launched and not (workspace.root / "runs").exists()

    started = training.start(workspace, agreed=steps)

    assert started.run is not None and launched == [started.run.id]
    assert started.run.command.steps == started.job.steps == steps


def test_another_length_than_was_agreed_to_starts_nothing(tmp_path: Path, launched: list[str]) -> None:
    workspace = kit.ready(tmp_path)
    with pytest.raises(Conflict, match=r"by now, not 7\."):
        training.start(workspace, agreed=7)
    assert not launched and not (workspace.root / "runs").exists()


def test_what_blocks_is_told_in_full_and_nothing_is_made(tmp_path: Path, launched: list[str]) -> None:
    workspace = kit.ready(tmp_path)
    (tmp_path / "models" / "base.safetensors").unlink()
    told: list[Check] = []
    with pytest.raises(Refused, match="Not started"):
        training.start(workspace, tell=told.extend)
    assert "block" in [check.level for check in told]
    assert not launched and not (workspace.root / "runs").exists()
