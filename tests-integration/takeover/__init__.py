"""Databases of published releases, taken over by this one and given back."""
