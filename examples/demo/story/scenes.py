"""The scenes: each sends tasks, waits for them through the result backend, and says what came."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Task, chain, chord, group
from celery.result import AsyncResult, GroupResult
from demo.celery import app
from django.conf import settings
from shop import tasks

from . import console
from .expectations import Expectations

#: Seconds that a scene waits for one result; it usually takes less than one.
WAIT_SECONDS = 30


@dataclass(frozen=True)
class Stored:
    """What the database should hold about one task when the scenes are over."""

    task_id: str
    name: str
    args: str
    state: str
    result: Any


class Scenes:
    """Play the scenes one by one; afterwards ``stored`` and ``saved_group`` tell what should be in the tables."""

    def __init__(self, expectations: Expectations) -> None:
        self.expect = expectations
        self.stored: list[Stored] = []
        self.saved_group: GroupResult

    def play(self) -> None:
        """Play all scenes."""
        self.success()
        self.failure()
        self.retry()
        self.progress()
        self.thumbnails()
        self.report()
        self.price_tag()

    def success(self) -> None:
        """A task returns a value."""
        announce("success", "price_of('tea', 3)")
        sent = tasks.price_of.delay("tea", 3)
        self._value(sent, tasks.price_of, "('tea', 3)", 2685)

    def failure(self) -> None:
        """A task raises; its sender has hidden most of the card's number from logs and results."""
        shown = "('A-1002', '**0002')"
        announce("failure", f"charge_card{shown}")
        sent = tasks.charge_card.apply_async(args=("A-1002", "4000 0000 0000 0002"), argsrepr=shown)
        error = sent.get(timeout=WAIT_SECONDS, propagate=False)
        came(sent.state, f"{type(error).__name__}: {error}")
        message = "no payment for A-1002 with the card that ends in 0002"
        self.expect.equal("type of the failed task's exception", type(error), tasks.PaymentError)
        self.expect.equal("message of the failed task's exception", str(error), message)
        for part in ("shop/tasks.py", "in charge_card", "raise PaymentError("):
            self.expect.true(f"{part!r} is not in the traceback: {sent.traceback}", part in (sent.traceback or ""))
        stored = {"exc_type": "PaymentError", "exc_message": [message], "exc_module": "shop.tasks"}
        self._remember(sent, tasks.charge_card, shown, "FAILURE", stored)

    def retry(self) -> None:
        """A task tries again until the goods are there, and they come after it was seen to wait for them."""
        announce("retry", "ship_order('A-1001')")
        sent = tasks.ship_order.delay("A-1001")
        meta = meta_once(sent, lambda meta: meta["status"] == "RETRY")
        error = meta["result"]
        came("RETRY", f"{type(error).__name__}: {error}")
        self.expect.equal("type of the retried task's exception", type(error), tasks.DeliveryError)
        self.expect.true("the retried task has no traceback", "raise DeliveryError(" in (meta["traceback"] or ""))

        (settings.INBOX_DIR / "A-1001.delivered").touch()
        value = sent.get(timeout=WAIT_SECONDS)
        came(sent.state, value)
        self.expect.equal("order that the retried task shipped", value["shipped"], "A-1001")
        self.expect.true(f"attempts of the retried task: {value['attempts']}", value["attempts"] >= 2)
        self.expect.equal("traceback of the retried task after its success", sent.traceback, None)
        self._remember(sent, tasks.ship_order, "('A-1001',)", "SUCCESS", value)

    def progress(self) -> None:
        """A task reports each line of an upload; the next line is uploaded when the report was seen."""
        announce("progress", "import_prices('spring.csv')")
        lines = [f"{product};{price}\n" for product, price in tasks.PRICES.items()]
        with (settings.INBOX_DIR / "spring.csv").open("w", buffering=1) as upload:
            sent = tasks.import_prices.delay("spring.csv")
            for count, text in enumerate(lines, start=1):
                upload.write(text)
                report = {"lines": count}
                meta_once(sent, lambda meta, report=report: meta["status"] == "PROGRESS" and meta["result"] == report)
                came("PROGRESS", report)
            self.expect.equal("ready() of a task in a state of its own", sent.ready(), False)
            upload.write("END\n")
        self._value(sent, tasks.import_prices, "('spring.csv',)", {"lines": len(lines)})

    def thumbnails(self) -> None:
        """A group runs side by side; it is saved, and found again by its id."""
        widths = (64, 320, 1280)
        announce("group", "3 x thumbnail('tea.jpg', ...)")
        sent = group(tasks.thumbnail.s("tea.jpg", width) for width in widths)()
        sent.save()
        values = sent.get(timeout=WAIT_SECONDS)
        wanted = [f"tea-{width}.jpg" for width in widths]
        came("SUCCESS" if sent.successful() else "not all successful", values)
        self.expect.equal("values of the group", values, wanted)

        restored = GroupResult.restore(sent.id, app=app)
        self.expect.equal("the group, restored by its id", restored, sent)
        if restored is not None:
            self.expect.equal("values of the restored group", restored.get(timeout=WAIT_SECONDS), wanted)
        for member, width, value in zip(sent.results, widths, wanted, strict=True):
            self._remember(member, tasks.thumbnail, f"('tea.jpg', {width})", "SUCCESS", value)
        self.saved_group = sent

    def report(self) -> None:
        """A chord: when the last order is counted, the report runs with all totals."""
        announce("chord", "3 x order_total(...) | daily_report('2024-05-01')")
        header = [tasks.order_total.s(order) for order in tasks.ORDERS]
        sent = chord(header)(tasks.daily_report.s("2024-05-01"))
        totals = [5185, 3900, 8695]
        report = {"day": "2024-05-01", "orders": 3, "total": 17780}
        self._value(sent, tasks.daily_report, f"({totals}, '2024-05-01')", report)
        self.expect.equal("values of the chord's header", sent.parent.get(timeout=WAIT_SECONDS), totals)
        for member, order, total in zip(sent.parent.results, tasks.ORDERS, totals, strict=True):
            self._remember(member, tasks.order_total, f"('{order}',)", "SUCCESS", total)

    def price_tag(self) -> None:
        """A chain: each task gets what the one before it returned, and knows the one that it started."""
        announce("chain", "price_of('kettle', 2) | add_vat(21) | price_tag('EUR')")
        steps = chain(tasks.price_of.s("kettle", 2), tasks.add_vat.s(21), tasks.price_tag.s("EUR"))
        third = steps()
        second, first = third.parent, third.parent.parent
        self._value(third, tasks.price_tag, "(9438, 'EUR')", "94.38 EUR")
        self._remember(second, tasks.add_vat, "(7800, 21)", "SUCCESS", 9438)
        self._remember(first, tasks.price_of, "('kettle', 2)", "SUCCESS", 7800)
        self.expect.equal("children of the chain's first task", AsyncResult(first.id).children, [second])
        self.expect.equal("children of the chain's second task", AsyncResult(second.id).children, [third])

    def _value(self, sent: AsyncResult, task: Task, args: str, wanted: Any) -> None:
        value = sent.get(timeout=WAIT_SECONDS)
        came(sent.state, value)
        self.expect.equal(f"value of {task.__name__}", value, wanted)
        self._remember(sent, task, args, "SUCCESS", wanted)

    def _remember(self, sent: AsyncResult, task: Task, args: str, state: str, result: Any) -> None:
        self.stored.append(Stored(sent.id, task.name, args, state, result))


def announce(kind: str, call: str) -> None:
    """Say what is about to be sent."""
    console.line(f"{kind:10}{call}")


def came(state: str, value: Any) -> None:
    """Say what a task has come to."""
    padded = console.colour(f"{state:10}", console.STATE_COLOURS.get(state))
    console.line(console.colour("          -> ", "grey") + padded + console.shorten(str(value), console.WIDTH - 25))


def meta_once(sent: AsyncResult, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return what is stored about a task at the first look when ``holds``. Raises TimeoutError.

    State and result are taken from one reading: two could lie on both sides of a change.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        meta: dict[str, Any] = app.backend.get_task_meta(sent.id)
        if holds(meta):
            return meta
        if time.monotonic() > deadline or sent.ready():
            raise TimeoutError(f"Task {sent.id} was not seen in the expected state; it is {meta['status']}.")
        time.sleep(0.05)
