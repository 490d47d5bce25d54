"""A project's own app: models over the abstract bases, a proxy, a model that inherits the old way."""
