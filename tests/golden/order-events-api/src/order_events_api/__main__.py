"""Start the service."""

import sys

from .api import run_api
from .startup import read_settings


def main() -> int:
    """Returns the exit code of the process."""
    return run_api(read_settings())


if __name__ == "__main__":
    sys.exit(main())
