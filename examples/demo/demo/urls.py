"""The admin, and the state and result of tasks and groups as JSON."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("celery/", include("django_celery_results.urls")),
]
