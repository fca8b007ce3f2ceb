"""Where the process stands between start and stop. Probes read it, the server moves it."""

from dataclasses import dataclass


@dataclass
class Lifecycle:
    """starting → serving → draining; it never goes back."""

    started: bool = False
    draining: bool = False
    cut_off: int = 0
    """Pieces of work that were cancelled because the time to finish them was over."""

    @property
    def phase(self) -> str:
        """The phase in one word, for probes and logs."""
        if self.draining:
            return "draining"
        return "serving" if self.started else "starting"
