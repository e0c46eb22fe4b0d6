"""Many files at once: some per host, with a pause for all where a host asks for one."""

import asyncio
import random
import threading
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from loratui.core.boards.network import pace
from loratui.core.boards.network.connections import LONGEST_WAIT, Network, host_of
from loratui.core.downloads.transfer import Fetched, Job, TransferError, fetch, keep

PER_HOST = 4
TRIES = 4
_KEEPING = 16
"""Files that may wait for their check and for the disk; beyond that the network waits too."""
_KEEPERS = 2
"""Of them so many at a time: more would take the processor from the network."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a file.

    Attributes:
        key: the job's.
        fetched: it is whole, checked and on the disk, and named `.whole`.
        error: it failed for good, in a few words.
        trouble: with an error: it is the host's, and may befall every file of it.
        bytes: how many lie there now, if that changed.
        size: of the whole file, if the server told it.
        validator: the server's mark, if it told one.
        broken: the disk refused: nothing can go on.
    """

    key: int
    fetched: Fetched | None = None
    error: str = ""
    trouble: bool = False
    bytes: int | None = None
    size: int | None = None
    validator: str | None = None
    broken: OSError | None = None


class Transfers:
    """Takes jobs from one thread and gives events back to it; the work is done on the network's loop.

    Args:
        network: whose connections are used.
        tries: how often a file is tried.
    """

    def __init__(self, network: Network, tries: int = TRIES) -> None:
        self._network = network
        self._tries = tries
        self._queues: dict[str, asyncio.Queue[tuple[Job, int]]] = {}
        self._slots: list[asyncio.Task[None]] = []
        self._keeping: set[asyncio.Task[None]] = set()
        self._keepers = ThreadPoolExecutor(_KEEPERS, "keeping")
        # What only tells how far a file is waits here until somebody looks: it wakes nobody.
        self._events: deque[Event] = deque()
        self._ended = threading.Event()
        self.pending = 0
        """Jobs given and not yet ended."""

    def submit(self, jobs: Iterable[Job], per_host: int = PER_HOST, interval: float = 0.0) -> None:
        """Adds jobs; they start as soon as their host has room.

        Args:
            jobs: what to fetch.
            per_host: how many files at once from one host; the first jobs of a host say it.
            interval: seconds between the beginnings of two files of one host; likewise.
        """
        hosts: dict[str, list[Job]] = {}
        for job in jobs:
            hosts.setdefault(host_of(job.url), []).append(job)
            self.pending += 1
        self._network.start(self._add(hosts, per_host, interval))

    async def _add(self, hosts: Mapping[str, Sequence[Job]], per_host: int, interval: float) -> None:
        for host, jobs in hosts.items():
            if host not in self._queues:
                self._queues[host] = asyncio.Queue()
                self._slots += [asyncio.create_task(self._work(host, interval)) for _ in range(per_host)]
            for job in jobs:
                self._queues[host].put_nowait((job, 1))

    def events(self, wait: float = 0.1) -> list[Event]:
        """What happened since the last call; waits at most `wait` seconds for a file that ends."""
        if wait:
            self._ended.wait(wait)
        self._ended.clear()  # before looking: what ends from now on wakes the next call
        found = [self._events.popleft() for _ in range(len(self._events))]
        self.pending -= sum(1 for event in found if event.fetched or event.error or event.broken)
        return found

    def stop(self) -> None:
        """Ends all at once; parts stay where they are."""
        self._network.run(self._stop())
        self._keepers.shutdown()

    async def _stop(self) -> None:
        for slot in self._slots:
            slot.cancel()
        await asyncio.gather(*self._slots, return_exceptions=True)  # they close their files
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _work(self, host: str, interval: float) -> None:
        """One place for a file of the host at a time."""
        queue = self._queues[host]
        while True:
            job, attempt = await queue.get()
            try:
                attempt = await self._fetch(job, attempt, host, interval)
            except Exception as error:
                self._failed(job, error)
                continue
            # The next file is asked for while this one is still checked and written.
            while len(self._keeping) >= _KEEPING:
                await asyncio.wait(self._keeping, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self._keep(job, attempt, queue))
            self._keeping.add(task)
            task.add_done_callback(self._keeping.discard)

    async def _keep(self, job: Job, attempt: int, queue: asyncio.Queue[tuple[Job, int]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._end(Event(job.key, fetched=await loop.run_in_executor(self._keepers, keep, job)))
        except Exception as error:
            if isinstance(error, TransferError) and error.again and attempt < self._tries:
                loop.call_later(self._pause(attempt), queue.put_nowait, (job, attempt + 1))
            else:
                self._failed(job, error)

    def _failed(self, job: Job, error: Exception) -> None:
        match error:
            case TransferError():
                self._end(Event(job.key, error=error.reason, trouble=error.again))
            case OSError():
                self._end(Event(job.key, broken=error))
            case _:
                # Whatever an odd server provokes: the file fails, its place must not, or the get would wait for ever.
                self._end(Event(job.key, error=f"unexpected trouble ({type(error).__name__})"))

    def _end(self, event: Event) -> None:
        self._events.append(event)
        self._ended.set()

    def _pause(self, attempt: int) -> float:
        """Seconds before the next try."""
        return self._network.backoff * 2.0 ** (attempt - 1) * random.uniform(0.8, 1.2)

    async def _fetch(self, job: Job, attempt: int, host: str, interval: float) -> int:
        """Tries the job's addresses in turn. Returns how many attempts it took."""
        for url in (job.url, *job.others):
            try:
                return await self._tried(replace(job, url=url), attempt, host, interval)
            except TransferError as error:
                last = error
                if not error.gone:
                    break
        raise last

    async def _tried(self, job: Job, attempt: int, host: str, interval: float) -> int:
        """Repeats what a repeat may mend."""
        mark = job.validator

        def marked(validator: str, size: int | None) -> None:
            nonlocal mark
            mark = validator
            self._events.append(Event(job.key, validator=validator, size=size))

        def received(count: int) -> None:
            self._events.append(Event(job.key, bytes=count))

        while True:
            while wait := pace.reserve(host, interval):
                await asyncio.sleep(wait)
                if interval:
                    break
            try:
                await fetch(self._network.http, replace(job, validator=mark), received, marked)
                return attempt
            except TransferError as error:
                if not error.again or attempt >= self._tries or (error.wait or 0) > LONGEST_WAIT:
                    raise
                seconds = self._pause(attempt)
                if error.wait is not None or error.busy:
                    pace.hold(host, seconds if error.wait is None else error.wait)
                else:
                    await asyncio.sleep(seconds)
            attempt += 1
