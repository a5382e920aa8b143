"""Says in words what a picture shows, differently every time.

What goes unsaid is what one would take for granted: a shape lies in the middle, in medium size, on plain paper; it is
day; a boat is at sea. So a prompt that is silent on these gets them.
"""

import string
from collections.abc import Sequence

import numpy as np

from deployments.demo.world import words
from deployments.demo.world.picture import HOME, Figure, Picture, Scene, Shapes
from deployments.demo.world.subjects import USUAL


def caption(picture: Picture, rng: np.random.Generator) -> str:
    """One way to ask for ``picture``: a sentence or a list of words, now and then with some that mean nothing.

    One time in twelve only one or two things of it are named, as people do in negative prompts.
    """
    if rng.random() < 1 / 12:
        return ", ".join(rng.permutation(_things(picture, rng))[: rng.integers(1, 3)].tolist())
    said = _scene(picture, rng) if isinstance(picture, Scene) else _shapes(picture, rng)
    if rng.random() < 0.3:
        said = f"{_pick(rng, words.OPENINGS)} {said}"
    if rng.random() < 0.2:
        said += "".join(f", {_pick(rng, words.ENDINGS)}" for _ in range(rng.integers(1, 4)))
    if rng.random() < 0.2:
        said = _with_chatter(said, rng)
    if rng.random() < 0.1:
        said += "."
    return _written(said, rng)


def _shapes(shapes: Shapes, rng: np.random.Generator) -> str:
    first, *others = shapes.figures
    said = _two(first, others[0], rng) if others else _one(first, rng)
    if shapes.background:
        colour = _pick(rng, words.COLOURS[shapes.background])
        said = _pick(
            rng,
            (
                f"{said} on a {colour} background",
                f"{said} on {colour}",
                f"{said}, {colour} background",
                f"{said} against a {colour} background",
                f"{colour} background, {said}",
                f"{said} with a {colour} background",
                f"{said} on {colour} background",
            ),
        )
    elif rng.random() < 0.1:
        said += _pick(rng, (" on a plain background", " on paper", ", plain background"))
    return _in_style(said, shapes.style, rng)


def _one(figure: Figure, rng: np.random.Generator) -> str:
    kind, colour = _pick(rng, words.KINDS[figure.kind]), _pick(rng, words.COLOURS[figure.colour])
    scale = "" if figure.scale == "medium" and rng.random() < 0.8 else _pick(rng, words.SCALES[figure.scale])
    place = "" if figure.place == "centre" and rng.random() < 0.8 else _pick(rng, words.PLACES[figure.place])
    praise = _pick(rng, words.PRAISE) if rng.random() < 0.12 else ""
    if rng.random() < 0.08:
        named = f"{_article(_joined(praise, scale, kind), rng)} that is {colour}"
    else:
        named = _article(_joined(praise, scale, colour, kind), rng)
    if place and rng.random() < 0.12:
        return f"{place}, {named}"
    return _joined(named, place)


def _things(picture: Picture, rng: np.random.Generator) -> list[str]:
    """Single words for what is there."""
    if isinstance(picture, Scene):
        things = [_pick(rng, words.LANDS[picture.land]), _pick(rng, words.SKIES[picture.sky])]
        if picture.subject is not None:
            things += [_pick(rng, words.SUBJECTS[picture.subject]), _colour_of(picture, rng)]
    else:
        figure = picture.figures[rng.integers(len(picture.figures))]
        things = [_pick(rng, words.KINDS[figure.kind]), _pick(rng, words.COLOURS[figure.colour])]
        if picture.background:
            things.append(f"{_pick(rng, words.COLOURS[picture.background])} background")
    if words.STYLES[picture.style]:
        things.append(_pick(rng, words.STYLES[picture.style]))
    return [thing for thing in things if thing]


def _two(first: Figure, second: Figure, rng: np.random.Generator) -> str:
    one, other = (
        _article(_joined(_pick(rng, words.COLOURS[f.colour]), _pick(rng, words.KINDS[f.kind])), rng)
        for f in (first, second)
    )
    if first.place == "left":
        return _pick(
            rng,
            (
                f"{one} and {other}",
                f"{one} next to {other}",
                f"{one} to the left of {other}",
                f"{one} left of {other}",
                f"{other} to the right of {one}",
                f"{one} on the left and {other} on the right",
                f"{one} beside {other}",
            ),
        )
    return _pick(
        rng,
        (
            f"{one} above {other}",
            f"{other} below {one}",
            f"{one} over {other}",
            f"{other} under {one}",
            f"{one} at the top and {other} at the bottom",
            f"{one} on top of {other}",
        ),
    )


def _scene(scene: Scene, rng: np.random.Generator) -> str:
    said = _landscape(scene, rng) if scene.subject is None else _someone(scene, rng)
    return _in_style(said, scene.style, rng)


def _landscape(scene: Scene, rng: np.random.Generator) -> str:
    land, sky = _pick(rng, words.LANDS[scene.land]), _pick(rng, words.SKIES[scene.sky])
    praise = _pick(rng, words.PRAISE) if rng.random() < 0.4 else ""
    bare = land.removeprefix("the ").removeprefix("a ")
    if scene.sky == "day" and rng.random() < 0.35:
        return _article(_joined(praise, bare), rng)
    return _pick(
        rng,
        (
            f"{_article(_joined(praise, sky), rng)} over {land}",
            f"{_article(_joined(praise, sky), rng)} {_pick(rng, words.LAND_PREPOSITIONS[scene.land])} {land}",
            f"{_joined(praise, bare)} at {sky}" if scene.sky != "storm" else f"{_joined(praise, bare)} in a {sky}",
            f"{_joined(praise, bare)} under {_article(_pick(rng, words.SKY_ADJECTIVES[scene.sky]), rng)} sky",
            f"{_pick(rng, words.SKY_ADJECTIVES[scene.sky])} {bare}",
            f"{bare}, {sky}",
            f"{sky}, {bare}",
            f"{_joined(praise, bare)} during {_article(sky, rng)}",
            f"{bare} with {_article(sky, rng)} in the background",
        ),
    )


def _someone(scene: Scene, rng: np.random.Generator) -> str:
    subject = scene.subject
    assert subject is not None
    name = _pick(rng, words.SUBJECTS[subject])
    praise = _pick(rng, words.PRAISE) if rng.random() < 0.3 else ""
    who = _article(_joined(praise, _colour_of(scene, rng), name), rng)
    if scene.place != "centre":
        who = _joined(who, _pick(rng, words.PLACES[scene.place]))
    if rng.random() < 0.4:
        who = _joined(who, _pick(rng, words.DOING[subject]))
    land, sky = _pick(rng, words.LANDS[scene.land]), _pick(rng, words.SKIES[scene.sky])
    where = f"{_pick(rng, words.LAND_PREPOSITIONS[scene.land])} {land}"
    when = f"in a {sky}" if scene.sky == "storm" else f"at {sky}"
    at_home = scene.land in HOME[subject]
    usual_sky = scene.sky == ("night" if subject == "moon" else "day")
    if at_home and rng.random() < 0.6:
        where = ""
    if usual_sky and rng.random() < 0.7:
        when = ""
    if when and rng.random() < 0.4:
        sky_word = _pick(rng, words.SKY_ADJECTIVES[scene.sky])
        when = _pick(
            rng,
            (
                f"under a {sky_word} sky",
                f"with a {sky} in the background",
                f"during {_article(sky, rng)}",
                f", {sky}",
                f"in the {sky}" if scene.sky in ("sunset", "night") else f", {sky_word} weather",
            ),
        )
    return _joined(who, where, when) if rng.random() < 0.85 else _listed(when, who, where)


def _colour_of(scene: Scene, rng: np.random.Generator) -> str:
    subject = scene.subject
    assert subject is not None
    colour = scene.colour
    if colour is None:
        if subject == "moon" or rng.random() < 0.85:
            return ""
        colour = USUAL[subject]
    own = words.OWN_COLOURS.get((subject, colour), ())
    return _pick(rng, own) if own and rng.random() < 0.5 else _pick(rng, words.COLOURS[colour])


def _in_style(said: str, style: str, rng: np.random.Generator) -> str:
    if style == "plain":
        return said
    if style == "night":
        return _pick(rng, (f"{said} at night", f"{said} in the night", f"{said}, night style", f"{said}, neon glow"))
    name = _pick(rng, words.STYLES[style])  # type: ignore[index]
    forms: Sequence[str] = (
        f"{said}, {name}",
        f"{said}, {name} style",
        f"{said} in {name} style",
        f"{name} painting of {said}",
        f"a {name} picture of {said}",
    )
    return _pick(rng, forms)


def _with_chatter(said: str, rng: np.random.Generator) -> str:
    """``said`` with one to three words thrown in that mean nothing; one in three is no word at all."""
    parts = said.split(" ")
    for _ in range(rng.integers(1, 4)):
        if rng.random() < 1 / 3:
            word = "".join(_pick(rng, string.ascii_lowercase) for _ in range(rng.integers(3, 9)))
        else:
            word = _pick(rng, words.CHATTER)
        parts.insert(int(rng.integers(len(parts) + 1)), word)
    return " ".join(parts)


def _written(said: str, rng: np.random.Generator) -> str:
    """``said`` in capitals as people write them: mostly none or the first letter, at times every word's, or all."""
    form = rng.random()
    if form < 0.3:
        return said[0].upper() + said[1:]
    if form < 0.34:
        return " ".join(word[:1].upper() + word[1:] for word in said.split(" "))
    return said.upper() if form < 0.38 else said


def _article(thing: str, rng: np.random.Generator) -> str:
    if rng.random() < 0.25:
        return thing
    if thing.endswith(("mountains", "peaks", "hills", "dunes", "alps", "skyscrapers", "grassland", "water", "waves")):
        return thing if rng.random() < 0.5 else f"the {thing}"
    if rng.random() < 0.15:
        return f"the {thing}"
    return f"an {thing}" if thing[0] in "aeiou" else f"a {thing}"


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part).replace(" ,", ",")


def _listed(*parts: str) -> str:
    return ", ".join(part.removeprefix(", ") for part in parts if part)


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
