from __future__ import annotations

from django import template

from metrics.boards.faces import face
from metrics.kpis.ages import ago
from metrics.kpis.numbers import number

register = template.Library()
register.filter("face", face)
register.filter("ago", ago)
register.filter("figure", number)
