"""What staff can do with the rows that they selected."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from celery import Celery
    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

# Both texts are an interface of the 2.x line, the odd plural included: subclasses and tests compare them.
TERMINATED = _("%d task(s) was terminated successfully.")
NOT_TERMINATED = _("Error while terminating tasks: %s")


def terminate_tasks(
    model_admin: ModelAdmin[Any], request: HttpRequest, queryset: QuerySet[Any], *, app: Celery
) -> None:
    """Ask the workers to kill what runs the tasks of ``queryset``, and tell the user how asking went.

    One broadcast carries the ids of all rows. Success means that the broker took it: workers do not
    answer, and one that receives such a task later drops it.
    """
    task_ids = list(queryset.values_list("task_id", flat=True))
    try:
        app.control.terminate(task_ids)  # type: ignore[arg-type]  # celery-types knows of one id only
    except Exception as exc:  # each transport has errors of its own, and staff should read any of them
        logger.exception("The broadcast that terminates %d task(s) failed", len(task_ids))
        model_admin.message_user(request, NOT_TERMINATED % exc, messages.ERROR)
    else:
        model_admin.message_user(request, TERMINATED % len(task_ids), messages.SUCCESS)
