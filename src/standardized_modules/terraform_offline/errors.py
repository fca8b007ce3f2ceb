"""What can go wrong before Terraform has a say. Everything Terraform itself finds is a `Diagnostic`, not an exception."""


class OfflineTerraformError(Exception):
    """Base of all errors of this package: a message, and a hint that tells what to do about it."""

    exit_code = 2

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class WheelUnavailable(OfflineTerraformError):
    """A pinned wheel is neither cached nor downloadable, or is not the file that was pinned."""


class SchemaUnreadable(OfflineTerraformError):
    """The generated source in a wheel has a shape that the extractor does not know."""

    exit_code = 3


class CoreUnavailable(OfflineTerraformError):
    """No usable Terraform core on this machine."""


class CoreFailed(OfflineTerraformError):
    """The core ended in a way that gives no diagnostics to report."""

    exit_code = 1

    def __init__(self, message: str, output: str) -> None:
        super().__init__(
            message, "run the same command by hand in the directory to see all of its output"
        )
        self.output = output
