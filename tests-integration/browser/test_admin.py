"""The admin as a person sees it: headless Chromium in front of Django's live server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from celery import Celery
from django.contrib.auth.models import Permission, User
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from dcr_models.models import GroupResult, TaskResult

pytestmark = pytest.mark.browser

TIMEOUT_MILLISECONDS = 20_000
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
TRACEBACK = 'Traceback (most recent call last):\n  File "tasks.py", line 3, in refund\nValueError: too <b>late</b>'


@pytest.fixture
def results(transactional_db: None) -> None:
    """Store a success, a failure, a value that cannot be decoded, a running task, and a group."""
    store = TaskResult.objects.store_result
    json = {"content_type": "application/json", "content_encoding": "utf-8"}
    store(
        **json, task_id="t-success", status="SUCCESS", result='"ñandú 資料"', task_name="shop.charge", worker="w1@host"
    )
    store(**json, task_id="t-failure", status="FAILURE", result="{}", task_name="shop.refund", traceback=TRACEBACK)
    store(**json, task_id="t-running", status="STARTED", result="null", task_name="shop.report")
    store("application/x-python-serialize", "binary", "t-broken", "!no pickle!", "SUCCESS", task_name="shop.odd")
    GroupResult.objects.store_group_result(**json, group_id="g-one", result='[["g-one", null], []]')


@pytest.fixture
def address(live_server: LiveServer, celery_app: Celery, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of the admin, whose action talks to a broker in memory."""
    # The server answers in threads of its own, where the fixture's app is not the current one.
    monkeypatch.setattr("dcr_admin.admin.celery_app", celery_app)
    return f"{live_server.url}/admin"


@pytest.fixture
def page(results: None, address: str) -> Iterator[Page]:
    """Open a browser's page; what the browser complains of fails the test.

    One browser per test: while Playwright runs, its event loop makes Django refuse database work in this
    thread, so it has to start after the fixtures above and to end before they clean up.
    """
    executable = shutil.which("chromium")
    if executable is None:
        pytest.fail("The browser tests need an executable named 'chromium' on PATH, and there is none.")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, headless=True, args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MILLISECONDS)
        page.on("console", lambda message: complaints.extend(errors_in(message)))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        browser.close()
    assert complaints == []


def errors_in(message: ConsoleMessage) -> list[str]:
    """Return what a line of the browser's console complains of; resources that are missing speak there too."""
    # Browsers ask every site for this one, and the test project has none.
    if message.type != "error" or message.location["url"].endswith("/favicon.ico"):
        return []
    return [f"{message.text} {message.location}"]


@pytest.fixture
def login(page: Page, address: str) -> Callable[[User], None]:
    """Return a function that logs a user in through the form."""

    def enter(user: User) -> None:
        page.goto(f"{address}/")
        page.fill("input[name=username]", user.username)
        page.fill("input[name=password]", "secret")
        page.click("input[type=submit]")
        expect(page.locator("#user-tools")).to_contain_text(user.username)

    return enter


@pytest.fixture
def superuser(transactional_db: None) -> User:
    """Return a user who may do everything."""
    return User.objects.create_superuser("boss", password="secret")


@pytest.fixture
def editor(transactional_db: None) -> User:
    """Return a user who may change task results, and nothing else."""
    return make_staff("editor", "change_taskresult")


@pytest.fixture
def viewer(transactional_db: None) -> User:
    """Return a user who may look at task results, and nothing else."""
    return make_staff("viewer", "view_taskresult")


def follow(page: Page, link: str) -> None:
    """Click the link with exactly this text."""
    page.get_by_role("link", name=link, exact=True).click()


def make_staff(name: str, codename: str) -> User:
    """Return a staff user with one permission."""
    user = User.objects.create_user(name, password="secret", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename=codename))
    return user


def test_lists_and_pages(superuser: User, login: Callable[[User], None], page: Page) -> None:
    login(superuser)
    follow(page, "Task results")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.filter(has_text="t-success")).to_contain_text("shop.charge")

    follow(page, "t-failure")
    expect(page.locator(".field-status .readonly")).to_have_text("FAILURE")
    expect(page.locator(".field-traceback .readonly")).to_contain_text("ValueError: too <b>late</b>")
    expect(page.locator("#taskresult_form").get_by_role("textbox")).to_have_count(0)

    page.go_back()
    follow(page, "t-success")
    expect(page.locator(".field-result .readonly")).to_have_text('"ñandú 資料"')

    page.go_back()
    follow(page, "t-broken")
    expect(page.locator(".field-result .readonly")).to_have_text("!no pickle!")

    follow(page, "Home")
    follow(page, "Group results")
    follow(page, "g-one")
    expect(page.locator(".field-group_id .readonly")).to_have_text("g-one")
    expect(page.locator(".field-result .readonly")).to_contain_text('[["g-one", null], []]')
    expect(page.locator("#groupresult_form").get_by_role("textbox")).to_have_count(0)


def test_filter_and_search(superuser: User, login: Callable[[User], None], page: Page, address: str) -> None:
    login(superuser)
    page.goto(f"{address}/django_celery_results/taskresult/?status__exact=STARTED")
    rows = page.locator("#result_list tbody tr")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("t-running")

    page.goto(f"{address}/django_celery_results/taskresult/")
    page.fill("#searchbar", "refund")
    page.press("#searchbar", "Enter")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("t-failure")


def test_who_may_change_results_terminates_a_task(
    editor: User, login: Callable[[User], None], page: Page, address: str
) -> None:
    login(editor)
    page.goto(f"{address}/django_celery_results/taskresult/")
    page.locator("#result_list tbody tr").filter(has_text="t-running").locator("input.action-select").check()
    page.select_option("select[name=action]", label="Terminate selected tasks")
    page.click("button[name=index]")
    expect(page.locator(".messagelist .success")).to_have_text("1 task(s) was terminated successfully.")


def test_who_may_only_look_is_offered_no_action(
    viewer: User, login: Callable[[User], None], page: Page, address: str
) -> None:
    login(viewer)
    page.goto(f"{address}/django_celery_results/taskresult/")
    expect(page.locator("#result_list tbody tr")).to_have_count(4)
    expect(page.locator("select[name=action]")).to_have_count(0)
    expect(page.locator("input.action-select")).to_have_count(0)

    follow(page, "t-running")
    expect(page.locator(".field-status .readonly")).to_have_text("STARTED")
    expect(page.locator("input[name=_save]")).to_have_count(0)
