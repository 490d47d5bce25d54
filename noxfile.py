"""Every task that a person runs on this repository; `nox -l` lists them.

Environments come from uv.lock through `uv sync`, so a session installs what the lock says and nothing else.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.error_on_missing_interpreters = True  # nox would skip the session and exit 0
nox.options.sessions = ["tests"]

ROOT = Path(__file__).parent
DISTRIBUTIONS = ("dcr-models", "dcr-backends", "dcr-admin", "dcr-http", "django-celery-results")
PACKAGES = ["packages", "meta-package"]
INTEGRATION = "tests-integration"
#: Browser tests cannot be imported without Playwright.
NO_BROWSER = ("--ignore", f"{INTEGRATION}/browser")
VERSION_FILE = ROOT / "packages/dcr-models/src/dcr_models/__init__.py"

#: Translations of the strings of models, admin and HTTP.
LANGUAGES = ("es", "pt_BR", "ru", "zh_Hans")

#: Ends of what is supported: interpreter and dependency group.
SUPPORTED = [nox.param("3.11", "oldest", id="oldest"), nox.param("3.13", "newest", id="newest")]
DATABASES = ("sqlite", "postgresql", "mariadb")

#: The release that ours replaces.
PUBLISHED = "django-celery-results==2.6.0"

# pyenv's shims answer for its global version only, so the interpreters' own folders go first.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
os.environ["PATH"] = os.pathsep.join([*map(str, sorted(_pyenv.glob("3.1[1-9].*/bin"))), os.environ["PATH"]])


def sync(session: nox.Session, *groups: str) -> None:
    """Install all five distributions from the workspace, editable, and the given dependency groups."""
    arguments = [argument for group in groups for argument in ("--group", group)]
    session.run_install(
        "uv",
        "sync",
        "--quiet",
        "--locked",
        "--all-packages",
        *arguments,
        env={"UV_PROJECT_ENVIRONMENT": session.virtualenv.location},
    )


def published_python(session: nox.Session) -> str:
    """Return the interpreter of an environment that has the published release and nothing of ours.

    Its Django and Celery are those of the lock's oldest group, so that parity compares like with like.
    """
    location = Path(session.cache_dir) / "published"
    python = location / "bin" / "python"
    if not python.exists():
        session.run_install("uv", "venv", "--quiet", "--python", "3.11", str(location))
    constraints = location / "constraints.txt"
    export = ("uv", "export", "--quiet", "--locked", "--only-group", "oldest", "--no-hashes", "--no-header")
    session.run_install(*export, "--output-file", str(constraints), silent=True)
    wanted = (PUBLISHED, "Django", "celery", "psycopg[binary]", "mysqlclient", "PyYAML", "msgpack")
    install = ("uv", "pip", "install", "--quiet", "--python", str(python), "--constraint", str(constraints))
    session.run_install(*install, *wanted)
    return str(python.absolute())


def versions(session: nox.Session) -> None:
    """Print what the session runs on."""
    session.run(
        "python",
        "-c",
        "import sys, django, celery; print('Python', sys.version.split()[0], '| Django', django.__version__, "
        "'| Celery', celery.__version__)",
    )


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job from end to end; `-- --serve` keeps worker and admin up."""
    sync(session, "newest")
    # Longer than nox would wait after Ctrl-C: the demo stops its worker and server first.
    session.run("python", "examples/demo/run.py", *session.posargs, interrupt_timeout=60)


@nox.session
def tests(session: nox.Session) -> None:
    """Run everything that needs no server, on the interpreter that runs nox."""
    sync(session, "tests", "newest")
    versions(session)
    session.run(
        "pytest",
        "-m",
        "not services and not published and not wheels",
        *NO_BROWSER,
        *(session.posargs or [*PACKAGES, INTEGRATION, "benchmarks"]),
        env={"DCR_TEST_DATABASE": "sqlite"},
    )
    session.log(
        "Left out: PostgreSQL, MariaDB, Redis and RabbitMQ (nox -s services), the published release beside ours "
        "(nox -s parity), wheels in clean environments (nox -s wheels), the browser (nox -s browser)."
    )


@nox.session
@nox.parametrize(("python", "group"), SUPPORTED)
def services(session: nox.Session, group: str) -> None:
    """Run everything on the three databases and the brokers, oldest and newest; fails where a server is missing."""
    sync(session, "services", group)
    versions(session)
    published = {"DCR_PUBLISHED_PYTHON": published_python(session)}
    for database in DATABASES:
        session.run("pytest", *PACKAGES, *session.posargs, env={"DCR_TEST_DATABASE": database, **published})
    # Parity compares like with like, so it has a session of its own on the published release's versions.
    elsewhere = (*NO_BROWSER, "--ignore", f"{INTEGRATION}/parity")
    session.run(
        "pytest", "-m", "services or worker or published", *elsewhere, INTEGRATION, *session.posargs, env=published
    )


@nox.session(python="3.11")
def parity(session: nox.Session) -> None:
    """Compare public names and behaviour with the published 2.6.0, and print the table."""
    sync(session, "tests", "oldest")
    session.run(
        "pytest", f"{INTEGRATION}/parity", *session.posargs, env={"DCR_PUBLISHED_PYTHON": published_python(session)}
    )


@nox.session
def browser(session: nox.Session) -> None:
    """Drive the admin in headless Chromium, as Debian packages it."""
    sync(session, "tests", "newest", "browser")
    session.run("pytest", "-m", "browser", f"{INTEGRATION}/browser", *session.posargs)


@nox.session(python="3.11")
def bench(session: nox.Session) -> None:
    """Measure ours beside the published release, Celery's backends and the raw drivers; `-- --quick` is short."""
    sync(session, "bench", "oldest")
    versions(session)
    session.run("python", "-m", "benchmarks", *session.posargs, env={"DCR_PUBLISHED_PYTHON": published_python(session)})


@nox.session
def wheels(session: nox.Session) -> None:
    """Build every wheel through its sdist, and use each alone in a clean environment."""
    sync(session, "tests", "newest")
    dist = Path(session.create_tmp()) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("uv", "build", "--quiet", "--all-packages", "--out-dir", str(dist))
    environment = {"DCR_WHEELS": str(dist), "UV": nox.virtualenv.UV}
    session.run("pytest", "-m", "wheels", f"{INTEGRATION}/wheels", *session.posargs, env=environment)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    sync(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types: mypy, strict, over the code of the five distributions."""
    sync(session, "typing", "newest")
    sources = [str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("packages/*/src/*"))]
    session.run("mypy", *sources, *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a broken link fails."""
    sync(session, "docs")
    session.run("mkdocs", "build", "--strict", "--site-dir", str(Path(session.create_tmp()) / "site"))


@nox.session
def messages(session: nox.Session) -> None:
    """Collect the messages of all distributions into dcr-models' catalogues, and compile them; needs gettext."""
    sync(session, "newest")
    settings = {"DJANGO_SETTINGS_MODULE": "dcr_testkit.message_settings", "PYTHONPATH": str(ROOT / INTEGRATION)}
    with session.chdir("packages"):
        session.run(
            "django-admin",
            "makemessages",
            *(argument for language in LANGUAGES for argument in ("--locale", language)),
            *("--ignore", "*/tests/*", "--no-wrap", "--add-location", "file"),
            env=settings,
        )
        session.run("django-admin", "compilemessages", env=settings)


@nox.session(venv_backend="none")
def bump(session: nox.Session) -> None:
    """Set the one version, `nox -s bump -- 3.0.1`: its literal, and the exact pins of the siblings."""
    (version,) = session.posargs
    VERSION_FILE.write_text(
        re.sub(r'__version__ = ".*"', f'__version__ = "{version}"', VERSION_FILE.read_text()), encoding="utf-8"
    )
    for pyproject in (*ROOT.glob("packages/*/pyproject.toml"), ROOT / "meta-package/pyproject.toml"):
        text = re.sub(r'"(dcr-[a-z]+)==[^"]+"', rf'"\1=={version}"', pyproject.read_text())
        pyproject.write_text(text, encoding="utf-8")
    session.run("uv", "lock", "--quiet", external=True)
