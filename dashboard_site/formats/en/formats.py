"""Dates in English that cannot be misread abroad, and hours as on every page; Django's own are American.

The letters: https://docs.djangoproject.com/en/5.2/ref/templates/builtins/#date
"""

TIME_FORMAT = "H:i"
DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j M Y H:i"
SHORT_DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
