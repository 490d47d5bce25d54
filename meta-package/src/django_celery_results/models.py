"""The models, from dcr_models."""

import sys

import dcr_models.models as _real
from dcr_models.models import ALL_STATES as ALL_STATES
from dcr_models.models import TASK_STATE_CHOICES as TASK_STATE_CHOICES
from dcr_models.models import AbstractChordCounter as AbstractChordCounter
from dcr_models.models import AbstractGroupResult as AbstractGroupResult
from dcr_models.models import AbstractTaskResult as AbstractTaskResult
from dcr_models.models import ChordCounter as ChordCounter
from dcr_models.models import GroupResult as GroupResult
from dcr_models.models import TaskResult as TaskResult

__all__ = [
    "ALL_STATES",
    "TASK_STATE_CHOICES",
    "AbstractChordCounter",
    "AbstractGroupResult",
    "AbstractTaskResult",
    "ChordCounter",
    "GroupResult",
    "TaskResult",
]

sys.modules[__name__] = _real
