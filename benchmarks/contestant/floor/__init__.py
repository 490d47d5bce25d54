"""The raw drivers doing the same work in the fewest statements: what no backend can beat."""
