"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from dashboard_site import health

urlpatterns = [
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("live.urls")),
    path("", include("metrics.urls")),
]
