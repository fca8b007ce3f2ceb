"""The wheels that schemas come from, pinned by version and by hash.

HashiCorp publishes provider binaries on its own registry alone. The community fork of CDK for Terraform
publishes, on PyPI, TypeScript generated from the very same schemas: https://pypi.org/project/cdktn-provider-aws/
To move a pin: change version, hash and provider version here, then run tests/terraform_offline.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PinnedProvider:
    """One provider, at the version that the wheel was generated from."""

    name: str
    version: str
    package: str
    package_version: str
    sha256: str

    @property
    def wheel_name(self) -> str:
        """File name on PyPI."""
        return f"{self.package.replace('-', '_')}-{self.package_version}-py3-none-any.whl"

    @property
    def source(self) -> str:
        """What `required_providers` calls it, without the registry's host."""
        return f"hashicorp/{self.name}"


PINNED: dict[str, PinnedProvider] = {
    pin.name: pin
    for pin in (
        PinnedProvider(
            "aws",
            "6.69.1",
            "cdktn-provider-aws",
            "25.8.1",
            "2ffa579cb88b063cb3a9937e43c519391e876845768f51638a848bdf2ce9f354",
        ),
        PinnedProvider(
            "azurerm",
            "5.10.0",
            "cdktn-provider-azurerm",
            "18.9.0",
            "83dc7e7d1e8e0dcc62d0ceeb8aff741bf70f5132548d9b47169f619425a6b4e1",
        ),
        PinnedProvider(
            "random",
            "3.9.1",
            "cdktn-provider-random",
            "15.0.1",
            "b721666146e90086c08549e992576e6bb6e3c0e86699fe014b65b9dbe6275407",
        ),
        PinnedProvider(
            "kubernetes",
            "3.4.0",
            "cdktn-provider-kubernetes",
            "17.1.0",
            "4475622575f2baff8dd1b5008787c3096cbde7e2ea614fab6743c5d1ab6040cf",
        ),
    )
}
