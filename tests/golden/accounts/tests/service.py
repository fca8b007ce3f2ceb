"""The API as a process, with the routes of the tests: `python -m tests.service`."""

import sys

from accounts.api import run_api
from accounts.startup import read_settings
from tests.support import misbehaving

if __name__ == "__main__":
    sys.exit(run_api(read_settings(), misbehaving))
