"""Static files under ASGI."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class WholeWhiteNoise(WhiteNoiseMiddleware):
    """WhiteNoise that answers with whole files.

    Its streams are synchronous iterators, which Django under ASGI reads whole anyway, with a warning for each file
    (evansd/whitenoise#531).
    """

    def add_files(self, root: str | Path, prefix: str | None = None) -> None:
        """Nothing was collected where the files come from the finders; WhiteNoise would warn of a missing directory."""
        if settings.COLLECTED or Path(root) != settings.STATIC_ROOT:
            super().add_files(root, prefix)

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:
        streamed = WhiteNoiseMiddleware.serve(static_file, request)
        if not streamed.streaming:
            return streamed
        whole = HttpResponse(b"".join(streamed.streaming_content), status=streamed.status_code)
        whole.headers = streamed.headers
        # What the file is now, not what it was when the server started: it may have been built anew since.
        whole.headers["Content-Length"] = str(len(whole.content))
        streamed.close()
        return whole
