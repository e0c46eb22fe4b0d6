"""Figures of GPUs: with a driver that answers as told, and without one."""

import sys
from types import SimpleNamespace

import pytest

from loratui.core.gpu import Driver, Gpus, count, gpus


class NVMLError(Exception):
    pass


def driver(**changed: object) -> SimpleNamespace:
    def unknown(*arguments: object) -> object:
        raise NVMLError

    functions: dict[str, object] = {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetCudaDriverVersion": lambda: 12040,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index if index == 0 else unknown(),
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=8 << 30, free=16 << 30, total=24 << 30),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=98),
        "nvmlDeviceGetPowerUsage": lambda handle: 312_000,
        "nvmlDeviceGetCurrentClocksThrottleReasons": lambda handle: 0x40,
        "nvmlDeviceGetName": lambda handle: b"Test GPU",
        "nvmlDeviceGetComputeRunningProcesses": lambda handle: [object(), object()],
        "nvmlDeviceGetTemperature": lambda handle, sensor: 71,
    }
    given = {name: unknown if value is None else value for name, value in (functions | changed).items()}
    return SimpleNamespace(NVMLError=NVMLError, **given)


def test_all_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver())
    gpu = Driver().read(0)
    assert gpu is not None and count() == 1 and gpu.processes == 2
    assert (gpu.name, gpu.used, gpu.total, gpu.load) == ("Test GPU", 8 << 30, 24 << 30, 98)
    assert (gpu.celsius, gpu.watts, gpu.throttled) == (71, 312.0, True)
    assert Driver().read(1) is None


def test_a_driver_that_keeps_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = dict.fromkeys(["nvmlDeviceGetPowerUsage", "nvmlDeviceGetMemoryInfo", "nvmlDeviceGetUtilizationRates"])
    monkeypatch.setitem(sys.modules, "pynvml", driver(**silent, nvmlDeviceGetCurrentClocksThrottleReasons=None))
    gpu = Driver().read(0)
    assert gpu is not None
    assert (gpu.used, gpu.load, gpu.watts, gpu.throttled) == (None, None, None, False)
    found = gpus()
    assert found.found == (gpu,) and found.driver == (12, 4) and found.reason == ""
    assert gpu.memory() == "memory unknown"


def test_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", driver(nvmlInit=None))
    assert count() == 0 and Driver().read(0) is None


def test_why_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class NVMLError_LibraryNotFound(NVMLError):  # the library's own name
        pass

    def missing() -> None:
        raise NVMLError_LibraryNotFound

    broken = driver()
    broken.nvmlInit = missing
    monkeypatch.setitem(sys.modules, "pynvml", broken)
    assert gpus() == Gpus((), None, "no NVIDIA driver is loaded")
    monkeypatch.setitem(sys.modules, "pynvml", driver(nvmlDeviceGetCount=lambda: 0))
    assert gpus() == Gpus((), (12, 4), "the driver knows no GPU")
