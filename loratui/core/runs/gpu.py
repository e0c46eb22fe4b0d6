"""Figures of NVIDIA GPUs, where there are any: memory, load, temperature, power."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at one moment; None for what its driver does not tell.

    Attributes:
        index: as nvidia-smi counts.
        name: its product name.
        used, total: bytes of memory.
        load: percent of the last second in which it worked.
        celsius: its temperature.
        watts: what it draws.
        throttled: whether heat or power holds it back now.
    """

    index: int
    name: str
    used: int | None
    total: int | None
    load: int | None
    celsius: int | None
    watts: float | None
    throttled: bool


class Gpus:
    """Asks the driver; without one there are no GPUs. The library stays open between two readings."""

    def __init__(self) -> None:
        self._nvml: Any = None
        try:
            import pynvml

            pynvml.nvmlInit()
            self._nvml = pynvml
        except Exception:  # no library, no driver, a driver that does not match: each has its own error
            return

    def __len__(self) -> int:
        return int(self._ask("nvmlDeviceGetCount") or 0)

    def read(self, index: int) -> Gpu | None:
        """The figures of one GPU; None where there is no such GPU."""
        handle = self._ask("nvmlDeviceGetHandleByIndex", index)
        if handle is None:
            return None
        memory = self._ask("nvmlDeviceGetMemoryInfo", handle)
        load = self._ask("nvmlDeviceGetUtilizationRates", handle)
        power = self._ask("nvmlDeviceGetPowerUsage", handle)
        reasons = self._ask("nvmlDeviceGetCurrentClocksThrottleReasons", handle) or 0
        name = self._ask("nvmlDeviceGetName", handle) or ""
        return Gpu(
            index=index,
            name=name.decode() if isinstance(name, bytes) else str(name),
            used=None if memory is None else int(memory.used),
            total=None if memory is None else int(memory.total),
            load=None if load is None else int(load.gpu),
            celsius=self._ask("nvmlDeviceGetTemperature", handle, 0),
            watts=None if power is None else power / 1000,
            throttled=bool(reasons & 0xE8),  # slowdown by hardware, heat (two kinds) or the power brake
        )

    def _ask(self, function: str, *arguments: object) -> Any:
        if self._nvml is None:
            return None
        with suppress(self._nvml.NVMLError, AttributeError):
            return getattr(self._nvml, function)(*arguments)
        return None


def count() -> int:
    """How many GPUs the driver sees."""
    return len(Gpus())
