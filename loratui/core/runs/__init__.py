"""Runs: a training as a folder, started, looked after, read and stopped through its files alone."""

from loratui.core.runs.follow import follow
from loratui.core.runs.freeze import freeze
from loratui.core.runs.overview import RunInfo, list_runs
from loratui.core.runs.queue import find, launch
from loratui.core.runs.state import Run, RunState

__all__ = ["Run", "RunInfo", "RunState", "find", "follow", "freeze", "launch", "list_runs"]
