"""Boards and the tiles on them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar

from django.db import models, transaction
from django.db.models import F, OuterRef, Q, Subquery, Sum, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext_lazy as _

from live.people import AudienceQuerySet, WithAudience
from live.push.signals import publish
from metrics.kpis.models import KPI


class BoardQuerySet(AudienceQuerySet):
    def in_order(self) -> BoardQuerySet:
        """As people list them: the default board first."""
        return self.order_by("-is_default", "position", "name", "pk")

    def with_version(self) -> BoardQuerySet:
        """With `at_version`, a text that differs after any change of the board, its KPIs, their series or samples."""
        tiles = BoardTile.objects.filter(board=OuterRef("pk")).order_by().values("board")
        numbers: list[Combinable] = [
            F("version"),
            _sum(tiles, "kpi__version"),
            _sum(tiles, "kpi__series__total"),
            _sum(tiles, "kpi__series__stale_at"),
        ]
        texts = [piece for number in numbers for piece in (Value("."), Cast(number, TextField()))]
        return self.annotate(at_version=Concat(*texts[1:], output_field=TextField()))

    def changed(self) -> None:
        """Give each of these boards a new version and publish it after the commit. Call it in a transaction."""
        # In id order, so that two transactions cannot wait for each other.
        boards = list(Board.objects.select_for_update().filter(pk__in=self.values("pk")).order_by("pk"))
        Board.objects.filter(pk__in=[board.pk for board in boards]).update(version=F("version") + 1)
        _publish_after_commit(board.slug for board in boards)

    def shown_anew(self) -> None:
        """Publish these boards after the commit, for a change of something that they show. Call it in a transaction."""
        _publish_after_commit(self.order_by().values_list("slug", flat=True))


class Board(WithAudience):
    """Tiles in an order, with a room beside them. `version` goes up with whatever changes the board itself."""

    slug = models.SlugField(
        _("short name"),
        max_length=60,
        unique=True,
        blank=True,
        help_text=_("Part of the board's address; cannot be changed later. Empty: made from the name."),
    )
    name = models.CharField(_("name"), max_length=100)
    is_default = models.BooleanField(
        _("default board"), default=False, editable=False, help_text=_("The board that the address / shows.")
    )
    room = models.ForeignKey(
        "live.Room",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="boards",
        verbose_name=_("room"),
        help_text=_("Shown beside the tiles to those who may see the room."),
    )
    position = models.IntegerField(_("position"), default=0, help_text=_("Boards with lower numbers come first."))
    kpis = models.ManyToManyField(KPI, through="BoardTile", related_name="boards", verbose_name=_("KPIs"))
    version = models.BigIntegerField(default=0, editable=False)

    objects: ClassVar = BoardQuerySet.as_manager()

    class Meta:
        verbose_name = _("board")
        verbose_name_plural = _("boards")
        constraints = [
            # The address / shows one board.
            models.UniqueConstraint(fields=["is_default"], condition=Q(is_default=True), name="board_one_default"),
        ]

    def __str__(self) -> str:
        return self.name


class BoardTile(models.Model):
    """A KPI's place on a board."""

    board = models.ForeignKey(Board, models.CASCADE, related_name="tiles", db_index=False)
    kpi = models.ForeignKey(KPI, models.CASCADE, related_name="tiles", verbose_name=_("KPI"))
    position = models.PositiveIntegerField(
        _("position"), default=0, help_text=_("Tiles with lower numbers come first.")
    )

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("tile")
        verbose_name_plural = _("tiles")
        constraints = [
            # A tile's DOM id is its KPI's, so a board shows a KPI once. Its index also finds a board's tiles.
            models.UniqueConstraint(fields=["board", "kpi"], name="tile_once_per_board"),
        ]

    def __str__(self) -> str:
        return f"{self.board_id}/{self.kpi_id}"


def _publish_after_commit(slugs: Iterable[str]) -> None:
    if topics := [f"board.{slug}" for slug in slugs]:
        transaction.on_commit(partial(publish, *topics), robust=True)


def _sum(tiles: models.QuerySet, field: str) -> Coalesce:
    total = tiles.annotate(total=Sum(field)).values("total")
    return Coalesce(Subquery(total), 0, output_field=models.BigIntegerField())
