"""Copies of the database that can be put back: `manage.py backup FILE` and `manage.py restore FILE`."""
