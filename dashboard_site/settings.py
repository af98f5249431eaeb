"""Settings. Everything that may differ between installations is an environment variable; see docs/configuration.md."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from dashboard_site import environment as env
from dashboard_site.secret import secret_key
from dashboard_site.timezone import machine_zone

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()

DEBUG = env.flag("DEBUG")
HTTPS = env.flag("HTTPS")
HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8000, low=1, high=65535)
SECRET_KEY = env.text("SECRET_KEY") or secret_key(DATA_DIR)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
PULL_PRIVATE = env.flag("PULL_PRIVATE", default=True)

INSTALLED_APPS = [
    "daphne",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.admin",
    "axes",
    "channels",
    "django_htmx",
    "tailwind",
    "theme",
    "dashboard_site",
    "live",
    "metrics",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "live.headers.ContentSecurityPolicy",
    "dashboard_site.static.WholeWhiteNoise",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "live.presence.device.DeviceCookie",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard_site.urls"
ASGI_APPLICATION = "dashboard_site.asgi.application"
FORM_RENDERER = "django.forms.renderers.DjangoTemplates"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "live.push.pages.frame",
            ],
        },
    },
]

if address := env.url("DATABASE_URL", ("postgres", "postgresql", "sqlite")):
    DATABASES = {"default": environ.Env.db_url_config(address)}
else:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATA_DIR / "watchfloor.sqlite3"}}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "live.sqlite"
    # IMMEDIATE: with DEFERRED a transaction that reads before it writes fails at once with "database is locked".
    DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
    # A file also in tests: several threads and processes share it, as they do in production.
    DATABASES["default"]["TEST"] = {"NAME": os.environ.get("TEST_SQLITE", str(DATA_DIR / "test.sqlite3"))}
else:
    # A process that was frozen in a transaction must not hold its locks for ever.
    bounded = {"connect_timeout": 3, "options": "-c idle_in_transaction_session_timeout=10000"}
    DATABASES["default"]["OPTIONS"] = bounded | DATABASES["default"].get("OPTIONS", {})
DATABASES["default"] |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
# Other people's databases, which sources of the kind "sql" read; apart from DATABASES, so that nothing else uses them.
SQL_SOURCES = {
    name: environ.Env.db_url_config(address)
    for name, address in env.urls("DATABASES_", "_URL", ("postgres", "postgresql", "sqlite")).items()
}

# In ms. Raw samples are by far the most; PostgreSQL drops whole days of them.
RAW = "24h" if DATABASES["default"]["ENGINE"] == "live.sqlite" else "7d"
RETENTION = {
    "raw": env.duration("RETENTION_RAW", RAW, low="3h", high="90d"),
    "rollup_10": env.duration("RETENTION_10S", "48h", low="6h", high="90d"),
    "rollup_60": env.duration("RETENTION_1M", "30d", low="1d", high="5y"),
    "rollup_3600": env.duration("RETENTION_1H", "2y", low="7d", high="50y"),
}

REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [REDIS_URL]}}
    if REDIS_URL
    else {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}
}

# 0: this process serves pages and takes samples, and leaves collecting to `manage.py collect`.
COLLECT = env.flag("COLLECT", True)

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "live.accounts.backends.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LANGUAGE_COOKIE_SAMESITE = "Lax"
FORMAT_MODULE_PATH = "dashboard_site.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.zone("TIME_ZONE", machine_zone())
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Collected files have names that carry their hash; without a manifest the files come from the finders, so that a
# clone runs without a build step.
COLLECTED = (STATIC_ROOT / "staticfiles.json").exists()
STATIC_STORAGE = (
    "whitenoise.storage.CompressedManifestStaticFilesStorage"
    if COLLECTED
    else "django.contrib.staticfiles.storage.StaticFilesStorage"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": STATIC_STORAGE},
}
WHITENOISE_USE_FINDERS = not COLLECTED
WHITENOISE_AUTOREFRESH = DEBUG
TAILWIND_APP_NAME = "theme"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
FRAME_ANCESTORS = env.words("FRAME_ANCESTORS")
CSRF_FAILURE_VIEW = "live.accounts.views.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Each is LIMIT_… in the environment; 0 switches it off.
LIMITS = {
    name: env.whole(f"LIMIT_{name.upper()}", default)
    for name, default in {
        "sockets": 10_000,
        "sockets_per_address": 2_000,
        "sockets_per_user": 50,
        "handshakes": 200,
        "socket_messages": 20,
        "chat": 5,
        "logins": 10,
        "body": 1_048_576,
        "ingest_body": 0,
        "ingest_samples": 0,
    }.items()
}
AXES_ENABLED = bool(LIMITS["logins"])
AXES_FAILURE_LIMIT = LIMITS["logins"]
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_COOLOFF_TIME = timedelta(minutes=5)
AXES_LOCKOUT_CALLABLE = "live.accounts.views.locked_out"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
DATA_UPLOAD_MAX_MEMORY_SIZE = LIMITS["body"] or None

EMAIL_URL = env.url("EMAIL_URL", ("smtp", "smtp+tls", "smtp+ssl", "consolemail", "filemail", "memorymail"))
if EMAIL_URL:
    vars().update(environ.Env.email_url_config(EMAIL_URL))

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {"without_storms": {"()": "dashboard_site.logs.WithoutStorms"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["without_storms"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {"django.server": {"level": "INFO"}, "daphne": {"level": "WARNING"}},
}

if DEBUG and HTTPS:
    raise ImproperlyConfigured("DEBUG=1 and HTTPS=1 together: switch DEBUG off where people connect from outside.")
