"""What can go wrong in the shop."""

from __future__ import annotations


class OutOfStockError(Exception):
    """There are fewer pieces than somebody ordered."""

    def __init__(self, article: str, left: int) -> None:
        super().__init__(article, left)
        self.article = article
        self.left = left


class SupplierBusyError(Exception):
    """The supplier does not answer now."""
