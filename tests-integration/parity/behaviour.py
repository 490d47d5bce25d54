"""Run every scenario through the public interface of the installed ``django_celery_results``; print JSON.

Runs in either environment: ``python -m parity.behaviour``. A scenario that breaks off is reported under
``BROKE_OFF`` and lets the others run.
"""

from __future__ import annotations

import traceback

from parity import environment
from parity.facts import fact

#: Stands between the title of a scenario and one of its details.
DETAIL = " > "

#: Detail of a scenario that did not come to its end.
BROKE_OFF = "broke off"


def observe() -> dict[str, tuple[str, bool]]:
    """Return ``scenario > detail`` -> (what was seen, True) of all scenarios."""
    from django.test.utils import setup_databases, setup_test_environment, teardown_databases

    from parity import project, scenarios

    scenarios.load()
    setup_test_environment(debug=False)
    databases = setup_databases(verbosity=0, interactive=False)
    seen: dict[str, tuple[str, bool]] = {}
    try:
        for title, run in project.SCENARIOS.items():
            project.clear()
            try:
                details = run()
            except Exception:  # noqa: BLE001 - whatever it is, the other scenarios are worth running
                traceback.print_exc()
                seen[f"{title}{DETAIL}{BROKE_OFF}"] = (traceback.format_exc().splitlines()[-1], True)
                continue
            seen.update({f"{title}{DETAIL}{detail}": (fact(value), True) for detail, value in details.items()})
    finally:
        teardown_databases(databases, verbosity=0)
    return seen


def main() -> None:
    """Print what was seen."""
    environment.set_up()
    environment.answer(observe())


if __name__ == "__main__":
    main()
