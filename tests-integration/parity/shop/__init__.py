"""An app that extends results in the way that 2.6 offers: multi-table inheritance."""
