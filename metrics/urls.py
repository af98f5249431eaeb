from django.urls import path

from metrics import browser
from metrics.boards import views
from metrics.exposition import exposition
from metrics.sources import views as sources

urlpatterns = [
    path("", views.home, name="home"),
    path("boards/<slug:slug>/", views.board, name="board"),
    path("metrics", exposition, name="metrics"),
    path("boards/<slug:slug>/tiles/", views.make_tile, name="make_tile"),
    path("sources/", sources.sources, name="sources"),
    path("sources/<str:name>/", sources.source, name="source"),
    path("series/", browser.series, name="series"),
    path("series/<int:number>/kpi/", browser.make_kpi, name="make_kpi"),
]
