"""Which neural networks a process could run: the evidence that an application and a network operator never met.

Whoever has not loaded the module that defines a network does not have that network. Nothing is imported here.
"""

from __future__ import annotations

import sys
from types import ModuleType

OURS = ("edge.", "emulator.", "optimizer.")


def network_modules() -> list[str]:
    """Names of the loaded modules of this project that define neural networks, sorted."""
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    loaded = list(sys.modules.items())  # a copy: another thread may be importing
    return sorted(name for name, module in loaded if name.startswith(OURS) and _defines(module, torch.nn.Module))


def _defines(module: ModuleType, base: type) -> bool:
    return any(
        isinstance(value, type) and issubclass(value, base) and value.__module__ == module.__name__
        for value in list(vars(module).values())
    )
