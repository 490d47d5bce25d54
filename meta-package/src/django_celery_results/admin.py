"""The admin, from dcr_admin."""

import sys

import dcr_admin.admin as _real
from dcr_admin.admin import ALLOW_EDITS as ALLOW_EDITS
from dcr_admin.admin import GroupResultAdmin as GroupResultAdmin
from dcr_admin.admin import TaskResultAdmin as TaskResultAdmin
from dcr_admin.admin import celery_app as celery_app

__all__ = ["ALLOW_EDITS", "GroupResultAdmin", "TaskResultAdmin", "celery_app"]

sys.modules[__name__] = _real
