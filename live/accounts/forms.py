from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


class SignInForm(AuthenticationForm):
    # One sentence for every failure, so that nobody learns which names exist.
    error_messages = dict.fromkeys(["invalid_login", "inactive"], _("Name and password do not match."))

    keep = forms.BooleanField(label=_("Keep me signed in"), required=False)


class LockedOutForm(SignInForm):
    """What was tried once too often: nothing is looked up any more."""

    def clean(self) -> dict[str, Any]:
        raise ValidationError(_("Too many tries. Wait five minutes, then try again."), code="locked_out")


class TokenForm(forms.Form):
    name = forms.CharField(
        label=_("What the token is for"), max_length=80, required=False, widget=forms.TextInput({"autocomplete": "off"})
    )


class ChangePasswordForm(PasswordChangeForm):
    """On a page with more than this form, where Django's focus would scroll past the rest."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["old_password"].widget.attrs["autofocus"]
