from __future__ import annotations

from django.forms import BaseForm


def at_the_error(form: BaseForm) -> BaseForm:
    """The form with the cursor in the first field that is wrong, which the browser scrolls to."""
    for field in form:
        if field.errors:
            field.field.widget.attrs["autofocus"] = True
            break
    return form
