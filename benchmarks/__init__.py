"""The project's own measurements: its backends beside their peers, interleaved in one run."""
