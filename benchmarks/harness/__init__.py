"""Measuring servers side by side: ratios within one run, in rounds that take turns."""
