"""Contract: groups are saved, restored and deleted, and answer for their members."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, exceptions, states
from celery.result import AsyncResult, GroupResult

from .backend import BackendContract


class GroupContract(BackendContract):
    """Groups of results."""

    def members(self, app: Celery, count: int) -> list[AsyncResult]:
        return [AsyncResult(uuid4().hex, app=app) for _ in range(count)]

    def group(self, app: Celery, count: int) -> GroupResult:
        return GroupResult(uuid4().hex, self.members(app, count), app=app)

    def restored(self, app: Celery, group_id: str) -> Any:
        """Return the group as a process restores it that did not save it."""
        return GroupResult.restore(group_id, backend=self.another(app), app=app)

    # Saving

    def test_save_and_restore(self, app: Celery) -> None:
        group = self.group(app, 3)
        group.save()
        again = self.restored(app, group.id)
        assert isinstance(again, GroupResult)
        assert again == group
        assert [member.id for member in again.results] == [member.id for member in group.results]

    @pytest.mark.parametrize("count", [0, 1, 250])
    def test_any_size(self, app: Celery, count: int) -> None:
        group = self.group(app, count)
        group.save()
        again = self.restored(app, group.id)
        assert [member.id for member in again or ()] == [member.id for member in group]

    def test_restored_group_is_bound_to_the_app(self, app: Celery) -> None:
        group = self.group(app, 1)
        group.save()
        again = self.restored(app, group.id)
        assert again.app is app
        assert again.results[0].app is app

    def test_restore_of_an_unknown_group_is_none(self, app: Celery) -> None:
        assert self.restored(app, uuid4().hex) is None
        assert app.backend.restore_group(uuid4().hex) is None

    def test_group_that_is_saved_later_is_found(self, app: Celery) -> None:
        app.conf.result_cache_max = 10
        group = self.group(app, 2)
        assert app.backend.restore_group(group.id) is None
        group.save(backend=self.another(app))
        assert app.backend.restore_group(group.id) == group

    def test_saved_again_the_last_one_counts(self, app: Celery) -> None:
        group = self.group(app, 1)
        group.save()
        group.add(AsyncResult(uuid4().hex, app=app))
        group.save()
        assert len(self.restored(app, group.id)) == 2

    def test_nested_groups(self, app: Celery) -> None:
        inner = GroupResult(uuid4().hex, [*self.members(app, 1), self.group(app, 2)], app=app)
        outer = GroupResult(uuid4().hex, [*self.members(app, 1), inner, *self.members(app, 1)], app=app)
        outer.save()
        again = self.restored(app, outer.id)
        assert again == outer
        assert again.as_tuple() == outer.as_tuple()
        assert isinstance(again.results[1], GroupResult)
        assert isinstance(again.results[1].results[1], GroupResult)

    def test_parents_of_group_and_members(self, app: Celery) -> None:
        parent = AsyncResult(uuid4().hex, app=app)
        group = GroupResult(uuid4().hex, [AsyncResult(uuid4().hex, app=app, parent=parent)], app=app, parent=parent)
        group.save()
        again = self.restored(app, group.id)
        assert again.parent == parent
        assert again.results[0].parent == parent

    def test_delete(self, app: Celery) -> None:
        group = self.group(app, 2)
        group.save()
        self.restored(app, group.id).delete()
        assert self.restored(app, group.id) is None

    def test_delete_of_an_unknown_group_does_nothing(self, app: Celery) -> None:
        app.backend.delete_group(uuid4().hex)

    def test_delete_leaves_the_members(self, app: Celery) -> None:
        group = self.group(app, 1)
        group.save()
        app.backend.mark_as_done(group[0].id, "value")
        group.delete()
        assert self.stored(app, group[0].id)["result"] == "value"

    def test_ids_of_groups_and_tasks_do_not_meet(self, app: Celery) -> None:
        group = self.group(app, 1)
        group.save()
        assert self.stored(app, group.id)["status"] == states.PENDING
        app.backend.mark_as_done(group.id, "a task with the id of a group")
        assert self.restored(app, group.id) == group

    # Asking

    def test_answers_while_members_finish(self, app: Celery) -> None:
        group = self.group(app, 3)
        group.save()
        seen = []
        for member in group:
            again = self.restored(app, group.id)
            seen.append((again.completed_count(), again.ready(), again.waiting(), again.successful(), again.failed()))
            app.backend.mark_as_done(member.id, member.id)
        again = self.restored(app, group.id)
        seen.append((again.completed_count(), again.ready(), again.waiting(), again.successful(), again.failed()))
        assert seen == [
            (0, False, True, False, False),
            (1, False, True, False, False),
            (2, False, True, False, False),
            (3, True, False, True, False),
        ]

    def test_answers_with_a_failed_member(self, app: Celery) -> None:
        group = self.group(app, 2)
        app.backend.mark_as_done(group[0].id, "value")
        app.backend.mark_as_failure(group[1].id, ValueError("no"))
        assert group.ready()
        assert group.failed()
        assert not group.successful()
        assert group.completed_count() == 1

    def test_join_keeps_the_order(self, app: Celery) -> None:
        group = self.group(app, 4)
        for number, member in reversed(list(enumerate(group))):
            app.backend.mark_as_done(member.id, number)
        group.save()
        assert self.restored(app, group.id).join(timeout=1, interval=0.01) == [0, 1, 2, 3]
        assert self.restored(app, group.id).get(timeout=1, interval=0.01) == [0, 1, 2, 3]

    def test_join_of_nested_groups(self, app: Celery) -> None:
        outer = GroupResult(uuid4().hex, [self.group(app, 2), *self.members(app, 1)], app=app)
        for member in [*outer[0], outer[1]]:
            app.backend.mark_as_done(member.id, member.id[:4])
        outer.save()
        again = self.restored(app, outer.id)
        assert again.join(timeout=1, interval=0.01) == [[m.id[:4] for m in outer[0]], outer[1].id[:4]]

    def test_join_raises_what_a_member_raised(self, app: Celery) -> None:
        group = self.group(app, 2)
        app.backend.mark_as_done(group[0].id, "value")
        app.backend.mark_as_failure(group[1].id, ValueError("of the second"))
        with pytest.raises(ValueError, match="of the second"):
            group.get(timeout=1, interval=0.01)

    def test_join_returns_exceptions_on_request(self, app: Celery) -> None:
        group = self.group(app, 2)
        app.backend.mark_as_failure(group[0].id, ValueError("of the first"))
        app.backend.mark_as_done(group[1].id, None)
        first, second = group.get(timeout=1, interval=0.01, propagate=False)
        assert repr(first) == "ValueError('of the first')"
        assert second is None

    def test_join_times_out(self, app: Celery) -> None:
        group = self.group(app, 2)
        app.backend.mark_as_done(group[0].id, "value")
        with pytest.raises(exceptions.TimeoutError):
            group.join(timeout=0.03, interval=0.01)

    def test_join_native_where_there_is_one(self, app: Celery) -> None:
        group = self.group(app, 3)
        for member in group:
            app.backend.mark_as_done(member.id, member.id)
        assert group.supports_native_join is app.backend.supports_native_join
        join = group.join_native if group.supports_native_join else group.join
        assert join(timeout=1, interval=0.01) == [member.id for member in group]

    def test_forget_forgets_the_members(self, app: Celery) -> None:
        group = self.group(app, 2)
        for member in group:
            app.backend.mark_as_done(member.id, "value")
        group.forget()
        assert [self.stored(app, member.id)["status"] for member in group] == [states.PENDING] * 2
