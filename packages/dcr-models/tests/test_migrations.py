"""The history that 2.x projects sit somewhere in, and what came after: each step can be taken and taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connections, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState

from dcr_models.models import ChordCounter, GroupResult, TaskResult

APP = "django_celery_results"
TASKS, GROUPS, CHORDS = (f"{APP}_{name}" for name in ("taskresult", "groupresult", "chordcounter"))

#: Every migration of 2.6, and the columns that the table of task results has after it beside those of the step before.
STEPS: dict[str, set[str]] = {
    "0001_initial": {
        *("id", "task_id", "status", "content_type", "content_encoding", "result", "date_done", "traceback"),
        *("hidden", "meta"),
    },
    "0002_add_task_name_args_kwargs": {"task_args", "task_kwargs", "task_name"},
    "0003_auto_20181106_1101": set(),
    "0004_auto_20190516_0412": set(),
    "0005_taskresult_worker": {"worker"},
    "0006_taskresult_date_created": {"date_created"},
    "0007_remove_taskresult_hidden": set(),
    "0008_chordcounter": set(),
    "0009_groupresult": set(),
    "0010_remove_duplicate_indices": set(),
    "0011_taskresult_periodic_task_name": {"periodic_task_name"},
    "0012_taskresult_date_started": {"date_started"},
    "0013_taskresult_django_cele_periodi_1993cf_idx": set(),
    "0014_alter_taskresult_status": set(),
}

LAST_OF_2_6 = list(STEPS)[-1]

GRAPH = MigrationLoader(None).graph

#: All migrations in the order in which they are applied.
HISTORY = [name for app, name in GRAPH.forwards_plan(GRAPH.leaf_nodes(APP)[0]) if app == APP]

LATEST = HISTORY[-1]

#: Migrations that 2.6 does not know.
LATER = HISTORY[len(STEPS) :]

#: Indexes that release 2.1.0 made on columns that are unique anyway.
DUPLICATES = {
    "chordcounter": ("group_id", "django_cele_group_i_299b0d_idx"),
    "groupresult": ("group_id", "django_cele_group_i_3cddec_idx"),
    "taskresult": ("task_id", "django_cele_task_id_7f8fca_idx"),
}

MODELS = [TaskResult, GroupResult, ChordCounter]


@pytest.fixture
def migrate(scratch: str) -> Callable[[str | None], Any]:
    """Return a function that takes the scratch database to a migration, and returns the models as of then."""

    def to(name: str | None) -> Any:
        executor = MigrationExecutor(connections[scratch])
        state = executor.migrate([(APP, name)])
        return state.apps

    return to


def columns(alias: str, table: str) -> dict[str, tuple[Any, bool]]:
    """Return the columns of a table: name -> (Django field type, whether it may be NULL); none without the table."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        if table not in connection.introspection.table_names(cursor):
            return {}
        return {
            column.name: (connection.introspection.get_field_type(column.type_code, column), column.null_ok)
            for column in connection.introspection.get_table_description(cursor, table)
        }


def indexes(alias: str, table: str) -> dict[str, list[str]]:
    """Return the indexes of a table that make nothing unique: name -> columns."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, table)
    return {name: found["columns"] for name, found in constraints.items() if found["index"] and not found["unique"]}


def schema(alias: str) -> dict[str, Any]:
    tables = [table for table in (TASKS, GROUPS, CHORDS) if columns(alias, table)]
    return {table: (columns(alias, table), indexes(alias, table)) for table in tables}


class TestHistory:
    def test_begins_with_the_names_of_2_6(self) -> None:
        names = sorted(name for app, name in GRAPH.nodes if app == APP)
        assert names[: len(STEPS)] == list(STEPS)
        assert names == HISTORY

    def test_is_a_line(self) -> None:
        for before, name in zip([None, *HISTORY], HISTORY, strict=False):
            parents = {node.key for node in GRAPH.node_map[(APP, name)].parents}
            assert parents == ({(APP, before)} if before else set())

    def test_says_what_each_step_does(self) -> None:
        for name in HISTORY:
            assert GRAPH.nodes[(APP, name)].__doc__


class TestState:
    """What the migrations say that the models are."""

    @pytest.mark.django_db
    def test_leaves_nothing_to_migrate(self) -> None:
        output = StringIO()
        call_command("makemigrations", check=True, dry_run=True, stdout=output)
        assert output.getvalue() == "No changes detected\n"

    @pytest.mark.parametrize("model", MODELS)
    def test_equals_the_model(self, model: Any) -> None:
        wanted = ModelState.from_model(model)
        state = MigrationLoader(None).project_state((APP, LATEST))
        found = state.models[APP, model._meta.model_name]
        for name, field in wanted.fields.items():
            assert found.fields[name].deconstruct()[1:] == field.deconstruct()[1:], name
        assert set(found.fields) == set(wanted.fields)
        indexes = [{index.name: index.fields for index in option.options["indexes"]} for option in (found, wanted)]
        assert indexes[0] == indexes[1]
        for option in ("verbose_name", "verbose_name_plural", "ordering"):
            assert found.options.get(option) == wanted.options.get(option)

    def test_knows_when_the_status_had_choices(self) -> None:
        loader = MigrationLoader(None)
        before, after = (
            loader.project_state((APP, name)).models[APP, "taskresult"].fields["status"]
            for name in ("0013_taskresult_django_cele_periodi_1993cf_idx", "0014_alter_taskresult_status")
        )
        assert [value for value, _ in before.choices or []][:3] == ["FAILURE", "PENDING", "RECEIVED"]
        assert after.choices is None


def test_every_step_is_taken_and_taken_back(scratch: str, migrate: Callable[[str | None], Any]) -> None:
    schemas: dict[str | None, dict[str, Any]] = {None: schema(scratch)}
    expected: set[str] = set()
    for name, added in STEPS.items():
        migrate(name)
        expected = expected | added
        if name == "0007_remove_taskresult_hidden":
            expected -= {"hidden"}
        assert set(columns(scratch, TASKS)) == expected, name
        assert bool(columns(scratch, CHORDS)) == (name >= "0008"), name
        assert bool(columns(scratch, GROUPS)) == (name >= "0009"), name
        schemas[name] = schema(scratch)
    for name in LATER:
        migrate(name)
        schemas[name] = schema(scratch)
    for earlier in reversed([None, *HISTORY][:-1]):
        migrate(earlier)
        assert schema(scratch) == schemas[earlier], earlier
    migrate(LATEST)
    assert schema(scratch) == schemas[LATEST]


class TestWhatCameAfter:
    """A project may put 2.6.0 back on tables that this release has migrated."""

    def test_only_adds(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        migrate(LAST_OF_2_6)
        before = schema(scratch)
        migrate(LATEST)
        after = schema(scratch)
        for table, (its_columns, its_indexes) in before.items():
            assert after[table][0].items() >= its_columns.items()
            assert after[table][1].items() >= its_indexes.items()

    def test_leaves_the_tables_to_2_6(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        """Rows are made, changed and deleted by models that know nothing of later columns."""
        known = migrate(LAST_OF_2_6)
        migrate(LATEST)
        rows: dict[str, dict[str, Any]] = {
            "TaskResult": {"task_id": "1"},
            "GroupResult": {"group_id": "1"},
            "ChordCounter": {"group_id": "1", "sub_tasks": "[]", "count": 3},
        }
        for name, values in rows.items():
            row = known.get_model(APP, name).objects.using(scratch).create(**values)
            row.refresh_from_db()
            row.save()
            assert row.delete()[0] == 1

    def test_leaves_rows_of_2_6_as_they_are(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        counters = migrate(LAST_OF_2_6).get_model(APP, "ChordCounter").objects.using(scratch)
        counters.create(group_id="1", sub_tasks="[]", count=3)
        (before,) = counters.values()
        migrate(LATEST)
        (row,) = ChordCounter.objects.using(scratch).values()
        new = {name: row.pop(name) for name in set(row) - set(before)}
        assert row == before
        assert set(new.values()) == {None}
        migrate(LAST_OF_2_6)
        assert list(counters.values()) == [before]


class TestTheResult:
    def test_is_what_the_models_need(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        migrate(LATEST)
        for model in MODELS:
            table = model._meta.db_table
            assert {name: null for name, (_, null) in columns(scratch, table).items()} == {
                field.column: field.null for field in model._meta.local_fields
            }
            # On PostgreSQL, Django gives unique texts an index for LIKE by itself.
            named = {name: fields for name, fields in indexes(scratch, table).items() if not name.endswith("_like")}
            assert named == {index.name: index.fields for index in model._meta.indexes}

    def test_is_what_create_model_makes(self, scratch_tables: str, migrate: Callable[[str | None], Any]) -> None:
        made = schema(scratch_tables)
        with connections[scratch_tables].schema_editor() as editor:
            for model in MODELS:
                editor.delete_model(model)
        migrate(LATEST)
        assert schema(scratch_tables) == made


class TestDateCreated:
    """0006 gives old rows the only time that is known of them."""

    def test_is_filled_from_date_done(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        tasks = migrate("0005_taskresult_worker").get_model(APP, "TaskResult").objects.using(scratch)
        done = [datetime(2020, 1, day, tzinfo=timezone.utc) for day in (1, 2, 3)]  # noqa: UP017 - as Django spells it
        for moment in done:
            tasks.create(task_id=str(moment.day))
            tasks.filter(task_id=str(moment.day)).update(date_done=moment)
        migrated = migrate("0006_taskresult_date_created").get_model(APP, "TaskResult").objects.using(scratch)
        assert list(migrated.order_by("date_done").values_list("date_created", "date_done")) == [(d, d) for d in done]

    def test_goes_without_touching_anything_else(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        tasks = migrate("0006_taskresult_date_created").get_model(APP, "TaskResult").objects.using(scratch)
        tasks.create(task_id="1", worker="celery@here", result="1")
        (before,) = tasks.values()
        tasks = migrate("0005_taskresult_worker").get_model(APP, "TaskResult").objects.using(scratch)
        del before["date_created"]
        assert list(tasks.values()) == [before]


class TestDuplicateIndexes:
    """0010 drops three indexes from databases that 2.1.0 made; others never had them."""

    def duplicates(self, alias: str) -> set[str]:
        return {name for model, (_, name) in DUPLICATES.items() if name in indexes(alias, f"{APP}_{model}")}

    def test_are_dropped_where_present(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        historical = migrate("0009_groupresult")
        assert self.duplicates(scratch) == set()
        with connections[scratch].schema_editor() as editor:
            for model, (column, name) in DUPLICATES.items():
                editor.add_index(historical.get_model(APP, model), models.Index(fields=[column], name=name))
        assert len(self.duplicates(scratch)) == 3
        migrate("0010_remove_duplicate_indices")
        assert self.duplicates(scratch) == set()

    def test_may_be_present_in_part(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        group = migrate("0009_groupresult").get_model(APP, "groupresult")
        column, name = DUPLICATES["groupresult"]
        with connections[scratch].schema_editor() as editor:
            editor.add_index(group, models.Index(fields=[column], name=name))
        before = schema(scratch)
        del before[GROUPS][1][name]
        migrate("0010_remove_duplicate_indices")
        assert schema(scratch) == before

    def test_do_not_come_back(self, scratch: str, migrate: Callable[[str | None], Any]) -> None:
        migrate("0010_remove_duplicate_indices")
        migrate("0009_groupresult")
        assert self.duplicates(scratch) == set()
        state = MigrationLoader(None).project_state((APP, "0009_groupresult"))
        for model, (_, name) in DUPLICATES.items():
            assert name in {index.name for index in state.models[APP, model].options["indexes"]}


SHORT_IDS = """
from django.apps import apps
from django.core.management import call_command
from django.db import connection

call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
with connection.cursor() as cursor:
    for model in apps.get_app_config("django_celery_results").get_models():
        for column in connection.introspection.get_table_description(cursor, model._meta.db_table):
            if column.name in ("task_id", "group_id", "task_name"):
                print(model.__name__, column.name, column.display_size, model._meta.get_field(column.name).max_length)
"""


def test_ids_are_as_long_as_the_project_says(run_python: Any) -> None:
    process = run_python("dcr_models", script=SHORT_IDS, DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH=191)
    assert process.stderr == ""
    assert process.stdout.splitlines() == [
        "TaskResult task_id 191 191",
        "TaskResult task_name 191 191",
        "GroupResult group_id 191 191",
        "ChordCounter group_id 191 191",
    ]


def test_models_belong_to_the_app_that_has_the_migrations() -> None:
    assert set(apps.get_app_config(APP).get_models()) == set(MODELS)
