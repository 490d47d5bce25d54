"""Measure, print the table, write JSON and the plot: ``python -m benchmarks``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import lineup, plot, report, servers
from .process import ContestantError
from .rows import ROWS
from .runner import Plan, measure


def arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and smaller rounds: under three minutes in all")
    parser.add_argument("--databases", nargs="+", choices=servers.DATABASES, default=list(servers.DATABASES))
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--contestants", nargs="+", choices=lineup.CONTESTANTS, help="default: all there are")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write all figures there")
    parser.add_argument("--svg", type=Path, metavar="PATH", help="draw the plot there")
    return parser.parse_args()


def main() -> int:
    """Run what was asked for; missed targets are no failure."""
    # Leave through the clean-up of scratch databases and processes, as an interrupt does.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))
    asked = arguments()
    started = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - started:5.0f} s  {text}", file=sys.stderr, flush=True)

    plan = Plan(
        rows=tuple(ROWS[name] for name in asked.rows),
        quick=asked.quick,
        say=say,
    )
    chosen = {database: lineup.choose(asked.contestants, database) for database in asked.databases}
    redis = any(contestant.protocol == "redis" for contestants in chosen.values() for contestant in contestants)
    machine = facts(asked.databases, redis=redis)
    print("\n".join(f"{name}: {value}" for name, value in machine.items()))
    measured = []
    for database, contestants in chosen.items():
        try:
            results = measure(database, contestants, plan)
        except ContestantError as error:
            sys.exit(f"{database}: a contestant cannot start: {error}")
        measured.append(results)
        print("\n".join(report.lines(results)), flush=True)
    warnings = list(report.mixed_sources(measured))
    print("\n".join(["", *warnings]), flush=True)
    if asked.json:
        written: dict[str, Any] = {
            "facts": machine,
            "quick": asked.quick,
            "warnings": warnings,
            "seconds": round(time.monotonic() - started),
            "databases": [results.as_dict() for results in measured],
        }
        asked.json.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    if asked.svg:
        asked.svg.write_text(plot.draw(measured, machine), encoding="utf-8")
    say("done")
    return 0


def facts(databases: list[str], *, redis: bool) -> dict[str, str]:
    """Return what figures depend on, and nothing that names the machine."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        **servers.versions(databases, redis=redis),
    }


if __name__ == "__main__":
    sys.exit(main())
