"""Errors that a database's own driver raises, without a single one that was raised by hand."""
