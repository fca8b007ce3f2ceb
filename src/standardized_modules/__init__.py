"""Infrastructure patterns as a compiler: a small service spec in, a production-ready service out."""

__version__ = "1.2.0"

__all__ = ["InfrastructurePatternEngine", "__version__"]


def __getattr__(name: str) -> object:
    """Import the engine on first use, so that `sm --version` does not pay for it."""
    if name == "InfrastructurePatternEngine":
        from standardized_modules.engine import InfrastructurePatternEngine

        return InfrastructurePatternEngine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
