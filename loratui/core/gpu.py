"""The machine's NVIDIA GPUs, asked of the driver's library.

One rule for errors: a machine without a driver is a normal case and has no GPUs, with the reason in words; and what a
driver does not tell of a GPU (in some containers, on some products) is None. Nothing here raises.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

# Slowdown by hardware, by heat (two kinds) or by the power brake: NVML's nvmlClocksEventReasons.
_HELD_BACK = 0xE8


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU at one moment; None for what its driver does not tell.

    Attributes:
        index: as nvidia-smi and `--gpu` count, by bus.
        name: the product's.
        total: bytes of memory.
        free: bytes of it not in use.
        processes: processes that compute on it.
        load: percent of the last second in which it worked.
        celsius: its temperature.
        watts: what it draws.
        throttled: whether heat or power holds it back now.
    """

    index: int
    name: str
    total: int | None
    free: int | None
    processes: int = 0
    load: int | None = None
    celsius: int | None = None
    watts: float | None = None
    throttled: bool = False

    @property
    def used(self) -> int | None:
        """Bytes of memory in use."""
        return None if self.total is None or self.free is None else self.total - self.free

    def memory(self) -> str:
        """Its memory in words: `23.0 of 24.0 GB free`."""
        if self.total is None or self.free is None:
            return "memory unknown"
        return f"{self.free / 1e9:.1f} of {self.total / 1e9:.1f} GB free"


@dataclass(frozen=True, slots=True)
class Gpus:
    """What the driver says at one moment.

    Attributes:
        found: the GPUs.
        driver: the newest CUDA version the driver knows, such as (12, 4); None without a driver.
        reason: why there are none, "" where there are.
    """

    found: tuple[Gpu, ...]
    driver: tuple[int, int] | None
    reason: str = ""


class Driver:
    """The driver's library, open for several readings. Making it takes some milliseconds.

    Attributes:
        reason: why it cannot be asked, "" where it can.
    """

    def __init__(self) -> None:
        import pynvml

        self._nvml: Any = None
        self.reason = ""
        try:
            pynvml.nvmlInit()
            self._nvml = pynvml
        except pynvml.NVMLError as error:
            self.reason = "no NVIDIA driver is loaded" if "Library" in type(error).__name__ else str(error)

    def close(self) -> None:
        """Lets the library go."""
        self._ask("nvmlShutdown")
        self._nvml = None

    def __len__(self) -> int:
        return int(self._ask("nvmlDeviceGetCount") or 0)

    def cuda(self) -> tuple[int, int] | None:
        """The newest CUDA version the driver knows; None without a driver."""
        version = self._ask("nvmlSystemGetCudaDriverVersion")
        return None if version is None else (int(version) // 1000, int(version) % 1000 // 10)

    def read(self, index: int) -> Gpu | None:
        """One GPU as it is now; None where there is no such GPU."""
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
            name=name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name),
            total=None if memory is None else int(memory.total),
            free=None if memory is None else int(memory.free),
            processes=len(self._ask("nvmlDeviceGetComputeRunningProcesses", handle) or ()),
            load=None if load is None else int(load.gpu),
            celsius=self._ask("nvmlDeviceGetTemperature", handle, 0),
            watts=None if power is None else power / 1000,
            throttled=bool(reasons & _HELD_BACK),
        )

    def _ask(self, function: str, *arguments: object) -> Any:
        """What one function answers; None where the driver cannot, or does not know it (an older one)."""
        if self._nvml is None:
            return None
        with suppress(self._nvml.NVMLError, AttributeError):
            return getattr(self._nvml, function)(*arguments)
        return None


def gpus() -> Gpus:
    """All GPUs as they are now."""
    driver = Driver()
    try:
        found = tuple(gpu for gpu in map(driver.read, range(len(driver))) if gpu is not None)
        reason = "" if found else driver.reason or "the driver knows no GPU"
        return Gpus(found, driver.cuda(), reason)
    finally:
        driver.close()


def count() -> int:
    """How many GPUs the driver sees."""
    return len(gpus().found)
