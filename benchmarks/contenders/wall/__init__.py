"""Watchfloor itself, with one page more: a wall whose fragment is as large as an order says."""
