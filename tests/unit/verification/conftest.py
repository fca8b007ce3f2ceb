from tests.unit.verification.inline_checks import inline_check

__all__ = ["inline_check"]
