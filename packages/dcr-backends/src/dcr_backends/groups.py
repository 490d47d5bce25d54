"""Groups whose members are asked for together instead of one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from celery import states
from celery.result import AsyncResult, GroupResult, ResultSet

if TYPE_CHECKING:
    from .database import DatabaseBackend


def leaves(results: Iterable[Any]) -> Iterator[Any]:
    """Yield the results of the tasks among ``results``; nested groups are flattened."""
    for result in results:
        if isinstance(result, ResultSet):
            yield from leaves(result.results or ())
        else:
            yield result


def is_read(group: ResultSet) -> bool:
    """Return whether every task of ``group`` has been read, and so has finished."""
    return all(leaf._cache is not None for leaf in leaves(group.results or ()))


class StoredGroupResult(GroupResult):
    """A group that was restored from the database.

    Celery's own asks the backend for each member, and again for each unfinished one at every call. This
    one reads all unfinished members at once, once per call, and keeps the finished ones. It is equal to
    Celery's, and pickles as Celery's.
    """

    stored_in: DatabaseBackend

    @classmethod
    def over(cls, group: GroupResult, backend: DatabaseBackend) -> StoredGroupResult:
        """Return ``group`` as one that reads its members from ``backend``."""
        stored = cls(group.id, group.results, parent=group.parent, app=group.app)
        stored.stored_in = backend
        return stored

    def ready(self) -> bool:
        """Return whether all members have finished, one way or another."""
        self._refresh()
        return is_read(self)

    def waiting(self) -> bool:
        """Return whether a member has not finished."""
        return not self.ready()

    def successful(self) -> bool:
        """Return whether all members have succeeded."""
        self._refresh()
        return all(map(_succeeded, self.results or ()))

    def completed_count(self) -> int:
        """Return how many members have succeeded; a nested group counts as one."""
        self._refresh()
        return sum(map(_succeeded, self.results or ()))

    def failed(self) -> bool:
        """Return whether a member has failed."""
        self._refresh()
        return any(
            leaf._cache is not None and leaf._cache["status"] == states.FAILURE for leaf in leaves(self.results or ())
        )

    def maybe_throw(self, callback: Any = None, propagate: bool = True) -> None:
        """Raise what the first failed member raised."""
        self._refresh()
        for leaf in leaves(self.results or ()):
            if leaf._cache is not None:
                leaf.maybe_throw(callback=callback, propagate=propagate)

    maybe_reraise = maybe_throw

    def __reduce__(self) -> Any:
        return GroupResult, self.__reduce_args__()

    def _refresh(self) -> None:
        self.stored_in.fetch(leaf for leaf in leaves(self.results or ()) if leaf._cache is None)


def _succeeded(result: AsyncResult[Any] | ResultSet) -> bool:
    """Return whether a member that was just read has succeeded; asks nobody."""
    return all(leaf._cache is not None and leaf._cache["status"] == states.SUCCESS for leaf in leaves([result]))
