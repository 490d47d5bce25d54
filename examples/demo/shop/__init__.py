"""The shop: an app that has nothing but tasks."""
