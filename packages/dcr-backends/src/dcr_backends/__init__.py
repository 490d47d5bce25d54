"""Celery result backends on the Django ORM (``django-db``) and cache (``django-cache``)."""
