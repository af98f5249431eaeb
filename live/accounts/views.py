from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from live.accounts.forms import ChangePasswordForm, LockedOutForm, SignInForm, TokenForm
from live.accounts.models import PersonalToken
from live.accounts.tokens import make_personal_token, revoke_personal_token
from live.accounts.verbs import rights_changed
from live.forms import at_the_error
from live.push.pages import socket_url
from live.requests import MemberRequest

THEME_COOKIE, THEMES = "theme", ("system", "light", "dark")
A_YEAR = 365 * 24 * 3600


class SignIn(LoginView):
    """Signs in for this browser session, or for as long as sessions last when asked to keep the person signed in."""

    form_class = SignInForm

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        if not form.cleaned_data["keep"]:
            self.request.session.set_expiry(0)
        return response


def locked_out(request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any]) -> HttpResponse:
    """The answer to a name and address that failed too often (axes calls it)."""
    form = LockedOutForm(request, data=request.POST)
    context = {"form": form, "next": request.POST.get("next", "")}
    return render(request, "registration/login.html", context, status=429)


@login_required
@never_cache
@require_safe
def account(request: MemberRequest) -> HttpResponse:
    return _page(request)


@sensitive_post_parameters()
@login_required
@never_cache
@require_POST
def change_password(request: MemberRequest) -> HttpResponse:
    form = ChangePasswordForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, password_form=at_the_error(form), status=422)
    form.save()
    update_session_auth_hash(request, request.user)
    rights_changed([request.user.pk])
    messages.success(request, _("Your password has been changed; other devices have been signed out."))
    return HttpResponseRedirect(reverse("account"), status=303)


@login_required
@never_cache
@require_POST
def make_token(request: MemberRequest) -> HttpResponse:
    """Make a token and show it in this answer: it is kept in no message, address or log."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _page(request, token_form=at_the_error(form), status=422)
    return _page(request, new_token=make_personal_token(request.user, form.cleaned_data["name"]))


@login_required
@require_POST
def revoke_token(request: MemberRequest) -> HttpResponse:
    number = request.POST.get("id", "")
    if not number.isdecimal():
        raise Http404
    revoke_personal_token(get_object_or_404(request.user.personal_tokens, pk=number))
    messages.success(request, _("The token has been revoked."))
    return HttpResponseRedirect(reverse("account"), status=303)


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    theme = request.POST.get("theme")
    response = HttpResponseRedirect(_safe_next(request), status=303)
    if theme in THEMES:
        secure = request.is_secure()
        response.set_cookie(THEME_COOKIE, theme, max_age=A_YEAR, samesite="Lax", secure=secure, httponly=True)
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Told to people whose form is older than their session. `reason` is for the log, where Django writes it."""
    sentence = _("This form is out of date. Go back, reload the page and send it again.")
    return render(request, "403.html", {"exception": sentence}, status=403)


def _page(request: MemberRequest, *, status: int = 200, **given: object) -> HttpResponse:
    context = {
        "socket": socket_url("/ws/notifications/"),
        "password_form": ChangePasswordForm(request.user),
        "tokens": PersonalToken.objects.filter(user=request.user, revoked_at=None).order_by("-pk"),
        "token_form": TokenForm(),
        "new_token": "",
    }
    return render(request, "live/account.html", context | given, status=status)


def _safe_next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    host, secure = {request.get_host()}, request.is_secure()
    return target if url_has_allowed_host_and_scheme(target, host, require_https=secure) else "/"
