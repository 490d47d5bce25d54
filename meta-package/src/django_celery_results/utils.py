"""Time as the tables keep it, from dcr_models."""

import sys

import dcr_models.utils as _real
from dcr_models.utils import now as now
from dcr_models.utils import now_localtime as now_localtime

__all__ = ["now", "now_localtime"]

sys.modules[__name__] = _real
