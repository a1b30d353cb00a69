# mypy: ignore-errors
"""A Django project of one file: dj-stripe on SQLite in DJ_STATE, which asks the API at STRIPE_API_HOST."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings

KEY = os.environ["STRIPE_API_KEY"]
_APPS = ("contenttypes", "auth", "sessions", "admin", "messages")

settings.configure(
    DEBUG=False,
    SECRET_KEY="unused",
    USE_TZ=True,
    ROOT_URLCONF=__name__,
    ALLOWED_HOSTS=["127.0.0.1"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(os.environ["DJ_STATE"]) / "dj.sqlite3"),
            # Stripe delivers many events at once; SQLite has one writer.
            "OPTIONS": {"timeout": 60, "transaction_mode": "IMMEDIATE"},
        }
    },
    INSTALLED_APPS=[*(f"django.contrib.{name}" for name in _APPS), "djstripe"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ]
            },
        }
    ],
    STRIPE_TEST_SECRET_KEY=KEY,
    STRIPE_LIVE_MODE=False,
    STRIPE_API_HOST=os.environ["STRIPE_API_HOST"],
    DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.urls import include, path  # noqa: E402 - only works once Django is set up

urlpatterns = [path("stripe/", include("djstripe.urls", namespace="djstripe"))]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
