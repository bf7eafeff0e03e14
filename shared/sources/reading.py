"""Readers in threads of their own, so that reading overlaps with what the pipeline does with the batches."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from queue import Empty, Queue
from typing import Generic, TypeVar

Item = TypeVar("Item")
Reader = Callable[[], Iterable[Item]]


class _Ended:
    """What a thread puts into the queue last: the error that ended it, or None."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def read_ahead(readers: Sequence[Reader[Item]], threads: int) -> Iterator[Item]:
    """The items of all readers, in no order between readers; each thread takes the next reader when it is done.

    No more items than threads wait in between, so memory is bounded by the items' size. When the consumer stops, or
    one reader fails, the others end at their next item.

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
        self._queue: Queue[Item | _Ended] = Queue(maxsize=threads)
        self._threads = [threading.Thread(target=self._work, name=f"reader-{n}", daemon=True) for n in range(threads)]

    def items(self) -> Iterator[Item]:
        for thread in self._threads:
            thread.start()
        running = len(self._threads)
        while running:
            item = self._queue.get()
            if not isinstance(item, _Ended):
                yield item
            elif item.error:
                raise item.error
            else:
                running -= 1

    def dismiss(self) -> None:
        """End the threads: a full queue is emptied, so that each can put its last item and see that it is over."""
        self._stopped.set()
        for thread in self._threads:
            while thread.is_alive():
                self._empty_queue()
                thread.join(timeout=0.1)

    def _empty_queue(self) -> None:
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            return

    def _work(self) -> None:
        try:
            while not self._stopped.is_set():
                try:
                    reader = self._waiting.popleft()
                except IndexError:
                    break
                for item in reader():
                    self._queue.put(item)
                    if self._stopped.is_set():
                        break
            self._queue.put(_Ended())
        except BaseException as error:
            self._queue.put(_Ended(error))
