"""What can go wrong before Terraform has a say. What Terraform itself finds is a `Diagnostic`, never an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from standardized_modules.errors import SmError

if TYPE_CHECKING:
    from .core import Diagnostic


class OfflineTerraformError(SmError):
    """Base of all errors of this package."""

    exit_code = 2
    kind = "terraform"


class WheelUnavailableError(OfflineTerraformError):
    """A pinned wheel is neither cached nor downloadable, or is not the file that was pinned."""


class SchemaUnreadableError(OfflineTerraformError):
    """The generated source in a wheel has a shape that the extractor does not know."""

    exit_code = 3

    def __init__(self, message: str) -> None:
        super().__init__(
            message, hint="the generator changed its layout: pin the previous wheel in pins.py, or report it"
        )


class CoreUnavailableError(OfflineTerraformError):
    """No usable Terraform core on this machine."""


class CoreFailedError(OfflineTerraformError):
    """The core ended in a way that gives no result. `diagnostics` are what it said, as far as it can be told apart."""

    exit_code = 1

    def __init__(self, message: str, output: str, diagnostics: tuple[Diagnostic, ...] = ()) -> None:
        super().__init__(message, hint="the attribute `output` of this error has all that the core printed")
        self.output, self.diagnostics = output, diagnostics
