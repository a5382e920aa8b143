"""What options of the command line mean. Each raises ``typer.BadParameter``, which names the option."""

import re
from base64 import b64encode
from pathlib import Path

import typer

from deployments.catalog import CATALOG, find_card


def models(text: str | None) -> tuple[str, ...]:
    """The ids in ``a,b``, without repetitions; none for none."""
    ids = []
    for name in filter(None, (part.strip() for part in (text or "").split(","))):
        card = find_card(name)
        if card is None:
            raise typer.BadParameter(f"no model {name!r}; there are {', '.join(CATALOG)}", param_hint="--models")
        ids.append(card.id)
    return tuple(dict.fromkeys(ids))


def sides(size: str | None) -> dict[str, int]:
    """``width`` and ``height`` of ``768x512``, or ``512`` for a square; nothing for none."""
    if size is None:
        return {}
    match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", size.strip().lower(), re.ASCII)
    if match is None:
        raise typer.BadParameter(f"{size!r} is no size; write 768x512, or 512 for a square", param_hint="--size")
    return {"width": int(match[1]), "height": int(match[2] or match[1])}


def content(path: Path | None, option: str) -> str | None:
    """A file's content in base64; ``option`` named it."""
    if path is None:
        return None
    try:
        return b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint=option) from None
