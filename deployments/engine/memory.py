"""What this process holds on its device."""

import torch

from deployments.engine.stats import Memory


def memory(device: torch.device) -> Memory | None:
    """Bytes on ``device`` now; ``None`` where torch's allocator keeps no account. Waits for nothing."""
    if device.type != "cuda":
        return None
    return Memory(torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device))
