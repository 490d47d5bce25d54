"""What a model's columns need when a row is written without an instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import models
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone


class Write(NamedTuple):
    """One row's known columns."""

    #: Name of the unique column that identifies the row.
    key: str
    #: Column name -> Python value, the key's included.
    values: Mapping[str, Any]
    #: Columns in which a value that is already stored stays.
    keep: frozenset[str] = frozenset()
    #: Whether a row whose status is SUCCESS is left alone.
    success_is_final: bool = False


class Plan:
    """The columns of one model, sorted by what writing a row has to do with them."""

    def __init__(self, model: type[models.Model]) -> None:
        options = model._meta
        self.model = model
        self.table = options.db_table
        self.pk: models.Field[Any, Any] = options.pk
        self.fields: dict[str, models.Field[Any, Any]] = {f.name: f for f in options.concrete_fields}
        self.auto_now = [f.name for f in options.concrete_fields if getattr(f, "auto_now", False)]
        self.auto_now_add = [f.name for f in options.concrete_fields if getattr(f, "auto_now_add", False)]
        #: Whether some columns are in the table of a concrete parent.
        self.inherits = bool((options.concrete_model or model)._meta.parents)
        self.save_reason = self._find_save_reason()

    def known(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return those of ``values`` that the model has a column for, and does not set by itself."""
        own = (*self.auto_now, *self.auto_now_add)
        return {name: value for name, value in values.items() if name in self.fields and name not in own}

    def row(self, write: Write) -> tuple[dict[str, Any], list[str]]:
        """Return a whole new row (name -> value), and which of its columns an existing row takes over."""
        moment = timezone.now()
        row = dict(write.values)
        row.update(dict.fromkeys(self.auto_now, moment))
        changes = [name for name in row if name != write.key]
        row.update(dict.fromkeys(self.auto_now_add, moment))
        for name, field in self.fields.items():
            if name not in row and not field.primary_key and not field.generated and field.db_default is NOT_PROVIDED:
                default = field.get_default()
                if default is not None:  # a column that is left out holds NULL
                    row[name] = default
        return row, changes

    def _find_save_reason(self) -> str | None:
        """Return what about the model itself needs ``Model.save``, or None."""
        if self.inherits:
            return "the model inherits from another table"
        if not isinstance(self.pk, models.AutoField):
            return "its primary key is not one that the database counts up"
        if self.model.save is not models.Model.save:
            return "the model overrides save()"
        for name, field in self.fields.items():
            own_pre_save = type(field).pre_save is not models.Field.pre_save
            if own_pre_save and not isinstance(field, models.DateField | models.TimeField):
                return f"its field {name!r} computes its value in pre_save()"
            # Django 6.1 calls it get_placeholder_sql.
            if hasattr(field, "get_placeholder") or hasattr(field, "get_placeholder_sql"):
                return f"its field {name!r} has SQL of its own"
        return None


def plan_for(model: type[models.Model]) -> Plan:
    """Return the plan of ``model``, made once per process."""
    plan = _plans.get(model)
    if plan is None:
        plan = _plans[model] = Plan(model)
    return plan


_plans: dict[type[models.Model], Plan] = {}
