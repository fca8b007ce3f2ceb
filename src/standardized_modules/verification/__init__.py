"""Running the checks over a service: which ones, in which processes, what is known from last time."""

from standardized_modules.checks.suppressions import Suppression
from standardized_modules.verification.result import Outcome, Problem, Verification
from standardized_modules.verification.run import verify

__all__ = ["Outcome", "Problem", "Suppression", "Verification", "verify"]
