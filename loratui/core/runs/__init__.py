"""Runs: a training as a folder, started, looked after, read and stopped through its files alone."""

from loratui.core.runs.freeze import freeze
from loratui.core.runs.queue import find, launch
from loratui.core.runs.state import Run, RunState

__all__ = ["Run", "RunState", "find", "freeze", "launch"]
