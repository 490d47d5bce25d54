"""The names of the 2.x line, over the packages that hold the code.

Leaf modules re-export for type checkers and then put the real module in their place in ``sys.modules``, so
that patching through either name reaches the code. Packages (``backends``, ``migrations``) stay packages.
"""

import re
from typing import NamedTuple

from dcr_models import __version__ as __version__


class version_info_t(NamedTuple):  # noqa: N801 - the name that 2.x gave it
    """The parts of a version, ``releaselevel`` with whatever follows the three numbers."""

    major: int
    minor: int
    micro: int
    releaselevel: str
    serial: str


def _parse(version: str) -> version_info_t:
    match = re.match(r"(\d+)\.(\d+)\.(\d+)(.*)", version)
    if match is None:
        raise ValueError(f"The version must begin with three numbers, got {version!r}.")
    major, minor, micro, rest = match.groups()
    return version_info_t(int(major), int(minor), int(micro), rest, "")


VERSION = version_info = _parse(__version__)
