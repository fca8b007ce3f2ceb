"""Pods trust the servers of the regions that Terraform makes some in, and nobody else's."""

import re
import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

SERVICE = Path(__file__).parents[1]
AUTHORITIES = SERVICE / "src/accounts/database/authorities.pem"
TERRAFORM = SERVICE / "deploy/terraform/database.tf"
# Amazon Trust Services, of the proxy: https://www.amazontrust.com/repository/
STARFIELD = "Starfield Services Root Certificate Authority - G2"
PROXY = {STARFIELD, *(f"Amazon Root CA {number}" for number in range(1, 5))}


def trusted() -> dict[str, datetime]:
    """Until when each authority holds, by its name."""
    found = {}
    for each in ssl.create_default_context(cafile=AUTHORITIES).get_ca_certs():
        authority = cast("dict[str, Any]", each)
        subject = dict(part for parts in authority["subject"] for part in parts)
        end = ssl.cert_time_to_seconds(authority["notAfter"])
        found[subject["commonName"]] = datetime.fromtimestamp(end, UTC)
    return found


def test_terraform_and_the_service_know_the_same_regions() -> None:
    block = re.search(r"database_trusted_regions = \[(.*?)\]", TERRAFORM.read_text(), re.DOTALL)
    assert block
    regions = re.findall(r'"([a-z0-9-]+)"', block[1])
    of_rds = {f"Amazon RDS {region} Root CA RSA2048 G1" for region in regions}

    assert len(regions) == len(of_rds)
    assert set(trusted()) == of_rds | PROXY


def test_no_authority_ends_soon() -> None:
    assert min(trusted().values()) > datetime(2037, 1, 1, tzinfo=UTC)
