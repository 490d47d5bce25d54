"""Tasks of the shop. Money is in cents."""

import time
from collections.abc import Iterator
from typing import Any, TextIO

from celery import Task, shared_task
from django.conf import settings

PRICES = {"cup": 1250, "kettle": 3900, "tea": 895}

ORDERS = {
    "A-1001": {"tea": 3, "cup": 2},
    "A-1002": {"kettle": 1},
    "A-1003": {"tea": 1, "kettle": 2},
}

#: Seconds without a new line after which an upload counts as given up.
UPLOAD_PATIENCE_SECONDS = 30


class PaymentError(Exception):
    """The bank refuses a payment."""


class DeliveryError(Exception):
    """The supplier has not brought the goods yet."""


class UploadError(Exception):
    """An upload ended before its last line."""


@shared_task
def price_of(product: str, quantity: int = 1) -> int:
    """Return what some pieces of a product cost."""
    return PRICES[product] * quantity


@shared_task
def charge_card(order: str, card: str) -> str:
    """Charge an order to a card; this bank declines every card."""
    raise PaymentError(f"no payment for {order} with the card that ends in {card[-4:]}")


@shared_task(bind=True, autoretry_for=(DeliveryError,), default_retry_delay=0.5, max_retries=100)
def ship_order(self: Task, order: str) -> dict[str, Any]:
    """Ship an order; try again until the delivery note of its goods is in the inbox."""
    if not (settings.INBOX_DIR / f"{order}.delivered").exists():
        raise DeliveryError(f"goods for {order} are on their way")
    return {"shipped": order, "attempts": self.request.retries + 1}


@shared_task(bind=True)
def import_prices(self: Task, filename: str) -> dict[str, int]:
    """Import a price list while it is being uploaded, and report each line that came."""
    lines = 0
    with (settings.INBOX_DIR / filename).open() as upload:
        for _line in _lines_of(upload):
            lines += 1
            self.update_state(state="PROGRESS", meta={"lines": lines})
    return {"lines": lines}


def _lines_of(upload: TextIO) -> Iterator[str]:
    """Yield the lines of a growing file up to the line ``END``."""
    deadline = time.monotonic() + UPLOAD_PATIENCE_SECONDS
    while (line := upload.readline().strip()) != "END":
        if line:
            yield line
            deadline = time.monotonic() + UPLOAD_PATIENCE_SECONDS
        elif time.monotonic() > deadline:
            raise UploadError(f"no line for {UPLOAD_PATIENCE_SECONDS} seconds and no END")
        else:
            time.sleep(0.05)


@shared_task
def thumbnail(photo: str, width: int) -> str:
    """Return the name of a smaller copy of a photo (which nobody makes: this is a demo)."""
    name, _, extension = photo.rpartition(".")
    return f"{name}-{width}.{extension}"


@shared_task
def order_total(order: str) -> int:
    """Return what an order costs."""
    return sum(PRICES[product] * quantity for product, quantity in ORDERS[order].items())


@shared_task
def daily_report(totals: list[int], day: str) -> dict[str, Any]:
    """Return the report of a day from the totals of its orders."""
    return {"day": day, "orders": len(totals), "total": sum(totals)}


@shared_task
def add_vat(price: int, percent: int) -> int:
    """Return a price with value-added tax."""
    return round(price * (100 + percent) / 100)


@shared_task
def price_tag(price: int, currency: str) -> str:
    """Return a price as people read it."""
    return f"{price / 100:.2f} {currency}"
