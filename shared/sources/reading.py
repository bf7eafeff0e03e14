"""Readers in their own threads, so that reading overlaps with what the pipeline does with the batches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import SimpleQueue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Reader = Callable[[], Iterable[Item]]


class _Ended:
    """What a thread puts into the queue last: the error that ended it, or None."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def read_ahead(readers: Sequence[Reader[Item]], threads: int) -> Iterator[Item]:
    """The items of all readers, in no order between readers; each thread takes the next reader when it is done.

    There are never more items in memory than threads and one: each thread makes one while the consumer has one. When
    the consumer stops, or one reader fails, the others end at their next item.

    Raises:
        BaseException: whatever a reader raised first.
    """
    crew = _Crew(readers, min(threads, len(readers)))
    try:
        yield from crew.items()
    finally:
        crew.dismiss()


class _Crew(Generic[Item]):
    def __init__(self, readers: Sequence[Reader[Item]], threads: int) -> None:
        self._waiting = deque(readers)
        self._stopped = threading.Event()
        self._queue: SimpleQueue[Item | _Ended] = SimpleQueue()
        self._room = threading.Semaphore(threads + 1)
        self._threads = [threading.Thread(target=self._work, name=f"reader-{n}", daemon=True) for n in range(threads)]

    def items(self) -> Iterator[Item]:
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        while running:
            item = self._queue.get()
            if not isinstance(item, _Ended):
                yield item
                del item  # gone before there is room for another
                self._room.release()
            elif item.error:
                raise item.error
            else:
                running -= 1

    def dismiss(self) -> None:
        """End the threads and wait for them: they use a snapshot that is about to be closed."""
        self._stopped.set()
        self._room.release(len(self._threads))
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        try:
            while reader := self._next_reader():
                self._read(reader)
            self._queue.put(_Ended())
        except BaseException as error:
            self._queue.put(_Ended(error))

    def _next_reader(self) -> Reader[Item] | None:
        try:
            return None if self._stopped.is_set() else self._waiting.popleft()
        except IndexError:
            return None

    def _read(self, reader: Reader[Item]) -> None:
        items = iter(reader())
        while True:
            self._room.acquire()
            if self._stopped.is_set():
                return
            try:
                self._queue.put(next(items))
            except StopIteration:
                self._room.release()
                return
