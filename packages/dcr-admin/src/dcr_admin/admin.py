"""Admin classes for task and group results, registered on Django's default site.

The attributes of the classes are an interface: projects subclass them, add to their tuples, or put a list
or None in their place. They are typed ``Any``, which alone allows all of that, and ``ClassVar`` where
django-stubs says so.

Pages show the columns as they are stored and decode nothing: a row that cannot be decoded has a page like
any other, and no pickle is ever loaded.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, ClassVar

from celery import current_app as celery_app
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext_lazy as _

from dcr_models import conf
from dcr_models.models import GroupResult, TaskResult

from .actions import terminate_tasks

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.forms import ModelForm
    from django.http import HttpRequest

    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

__all__ = ["ALLOW_EDITS", "GroupResultAdmin", "TaskResultAdmin", "celery_app"]

#: Whether staff may edit results. Follows the setting until somebody (a test, say) assigns a value here.
ALLOW_EDITS: bool


def __getattr__(name: str) -> bool:
    """Answer ``ALLOW_EDITS`` with what the setting says now; Python asks only while it is not assigned."""
    if name == "ALLOW_EDITS":
        return bool(conf.get("ALLOW_EDITS"))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def edits_allowed() -> bool:
    """Return whether staff may edit results: the value assigned to this module, else the setting's."""
    # Through the module object: the bare name is a global lookup, which never asks the module's __getattr__.
    allowed: bool = sys.modules[__name__].ALLOW_EDITS
    return allowed


class ResultAdmin(ModelAdmin):
    """What the pages of task and group results have in common: they are read-only unless edits are allowed."""

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str] | tuple[str, ...]:
        """Return ``readonly_fields``; before them, while edits are not allowed, every column of the model."""
        if edits_allowed():
            return self.readonly_fields
        # Not local_fields: a proxy has none, and a model with a concrete parent only those of its own.
        return list(dict.fromkeys([*(field.name for field in self.opts.fields), *self.readonly_fields]))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any] | tuple[Any, ...]:
        """Return what a page without fieldsets shows: all columns but the row's automatic key."""
        fields = super().get_fields(request, obj)
        if self.fields:
            return fields
        automatic = {field.name for field in self.opts.fields if field.auto_created}
        return [name for name in fields if name not in automatic]

    def save_model(self, request: HttpRequest, obj: Any, form: ModelForm[Any], change: bool) -> None:
        """Save the row, unless no field of its page can be edited.

        Such a page has nothing to save, and saving would move ``date_done`` to the time of the click. A new
        row would have an empty id: raises PermissionDenied.
        """
        if form.fields:
            super().save_model(request, obj, form, change)
        elif not change:
            raise PermissionDenied


@admin.register(TaskResult)
class TaskResultAdmin(ResultAdmin):
    """Admin of task results."""

    model = TaskResult
    date_hierarchy: ClassVar[Any] = "date_done"
    list_display: Any = ("task_id", "periodic_task_name", "task_name", "date_done", "status", "worker")
    list_filter: ClassVar[Any] = ("status", "date_done", "periodic_task_name", "task_name", "worker")
    readonly_fields: ClassVar[Any] = ("date_created", "date_started", "date_done", "result", "meta")
    search_fields: ClassVar[Any] = ("task_name", "task_id", "status", "task_args", "task_kwargs")
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    "task_id",
                    "task_name",
                    "periodic_task_name",
                    "status",
                    "worker",
                    "content_type",
                    "content_encoding",
                ),
                "classes": ("extrapretty", "wide"),
            },
        ),
        (
            _("Parameters"),
            {
                "fields": ("task_args", "task_kwargs"),
                "classes": ("extrapretty", "wide"),
            },
        ),
        (
            _("Result"),
            {
                "fields": ("result", "date_created", "date_started", "date_done", "traceback", "meta"),
                "classes": ("extrapretty", "wide"),
            },
        ),
    )
    actions: Any = ["terminate_task"]

    @admin.action(permissions=["change"], description=_("Terminate selected tasks"))
    def terminate_task(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Ask the workers to terminate the selected tasks, finished or not, and tell the user how that went."""
        # celery_app is looked up in this module at each call: it is where projects' tests replace it.
        terminate_tasks(self, request, queryset, app=celery_app)


@admin.register(GroupResult)
class GroupResultAdmin(ResultAdmin):
    """Admin of group results."""

    model = GroupResult
    date_hierarchy: ClassVar[Any] = "date_done"
    list_display: Any = ("group_id", "date_done")
    list_filter: ClassVar[Any] = ("date_done",)
    readonly_fields: ClassVar[Any] = ("date_created", "date_done", "result")
    search_fields: ClassVar[Any] = ("group_id",)
