"""SQL and querysets of the tables; with the managers, the only place that queries them."""
