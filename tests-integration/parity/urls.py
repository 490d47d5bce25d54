"""The admin and the endpoints, as a 2.6 project includes them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("celery/", include("django_celery_results.urls"))]
