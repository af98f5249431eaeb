"""The settings under test, with a data directory of their own, so that tests never touch somebody's ./data."""

import atexit
import os
import shutil
import tempfile

os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="watchfloor-tests-")
atexit.register(shutil.rmtree, os.environ["DATA_DIR"], ignore_errors=True)

from dashboard_site.settings import *  # noqa: E402, F403 (the directory comes first)

AXES_ENABLED = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # a test signs in a thousand times as fast
# Tests say more in a second than a person does; those about these limits set their own.
LIMITS = {**LIMITS, "chat": 0, "logins": 0}  # noqa: F405
