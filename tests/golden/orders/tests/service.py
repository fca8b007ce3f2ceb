"""The service as a process, with the routes of the tests: `python -m tests.service`."""

import sys

from orders.__main__ import main
from tests.support import misbehaving

if __name__ == "__main__":
    sys.exit(main(misbehaving))
