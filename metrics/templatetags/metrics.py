from __future__ import annotations

from django import template

from metrics.boards.faces import face

register = template.Library()
register.filter("face", face)
