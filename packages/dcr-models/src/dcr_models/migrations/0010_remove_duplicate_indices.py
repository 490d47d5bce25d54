from typing import Any

from django.db import migrations


class RemoveIndexWherePresent(migrations.RemoveIndex):
    """Drop an index that only some databases have, and do not bring it back."""

    def database_forwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Look for the index first: a failed DROP INDEX would abort the transaction on PostgreSQL."""
        connection = schema_editor.connection
        table = from_state.apps.get_model(app_label, self.model_name)._meta.db_table
        with connection.cursor() as cursor:
            present = connection.introspection.get_constraints(cursor, table)
        if self.name in present:
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any) -> None:
        """Leave the database as it is: the index duplicated a unique constraint."""


class Migration(migrations.Migration):
    """Drop the three indexes that release 2.1.0 put on columns which are unique anyway."""

    dependencies = [("django_celery_results", "0009_groupresult")]

    operations = [
        RemoveIndexWherePresent(model_name="chordcounter", name="django_cele_group_i_299b0d_idx"),
        RemoveIndexWherePresent(model_name="groupresult", name="django_cele_group_i_3cddec_idx"),
        RemoveIndexWherePresent(model_name="taskresult", name="django_cele_task_id_7f8fca_idx"),
    ]
