"""A current Celery app per result backend, and a URLconf with the endpoints under ``celery/``."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from celery import Celery
from celery._state import _tls  # type: ignore[attr-defined]  # private, as is the next
from celery.backends.cache import _DUMMY_CLIENT_CACHE  # type: ignore[attr-defined]
from django.core.cache import caches
from django.urls import include, path
from pytest_django import Settings

from dcr_testkit.plugin import make_app

#: What lets a result be any Python object.
PICKLE = {"result_serializer": "pickle", "result_accept_content": ["pickle", "json"]}

#: In memory, in files below the test's own folder, and the two backends of the workspace.
BACKENDS = ["cache+memory://", "file", "django-cache", pytest.param("django-db", marks=pytest.mark.django_db)]


@contextmanager
def current_app(**conf: Any) -> Iterator[Celery]:
    """Make an app with the given configuration Celery's current one inside the block."""
    app = make_app(**conf)
    previous = getattr(_tls, "current_app", None)
    app.set_current()
    try:
        yield app
    finally:
        app.close()
        _tls.current_app = previous


@pytest.fixture(autouse=True)
def empty_stores() -> None:
    """Let each test use the same short ids: what is kept in memory outlives the app that wrote it."""
    _DUMMY_CLIENT_CACHE.clear()
    caches["default"].clear()


@pytest.fixture
def use_app() -> Callable[..., AbstractContextManager[Celery]]:
    """Return the context manager that makes an app the current one, for tests with a configuration of their own."""
    return current_app


@pytest.fixture
def memory_app() -> Iterator[Celery]:
    """Return a current app that keeps any Python object, in memory."""
    with current_app(result_backend="cache+memory://", **PICKLE) as app:
        yield app


@pytest.fixture(params=BACKENDS)
def any_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Celery]:
    """Return a current app, once for each backend: the endpoints know none of them."""
    backend = f"file://{tmp_path}" if request.param == "file" else request.param
    with current_app(result_backend=backend) as app:
        yield app


def fresh_urls() -> ModuleType:
    """Return ``dcr_http.urls`` as importing it under the present settings makes it; the loaded module stays."""
    spec = find_spec("dcr_http.urls")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name="fresh_urls")
def fresh_urls_fixture() -> Callable[[], ModuleType]:
    """Return the function of that name."""
    return fresh_urls


@pytest.fixture
def urlconf(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[ModuleType], None]:
    """Return a function that makes a URLconf with the given urls module under ``celery/`` the root one."""

    def use(urls: ModuleType) -> None:
        root = ModuleType("urls_under_test")
        root.urlpatterns = [path("celery/", include(urls))]  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, root.__name__, root)
        settings.ROOT_URLCONF = root.__name__

    return use


@pytest.fixture(autouse=True)
def default_urlconf(settings: Settings, urlconf: Callable[[ModuleType], None]) -> None:
    """Serve the endpoints as a project that sets nothing has them: both forms of each URL."""
    if hasattr(settings, "DJANGO_CELERY_RESULTS_ID_FIRST_URLS"):
        del settings.DJANGO_CELERY_RESULTS_ID_FIRST_URLS
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        urlconf(fresh_urls())
