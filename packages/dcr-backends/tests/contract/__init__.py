"""What a result backend owes to Celery, as tests that any backend can run.

A backend runs them by a class that derives from the contracts and says in ``BackendContract``'s attributes
what it does differently by design. Celery's own in-memory backend runs them too: where that one fails, the
test is wrong.
"""

import pytest

for module in ("chords", "exceptions", "execution", "groups", "tasks", "values"):
    pytest.register_assert_rewrite(f"{__name__}.{module}")
