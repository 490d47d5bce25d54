"""Chords whose parts return in processes of their own, some of which are killed."""
