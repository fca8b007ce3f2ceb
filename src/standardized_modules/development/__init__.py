"""A service on this machine: its engines, its processes, reload. No Docker, no cloud.

`plan` decides what runs where, `run` runs it until somebody stops it and tells each event to
whoever asked. What events look like on a terminal is the business of `reports`.
"""

from standardized_modules.development.plan import Options, Plan, plan
from standardized_modules.development.session import run

__all__ = ["Options", "Plan", "plan", "run"]
