"""Ours beside the published 2.6.0: public names and behaviours, each side read in an environment of its own."""
