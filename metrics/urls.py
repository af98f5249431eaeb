from django.urls import path

from metrics.boards import views
from metrics.exposition import exposition

urlpatterns = [
    path("", views.home, name="home"),
    path("boards/<slug:slug>/", views.board, name="board"),
    path("metrics", exposition, name="metrics"),
    path("boards/<slug:slug>/tiles/", views.make_tile, name="make_tile"),
]
