from __future__ import annotations

from django import template

from metrics.boards.faces import face
from metrics.kpis.ages import ago
from metrics.kpis.numbers import number
from metrics.sentences import told

register = template.Library()
register.filter("face", face)
register.filter("ago", ago)
register.filter("figure", number)
register.filter("told", told)
