"""LoRAs per request: read once, held in bounded memory, and laid over the rows of a forward that ask for them."""

from deployments.engine.adapters.apply import applied, applied_to_rows
from deployments.engine.adapters.library import Adapters, LoraLibrary, versions
from deployments.engine.adapters.lora import Lora, read_lora

__all__ = ["Adapters", "Lora", "LoraLibrary", "applied", "applied_to_rows", "read_lora", "versions"]
