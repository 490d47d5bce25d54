"""The views, from dcr_http."""

import sys

import dcr_http.views as _real
from dcr_http.views import group_status as group_status
from dcr_http.views import is_group_successful as is_group_successful
from dcr_http.views import is_task_successful as is_task_successful
from dcr_http.views import task_status as task_status

__all__ = ["group_status", "is_group_successful", "is_task_successful", "task_status"]

sys.modules[__name__] = _real
