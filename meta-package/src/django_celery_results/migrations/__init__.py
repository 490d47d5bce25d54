"""The migrations, from dcr_models."""

import dcr_models.migrations as _real

# One entry only: Django's loader lists what it finds under each.
__path__ = list(_real.__path__)
