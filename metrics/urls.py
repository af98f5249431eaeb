from django.urls import path

from metrics.boards import views

urlpatterns = [
    path("", views.home, name="home"),
    path("boards/<slug:slug>/", views.board, name="board"),
    path("boards/<slug:slug>/tiles/", views.make_tile, name="make_tile"),
]
