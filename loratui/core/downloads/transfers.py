"""Many files at once: some per host, with a pause for all where a host asks for one."""

import asyncio
import random
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue

from loratui.core.boards.network import pace
from loratui.core.boards.network.connections import LONGEST_WAIT, Network, host_of
from loratui.core.downloads.transfer import Fetched, Job, TransferError, fetch, keep

PER_HOST = 4
TRIES = 4
_KEEPING = 16
"""Files that may wait for the disk; beyond that the network waits too."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a file.

    Attributes:
        key: the job's.
        fetched: it is whole, and lies at `whole(job)`.
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
        self._queues: dict[str, asyncio.Queue[Job]] = {}
        self._workers: list[Future[None]] = []
        self._keeping: set[asyncio.Task[None]] = set()
        self._events: SimpleQueue[Event] = SimpleQueue()
        self.pending = 0
        """Jobs given and not yet ended."""

    def submit(self, jobs: Iterable[Job], per_host: int = PER_HOST, interval: float = 0.0) -> None:
        """Adds jobs; they start as soon as their host has room.

        Args:
            jobs: what to fetch.
            per_host: how many files at once from one host; the first jobs of a host say it.
            interval: seconds between the beginnings of two files of one host; likewise.
        """
        for job in jobs:
            self.pending += 1
            host = host_of(job.url)
            if host not in self._queues:
                self._queues[host] = asyncio.Queue()
                self._workers += [self._network.start(self._work(host, interval)) for _ in range(per_host)]
            self._network.start(self._queues[host].put(job))

    def events(self, wait: float = 0.1) -> list[Event]:
        """What happened since the last call; waits at most `wait` seconds for the first."""
        found: list[Event] = []
        try:
            found.append(self._events.get(timeout=wait) if wait else self._events.get_nowait())
            while True:
                found.append(self._events.get_nowait())
        except Empty:
            pass
        self.pending -= sum(1 for event in found if event.fetched or event.error or event.broken)
        return found

    def stop(self) -> None:
        """Ends all at once; parts stay where they are."""
        for worker in self._workers:
            worker.cancel()
        self._network.run(self._settled())

    async def _settled(self) -> None:
        await asyncio.sleep(0)  # lets the cancelled ones close their files
        await asyncio.gather(*self._keeping, return_exceptions=True)

    async def _work(self, host: str, interval: float) -> None:
        queue = self._queues[host]
        while True:
            job = await queue.get()
            try:
                fetched = await self._fetch(job, host, interval)
                # The next file is asked for while the disk still writes this one.
                while len(self._keeping) >= _KEEPING:
                    await asyncio.wait(self._keeping, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(self._keep(job, fetched))
                self._keeping.add(task)
                task.add_done_callback(self._keeping.discard)
            except TransferError as error:
                self._events.put(Event(job.key, error=error.reason, trouble=error.again))
            except OSError as error:
                self._events.put(Event(job.key, broken=error))
            except Exception as error:
                # Whatever an odd server provokes: the file fails, its worker must not, or the get would wait for ever.
                self._events.put(Event(job.key, error=f"unexpected trouble ({type(error).__name__})"))

    async def _keep(self, job: Job, fetched: Fetched) -> None:
        try:
            await asyncio.to_thread(keep, job.part, job.part.with_suffix(".whole"))
        except OSError as error:
            self._events.put(Event(job.key, broken=error))
        else:
            self._events.put(Event(job.key, fetched=fetched))

    async def _fetch(self, job: Job, host: str, interval: float) -> Fetched:
        """Tries the job's addresses in turn."""
        for url in (job.url, *job.others):
            try:
                return await self._tried(replace(job, url=url), host, interval)
            except TransferError as error:
                last = error
                if not error.gone:
                    break
        raise last

    async def _tried(self, job: Job, host: str, interval: float) -> Fetched:
        """Repeats what a repeat may mend."""
        mark = job.validator

        def marked(validator: str, size: int | None) -> None:
            nonlocal mark
            mark = validator
            self._events.put(Event(job.key, validator=validator, size=size))

        attempt = 0
        while True:
            attempt += 1
            while wait := pace.reserve(host, interval):
                await asyncio.sleep(wait)
                if interval:
                    break
            try:
                return await fetch(
                    self._network.http,
                    replace(job, validator=mark),
                    lambda count: self._events.put(Event(job.key, bytes=count)),
                    marked,
                )
            except TransferError as error:
                if not error.again or attempt == self._tries or (error.wait or 0) > LONGEST_WAIT:
                    raise
                seconds = self._network.backoff * 2 ** (attempt - 1) * random.uniform(0.8, 1.2)
                if error.wait is not None or error.busy:
                    pace.hold(host, seconds if error.wait is None else error.wait)
                else:
                    await asyncio.sleep(seconds)
