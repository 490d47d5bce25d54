"""Settings have defaults, are read when asked for, and say what is wrong with them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from dcr_models import conf

DEFAULTS = {
    "ALLOW_EDITS": False,
    "CHORD_SWEEP_INTERVAL": 60,
    "SUCCESS_IS_FINAL": True,
    "UNREADY_EXPIRES": 30 * 24 * 3600,
}


class TestGet:
    @pytest.mark.parametrize(("name", "default"), DEFAULTS.items())
    def test_returns_the_default(self, name: str, default: Any, settings: Any) -> None:
        nothing: dict[str, Any] | None
        for nothing in ({}, None):
            settings.DJANGO_CELERY_RESULTS = nothing
            assert (conf.get(name), type(conf.get(name))) == (default, type(default))
        del settings.DJANGO_CELERY_RESULTS
        assert conf.get(name) == default

    def test_has_no_other_options(self) -> None:
        assert set(conf.OPTIONS) == set(DEFAULTS)

    def test_reads_when_asked(self, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": True}
        assert conf.get("ALLOW_EDITS") is True
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": False}
        assert conf.get("ALLOW_EDITS") is False

    @pytest.mark.parametrize("value", [1, "yes", None, [True]])
    def test_refuses_another_type(self, value: Any, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"SUCCESS_IS_FINAL": value}
        message = f"DJANGO_CELERY_RESULTS['SUCCESS_IS_FINAL'] must be of type bool, got {value!r}."
        with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
            conf.get("SUCCESS_IS_FINAL")

    @pytest.mark.parametrize("name", ["CHORD_SWEEP_INTERVAL", "UNREADY_EXPIRES"])
    class TestSeconds:
        @pytest.mark.parametrize("value", [0, 90, 0.5])
        def test_may_be_whole_or_not(self, name: str, value: Any, settings: Any) -> None:
            settings.DJANGO_CELERY_RESULTS = {name: value}
            assert conf.get(name) == value

        @pytest.mark.parametrize("value", [True, "60", None, timedelta(days=1)])
        def test_are_a_number(self, name: str, value: Any, settings: Any) -> None:
            settings.DJANGO_CELERY_RESULTS = {name: value}
            message = f"DJANGO_CELERY_RESULTS['{name}'] must be of type int or float, got {value!r}."
            with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
                conf.get(name)

    @pytest.mark.parametrize(("value", "expected"), [(1, True), ("yes", True), (None, False), ([], False)])
    def test_takes_any_truth_value_where_2_x_did(self, value: Any, expected: bool, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = {"ALLOW_EDITS": value}
        assert conf.get("ALLOW_EDITS") is expected

    @pytest.mark.parametrize("value", [True, "ALLOW_EDITS", ["ALLOW_EDITS"], 0])
    def test_refuses_a_setting_that_is_no_dict(self, value: Any, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS = value
        message = f"DJANGO_CELERY_RESULTS must be a dict such as {{'ALLOW_EDITS': False}}, got {value!r}."
        with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
            conf.get("ALLOW_EDITS")

    def test_knows_its_options_only(self) -> None:
        with pytest.raises(KeyError, match="ALLOW_EDIT"):
            conf.get("ALLOW_EDIT")

    def test_every_option_says_what_it_means(self) -> None:
        for name, option in conf.OPTIONS.items():
            assert (option.name, bool(option.meaning), option.problem(option.default)) == (name, True, None)


class TestTaskIdMaxLength:
    def test_is_255_unless_set(self, settings: Any) -> None:
        assert conf.task_id_max_length() == 255
        settings.DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH = 191
        assert conf.task_id_max_length() == 191

    @pytest.mark.parametrize("value", [0, -1, "191", 191.0, True, None])
    def test_is_a_positive_whole_number(self, value: Any, settings: Any) -> None:
        settings.DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH = value
        message = f"DJANGO_CELERY_RESULTS_TASK_ID_MAX_LENGTH must be a positive whole number, got {value!r}."
        with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
            conf.task_id_max_length()
