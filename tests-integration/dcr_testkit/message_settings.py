"""Settings for collecting messages: every package's strings go to the one catalogue, in dcr-models."""

from __future__ import annotations

from pathlib import Path

import dcr_models
from dcr_testkit.settings import *  # noqa: F403 - the same project

LOCALE_PATHS = [str(Path(dcr_models.__file__).parent / "locale")]
