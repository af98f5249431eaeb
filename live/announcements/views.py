from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from live.announcements import verbs
from live.announcements.forms import PageForm
from live.announcements.models import Announcement
from live.announcements.topic import KEY, PERMISSION, AnnouncementsTopic, ScheduleTopic
from live.forms import at_the_error
from live.push.pages import page_state, socket_url
from live.push.topics import Log, Region, Topic

ENDED_PER_PAGE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def announcements(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request, PageForm())
    author = _announcer(request)
    form = PageForm(request.POST)
    if not form.is_valid():
        return _page(request, at_the_error(form), status=422)
    verbs.announce(form.save(commit=False), by=author)
    messages.success(request, _("Announced."))
    return HttpResponseRedirect(reverse("announcements"), status=303)


@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    _announcer(request)
    number = request.POST.get("id", "")
    if not number.isdecimal():
        raise Http404
    verbs.withdraw(get_object_or_404(Announcement, pk=number))
    messages.success(request, _("Withdrawn."))
    return HttpResponseRedirect(reverse("announcements"), status=303)


def _announcer(request: HttpRequest) -> User:
    if not isinstance(request.user, User) or not request.user.has_perm(PERMISSION):
        raise PermissionDenied(_("Only staff announce."))
    return request.user


def _page(request: HttpRequest, form: BaseForm, *, status: int = 200) -> HttpResponse:
    may_add = request.user.has_perm(PERMISSION)
    ended = Paginator(Announcement.objects.ended(timezone.now()), ENDED_PER_PAGE)
    context = {
        "socket": socket_url("/ws/notifications/"),
        "active": _regions(AnnouncementsTopic(KEY))[1],
        "scheduled": _regions(ScheduleTopic(KEY))[0] if may_add else None,
        "ended": ended.get_page(request.GET.get("page")),
        "form": form if may_add else None,
        "may_add": may_add,
    }
    return render(request, "live/announcements.html", context, status=status)


def _regions(topic: Topic) -> tuple[Region | Log, ...]:
    state = page_state(topic)
    return state.regions if state else ()
