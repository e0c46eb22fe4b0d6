"""The machine's GPUs, asked of NVIDIA's management library; a machine without one is a normal case."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU.

    Attributes:
        index: as CUDA_VISIBLE_DEVICES and `--gpu` count them when ordered by bus.
        name: the product's.
        total: bytes of memory.
        free: bytes of it not in use.
        processes: processes that compute on it.
    """

    index: int
    name: str
    total: int
    free: int
    processes: int


@dataclass(frozen=True, slots=True)
class Gpus:
    """What the driver says.

    Attributes:
        found: the GPUs.
        driver: the newest CUDA version the driver knows, such as (12, 4); None without a driver.
        reason: why there are none, "" where there are.
    """

    found: tuple[Gpu, ...]
    driver: tuple[int, int] | None
    reason: str = ""


def gpus() -> Gpus:
    """Asks for the GPUs; takes some milliseconds, never raises."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        reason = "no NVIDIA driver is loaded" if "Library" in type(error).__name__ else str(error)
        return Gpus((), None, reason)
    try:
        version = int(pynvml.nvmlSystemGetCudaDriverVersion())
        found = tuple(_gpu(index) for index in range(int(pynvml.nvmlDeviceGetCount())))
    except pynvml.NVMLError as error:
        return Gpus((), None, str(error))
    finally:
        pynvml.nvmlShutdown()
    return Gpus(found, (version // 1000, version % 1000 // 10), "" if found else "the driver knows no GPU")


def _gpu(index: int) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    name = pynvml.nvmlDeviceGetName(handle)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        processes = len(pynvml.nvmlDeviceGetComputeRunningProcesses(handle))
    except pynvml.NVMLError:  # not allowed in some containers
        processes = 0
    text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
    return Gpu(index, text, int(memory.total), int(memory.free), processes)
