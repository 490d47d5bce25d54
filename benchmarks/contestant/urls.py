"""The endpoints under test, under the name that both releases have."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("celery/", include("django_celery_results.urls"))]
