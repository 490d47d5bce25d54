"""Settings of a small shop that keeps the results of its Celery tasks in its database."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent

#: Everything that the running project writes; git ignores it.
VAR_DIR = BASE_DIR / "var"
BROKER_DIR = VAR_DIR / "broker"
INBOX_DIR = VAR_DIR / "inbox"  # where suppliers upload price lists and delivery notes

# SQLite and the filesystem broker expect their folders to exist.
for folder in (INBOX_DIR, BROKER_DIR / "queue", BROKER_DIR / "processed"):
    folder.mkdir(parents=True, exist_ok=True)

SECRET_KEY = "for the demo only"
DEBUG = True
ROOT_URLCONF = "demo.urls"
STATIC_URL = "static/"
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_celery_results",
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# The web process and each process of the worker write to this file, so:
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "db.sqlite3",
        "OPTIONS": {
            # Seconds to wait for another process's write before "database is locked".
            "timeout": 20,
            # A transaction takes the write lock when it begins. By default it takes it at its first write,
            # and where another process has written since it began to read, that fails without any waiting.
            "transaction_mode": "IMMEDIATE",
            # With a write-ahead log, readers and the one writer do not wait for each other.
            "init_command": "PRAGMA journal_mode=WAL;",
        },
    },
}

# The four settings that matter here. The first one is all that is needed to keep results in the database.
CELERY_RESULT_BACKEND = "django-db"
CELERY_RESULT_EXTENDED = True  # store name, arguments and worker beside the result
CELERY_TASK_TRACK_STARTED = True  # store that a task began, and when
CELERY_RESULT_EXPIRES = 7 * 24 * 60 * 60  # seconds; beat deletes older results once a day

# Messages are files in a folder, so that the demo needs no server. A real project has Redis or RabbitMQ.
CELERY_BROKER_URL = "filesystem://localhost"
CELERY_BROKER_TRANSPORT = "demo.broker:Transport"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "data_folder_in": str(BROKER_DIR / "queue"),
    "data_folder_out": str(BROKER_DIR / "queue"),
    "store_processed": True,
    "processed_folder": str(BROKER_DIR / "processed"),
    "control_folder": str(BROKER_DIR / "control"),
    "polling_interval": 0.1,  # seconds between two looks into the folder
}
CELERY_TIMEZONE = TIME_ZONE
