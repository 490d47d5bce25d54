"""Both forms of the URLs resolve, one of them is deprecated, and ``reverse()`` never gives that one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from uuid import UUID

import pytest
from django.http import HttpResponse
from django.urls import NoReverseMatch, Resolver404, include, path, register_converter, resolve, reverse
from django.urls.converters import REGISTERED_CONVERTERS, StringConverter, get_converters
from pytest_django import Settings

import dcr_http
from dcr_http import views

View = Callable[..., HttpResponse]

ENDPOINTS: list[tuple[str, View, str, str, str]] = [
    # name, view, parameter, noun first, id first
    ("celery-is_task_successful", views.is_task_successful, "task_id", "task/done/{}/", "{}/done/"),
    ("celery-task_status", views.task_status, "task_id", "task/status/{}/", "{}/status/"),
    ("celery-is_group_successful", views.is_group_successful, "group_id", "group/done/{}/", "{}/group/done/"),
    ("celery-group_status", views.group_status, "group_id", "group/status/{}/", "{}/group/status/"),
]
endpoints = pytest.mark.parametrize(("name", "view", "parameter", "noun_first", "id_first"), ENDPOINTS)

#: Ids that read like the words of a URL, and one outside ASCII.
IDS = ["3f1e", "a-b.c_d", "tarea-ñ", "task", "group", "done", "status"]


@endpoints
@pytest.mark.parametrize("task_id", IDS)
def test_both_forms_resolve(
    name: str, view: View, parameter: str, noun_first: str, id_first: str, task_id: str
) -> None:
    for form in (noun_first, id_first):
        match = resolve(f"/celery/{form.format(task_id)}")
        assert (match.func, match.url_name, match.kwargs) == (view, name, {parameter: task_id})


@endpoints
def test_reverse_is_noun_first(name: str, view: View, parameter: str, noun_first: str, id_first: str) -> None:
    expected = f"/celery/{noun_first.format('a-b.c')}"
    for target in (name, view):
        assert reverse(target, args=["a-b.c"]) == expected
        assert reverse(target, kwargs={parameter: "a-b.c"}) == expected


def test_reverse_takes_a_uuid() -> None:
    task_id = UUID(int=7)
    assert reverse("celery-task_status", args=[task_id]) == f"/celery/task/status/{task_id}/"


@pytest.mark.parametrize("task_id", ["a b", "a/b", "a:b", ""])
def test_other_characters_are_no_id(task_id: str) -> None:
    with pytest.raises(NoReverseMatch):
        reverse("celery-task_status", args=[task_id])
    with pytest.raises(Resolver404):
        resolve(f"/celery/task/status/{task_id}/")


@endpoints
def test_id_first_forms_can_be_switched_off(
    name: str,
    view: View,
    parameter: str,
    noun_first: str,
    id_first: str,
    settings: Settings,
    fresh_urls: Callable[[], ModuleType],
    urlconf: Callable[[ModuleType], None],
) -> None:
    settings.DJANGO_CELERY_RESULTS_ID_FIRST_URLS = False
    urlconf(fresh_urls())  # a DeprecationWarning would be an error here
    assert resolve(f"/celery/{noun_first.format('a')}").func is view
    with pytest.raises(Resolver404):
        resolve(f"/celery/{id_first.format('a')}")


def test_id_first_forms_are_deprecated(fresh_urls: Callable[[], ModuleType]) -> None:
    with pytest.warns(DeprecationWarning, match=r"removed in .* 4\.0.*DJANGO_CELERY_RESULTS_ID_FIRST_URLS = False"):
        fresh_urls()


def test_the_warning_points_at_the_include(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        loaded = import_module("dcr_http.urls")
    # Both places that remember a module are given back what they had: other tests compare modules by identity.
    monkeypatch.setattr(dcr_http, "urls", loaded)
    monkeypatch.delitem(sys.modules, "dcr_http.urls")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path("celery/", include("dcr_http.urls"))
    assert [(one.category, one.filename) for one in caught] == [(DeprecationWarning, __file__)]


@pytest.fixture
def no_converter() -> Iterator[None]:
    """Take our converter out of Django's register for the time of a test."""
    ours = REGISTERED_CONVERTERS.pop("task_pattern")
    yield
    REGISTERED_CONVERTERS.pop("task_pattern", None)
    register_converter(type(ours), "task_pattern")


def test_a_converter_that_the_project_registered_stays(
    no_converter: None, settings: Settings, fresh_urls: Callable[[], ModuleType]
) -> None:
    settings.DJANGO_CELERY_RESULTS_ID_FIRST_URLS = False
    register_converter(StringConverter, "task_pattern")
    own = get_converters()["task_pattern"]
    urls = fresh_urls()
    assert get_converters()["task_pattern"] is own
    assert urls.urlpatterns[0].pattern.converters == {"task_id": own}
