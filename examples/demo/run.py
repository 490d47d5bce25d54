#!/usr/bin/env python
"""Play the demo: a database, a worker, tasks of every kind, and what is stored of them.

Exit code: 0 where everything was as expected, 1 where something differed or failed, 130 after Ctrl-C.
"""

import argparse
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

PROJECT = Path(__file__).resolve().parent
VAR = PROJECT / "var"
WORKER_LOG = VAR / "worker.log"
WORKER_LOG_LINES = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the story in an empty ``var`` folder; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--serve", action="store_true", help="keep the worker and a web server up until Ctrl-C")
    parser.add_argument("--for", type=float, dest="seconds", metavar="SECONDS", help="end --serve after SECONDS")
    options = parser.parse_args(arguments)
    if options.seconds is not None and not options.serve:
        parser.error("--for needs --serve")

    # The end of a terminal and SIGTERM, like Ctrl-C, must end the worker too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    if VAR.exists():
        shutil.rmtree(VAR)
    try:
        differences = play_story(serve=options.serve, serve_seconds=options.seconds)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 130
    except Exception:  # noqa: BLE001 - whatever it is, the worker's log helps to understand it
        traceback.print_exc()
        show_worker_log()
        return 1
    if differences:
        show_worker_log()
        return 1
    return 0


def play_story(*, serve: bool, serve_seconds: float | None) -> list[str]:
    """Load the project, as manage.py does, and play the story."""
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "demo.settings"
    django.setup()

    from story.play import play  # imports models, which needs the line above

    return play(serve=serve, serve_seconds=serve_seconds)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """Let any of the signals end the story as Ctrl-C does."""
    raise KeyboardInterrupt


def show_worker_log() -> None:
    """Print the end of the worker's log, where there is one."""
    if WORKER_LOG.exists():
        print(f"\nThe last lines of {WORKER_LOG}:", file=sys.stderr)
        for line in WORKER_LOG.read_text(errors="replace").splitlines()[-WORKER_LOG_LINES:]:
            print(f"  {line}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
