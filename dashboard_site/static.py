"""Static files under ASGI."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class WholeWhiteNoise(WhiteNoiseMiddleware):
    """WhiteNoise that answers with whole files.

    Its streams are synchronous iterators, which Django under ASGI reads whole anyway, with a warning for each file
    (evansd/whitenoise#531).
    """

    @staticmethod
    def serve(static_file, request: HttpRequest) -> HttpResponse:
        streamed = WhiteNoiseMiddleware.serve(static_file, request)
        if not streamed.streaming:
            return streamed
        whole = HttpResponse(b"".join(streamed.streaming_content), status=streamed.status_code)
        whole.headers = streamed.headers
        streamed.close()
        return whole
