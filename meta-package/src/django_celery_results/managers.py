"""The managers, from dcr_models."""

import sys

import dcr_models.managers as _real
from dcr_models.managers import GroupResultManager as GroupResultManager
from dcr_models.managers import ResultManager as ResultManager
from dcr_models.managers import TaskResultManager as TaskResultManager
from dcr_models.managers import TxIsolationWarning as TxIsolationWarning
from dcr_models.managers import transaction_retry as transaction_retry

__all__ = ["GroupResultManager", "ResultManager", "TaskResultManager", "TxIsolationWarning", "transaction_retry"]

sys.modules[__name__] = _real
