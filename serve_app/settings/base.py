"""What all settings share."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


class Settings(BaseModel):
    """The habits that all settings share: frozen, no unknown names, and no error that repeats what may be a secret."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), hide_input_in_errors=True)


def absolute(path: Path) -> Path:
    """``path``; raises ValueError for a relative one."""
    if not path.is_absolute():
        raise ValueError(
            f"must be an absolute path (it is read in processes with another working directory), got {path}"
        )
    return path


AbsolutePath = Annotated[Path, AfterValidator(absolute)]
