"""Two hundred prompts as people write them, and what a picture has to show to be an answer.

A table and no program: what is asked here is decided by reading, so that the check does not share its idea of language
with the captions that the models learn from. A prompt asks for what its words say; what it leaves open is not wanted.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deployments.demo.world.picture import Colour, Kind, Land, Place, Scale, Sky, Style, Subject


@dataclass(frozen=True, slots=True)
class Case:
    """A prompt, what it asks for (keys and values of :data:`deployments.demo.world.labels.CLASSES`), and a seed."""

    prompt: str
    wanted: Mapping[str, str]
    seed: int


def _figure(
    colour: Colour,
    kind: Kind,
    *,
    on: Colour | None = None,
    scale: Scale | None = None,
    place: Place | None = None,
    style: Style | None = None,
) -> dict[str, str]:
    """One figure; ``on`` is the background's colour."""
    said = {"background": on, "scale": scale, "place": place, "style": style}
    return {"figures": "1", "colour": colour, "kind": kind} | {key: value for key, value in said.items() if value}


def _two(
    one: tuple[Colour, Kind], other: tuple[Colour, Kind], *, place: Place | None = None, on: Colour | None = None
) -> dict[str, str]:
    """Two figures, ``one`` on the ``left`` or at the ``top``."""
    said = {"background": on, "place": place}
    figures = {"colour": one[0], "kind": one[1], "other colour": other[0], "other kind": other[1]}
    return {"figures": "2"} | figures | {key: value for key, value in said.items() if value}


def _scene(
    sky: Sky | None = None,
    land: Land | None = None,
    subject: Subject | None = None,
    *,
    colour: Colour | None = None,
    place: Place | None = None,
    style: Style | None = None,
) -> dict[str, str]:
    """A landscape, and who is in it; ``colour`` and ``place`` are the subject's."""
    said = {"sky": sky, "land": land, "subject": subject, "colour": colour, "place": place, "style": style}
    return {"figures": "0"} | {key: value for key, value in said.items() if value}


# fmt: off
_FIGURES: tuple[tuple[str, dict[str, str]], ...] = (
    # a colour and a kind
    ("a red circle", _figure("red", "circle")),
    ("A blue square", _figure("blue", "square")),
    ("green triangle", _figure("green", "triangle")),
    ("a yellow star", _figure("yellow", "star")),
    ("a pink heart", _figure("pink", "heart")),
    ("An orange diamond", _figure("orange", "diamond")),
    ("purple circle, highly detailed", _figure("purple", "circle")),
    ("a brown square", _figure("brown", "square")),
    ("a black triangle", _figure("black", "triangle")),
    ("draw a golden star", _figure("yellow", "star")),
    ("A Crimson Heart", _figure("red", "heart")),
    ("an emerald diamond", _figure("green", "diamond")),
    ("a picture of a violet square", _figure("purple", "square")),
    ("please draw a blue triangle", _figure("blue", "triangle")),
    ("Show me an orange ball", _figure("orange", "circle")),
    ("a simple red box", _figure("red", "square")),
    ("a lovely magenta disc", _figure("pink", "circle")),
    ("a scarlet triangle, best quality, sharp focus", _figure("red", "triangle")),
    ("a cobalt heart", _figure("blue", "heart")),
    ("chocolate circle, 4k, masterpiece", _figure("brown", "circle")),
    ("i want a green heart", _figure("green", "heart")),
    ("BLUE DIAMOND", _figure("blue", "diamond")),
    ("a five-pointed star that is purple", _figure("purple", "star")),
    ("a rhombus that is pink", _figure("pink", "diamond")),
    ("one jet-black square", _figure("black", "square")),
    ("a tangerine star, trending on artstation", _figure("orange", "star")),
    ("an illustration of a yellow square", _figure("yellow", "square")),
    ("a lime circle on paper", _figure("green", "circle")),
    ("a stunning ruby diamond.", _figure("red", "diamond")),
    ("a brown triangle on a plain background", _figure("brown", "triangle")),
    # and a background
    ("a red circle on a blue background", _figure("red", "circle", on="blue")),
    ("a white star on a blue background", _figure("white", "star", on="blue")),
    ("A yellow heart on a purple background", _figure("yellow", "heart", on="purple")),
    ("a green square on a white background", _figure("green", "square", on="white")),
    ("black triangle, yellow background", _figure("black", "triangle", on="yellow")),
    ("white diamond on black", _figure("white", "diamond", on="black")),
    ("an orange circle against a blue background", _figure("orange", "circle", on="blue")),
    ("a pink square with a green background", _figure("pink", "square", on="green")),
    ("Red background, white heart", _figure("white", "heart", on="red")),
    ("a blue star on an orange background", _figure("blue", "star", on="orange")),
    ("a purple triangle on a yellow background", _figure("purple", "triangle", on="yellow")),
    ("a photo of a green diamond on a pink background", _figure("green", "diamond", on="pink")),
    ("a gray circle on a green background", _figure("grey", "circle", on="green")),
    ("A BLACK HEART ON A RED BACKGROUND", _figure("black", "heart", on="red")),
    ("a brown star on a white background", _figure("brown", "star", on="white")),
    ("yellow square on black background", _figure("yellow", "square", on="black")),
    ("a beautiful ivory triangle on a brown background", _figure("white", "triangle", on="brown")),
    ("a crimson diamond on a grey background", _figure("red", "diamond", on="grey")),
    ("draw a blue circle on a pink background", _figure("blue", "circle", on="pink")),
    ("A gold star on a green background, award winning", _figure("yellow", "star", on="green")),
    ("an orange square against a purple background", _figure("orange", "square", on="purple")),
    ("silver heart, blue background", _figure("grey", "heart", on="blue")),
    ("a very nice purple diamond on an orange background", _figure("purple", "diamond", on="orange")),
    ("pink triangle on black, guitar, banana", _figure("pink", "triangle", on="black")),
    ("a red star on a white background with zorblat", _figure("red", "star", on="white")),
    # and a size or a place
    ("a small red circle", _figure("red", "circle", scale="small")),
    ("a large blue square", _figure("blue", "square", scale="large")),
    ("A huge yellow star", _figure("yellow", "star", scale="large")),
    ("a tiny green heart", _figure("green", "heart", scale="small")),
    ("a big purple triangle on a white background", _figure("purple", "triangle", on="white", scale="large")),
    ("a little orange diamond on a blue background", _figure("orange", "diamond", on="blue", scale="small")),
    ("a red square on the left", _figure("red", "square", place="left")),
    ("a blue heart on the right side", _figure("blue", "heart", place="right")),
    ("a green circle at the top", _figure("green", "circle", place="top")),
    ("pink star at the bottom", _figure("pink", "star", place="bottom")),
    ("A black circle in the upper left corner", _figure("black", "circle", place="top left")),
    ("a yellow triangle in the top right on black", _figure("yellow", "triangle", on="black", place="top right")),
    ("an orange heart in the lower left corner", _figure("orange", "heart", place="bottom left")),
    ("a purple square in the bottom right corner", _figure("purple", "square", place="bottom right")),
    ("a small white star in the top left on a blue background",
     _figure("white", "star", on="blue", scale="small", place="top left")),
    ("A large brown circle in the middle", _figure("brown", "circle", scale="large", place="centre")),
    ("a tiny red diamond in the centre of a yellow background",
     _figure("red", "diamond", on="yellow", scale="small", place="centre")),
    # two of them
    ("a red circle and a blue square", _two(("red", "circle"), ("blue", "square"))),
    ("A green triangle next to an orange star", _two(("green", "triangle"), ("orange", "star"))),
    ("a yellow heart to the left of a purple diamond", _two(("yellow", "heart"), ("purple", "diamond"), place="left")),
    ("a black square left of a red heart", _two(("black", "square"), ("red", "heart"), place="left")),
    ("a blue circle above a yellow square", _two(("blue", "circle"), ("yellow", "square"), place="top")),
    ("a pink star over a green circle", _two(("pink", "star"), ("green", "circle"), place="top")),
    ("an orange triangle on the left and a blue heart on the right",
     _two(("orange", "triangle"), ("blue", "heart"), place="left")),
    ("a white circle and a yellow diamond on a blue background",
     _two(("white", "circle"), ("yellow", "diamond"), on="blue")),
    ("A red triangle beside a green square on a white background",
     _two(("red", "triangle"), ("green", "square"), on="white")),
    ("a purple heart below a green star", _two(("green", "star"), ("purple", "heart"), place="top")),
    # in a style
    ("a watercolour painting of a red heart", _figure("red", "heart", style="watercolour")),
    ("a blue circle in watercolor style", _figure("blue", "circle", style="watercolour")),
    ("Aquarelle painting of a green triangle", _figure("green", "triangle", style="watercolour")),
    ("a purple star, pastel", _figure("purple", "star", style="pastel")),
    ("a blue square on a yellow background, soft pastel", _figure("blue", "square", on="yellow", style="pastel")),
    ("a red diamond on a blue background, flat design", _figure("red", "diamond", on="blue", style="flat")),
    ("a yellow star on a purple background, vector art", _figure("yellow", "star", on="purple", style="flat")),
    ("a green circle on orange, minimalist", _figure("green", "circle", on="orange", style="flat")),
)

_SCENES: tuple[tuple[str, dict[str, str]], ...] = (
    # a sky over a land
    ("a beautiful sunset over mountains", _scene("sunset", "mountains")),
    ("a starry night over the mountains", _scene("night", "mountains")),
    ("mountains in a thunderstorm", _scene("storm", "mountains")),
    ("sunny mountains", _scene("day", "mountains")),
    ("The alps at dawn, wide angle", _scene("sunset", "mountains")),
    ("snowy mountains under a dark sky at night", _scene("night", "mountains")),
    ("sunset over the sea", _scene("sunset", "sea")),
    ("A stormy ocean", _scene("storm", "sea")),
    ("the ocean at midnight", _scene("night", "sea")),
    ("a calm sea on a sunny day", _scene("day", "sea")),
    ("a photo of a lake at golden hour", _scene("sunset", "sea")),
    ("a sunny beach", _scene("day", "beach")),
    ("a tropical beach at sunset, highly detailed", _scene("sunset", "beach")),
    ("the beach at night", _scene("night", "beach")),
    ("A Storm Over The Beach", _scene("storm", "beach")),
    ("the seaside in the evening, peaceful", _scene("sunset", "beach")),
    ("a desert at noon", _scene("day", "desert")),
    ("sunset in the desert", _scene("sunset", "desert")),
    ("sand dunes under a starry sky", _scene("night", "desert")),
    ("a thunderstorm over the desert", _scene("storm", "desert")),
    ("the sahara at sunrise, cinematic", _scene("sunset", "desert")),
    ("A city at night", _scene("night", "city")),
    ("a city skyline at sunset, masterpiece, 8k", _scene("sunset", "city")),
    ("a rainy city", _scene("storm", "city")),
    ("downtown on a clear day", _scene("day", "city")),
    ("skyscrapers at midnight", _scene("night", "city")),
    ("a green meadow on a sunny day", _scene("day", "meadow")),
    ("rolling hills at dusk", _scene("sunset", "meadow")),
    ("A meadow in a storm", _scene("storm", "meadow")),
    ("a field of flowers at night", _scene("night", "meadow")),
    ("a painting of the countryside in the morning", _scene("day", "meadow")),
    ("lightning storm over green hills, dramatic", _scene("storm", "meadow")),
    # a subject and its colour
    ("A rusty robot walking on a beach", _scene(None, "beach", "robot", colour="orange")),
    ("a red robot", _scene(None, None, "robot", colour="red")),
    ("a blue robot in a meadow", _scene(None, "meadow", "robot", colour="blue")),
    ("a friendly yellow robot in the desert", _scene(None, "desert", "robot", colour="yellow")),
    ("Purple robot standing in front of mountains", _scene(None, "mountains", "robot", colour="purple")),
    ("a green android in a city", _scene(None, "city", "robot", colour="green")),
    ("a pink robot on a sunny day", _scene("day", None, "robot", colour="pink")),
    ("A white robot at noon", _scene("day", None, "robot", colour="white")),
    ("a black robot on the beach on a clear day", _scene("day", "beach", "robot", colour="black")),
    ("a black cat", _scene(None, None, "cat", colour="black")),
    ("a cute ginger cat sitting in the grass", _scene(None, "meadow", "cat", colour="orange")),
    ("A white kitten in a garden", _scene(None, "meadow", "cat", colour="white")),
    ("a grey cat on a beach", _scene(None, "beach", "cat", colour="grey")),
    ("a purple cat in the desert", _scene(None, "desert", "cat", colour="purple")),
    ("blue cat, best quality, 4k", _scene(None, None, "cat", colour="blue")),
    ("a green house in the countryside", _scene(None, "meadow", "house", colour="green")),
    ("a blue house", _scene(None, None, "house", colour="blue")),
    ("a red cottage in the mountains", _scene(None, "mountains", "house", colour="red")),
    ("An old yellow house by the sea", _scene(None, "sea", "house", colour="yellow")),
    ("a house that is purple, in a meadow", _scene(None, "meadow", "house", colour="purple")),
    ("a pink house on the beach", _scene(None, "beach", "house", colour="pink")),
    ("a green tree in a meadow", _scene(None, "meadow", "tree", colour="green")),
    ("an autumn tree", _scene(None, None, "tree", colour="orange")),
    ("A pink tree in front of the mountains", _scene(None, "mountains", "tree", colour="pink")),
    ("a lonely red tree in the desert", _scene(None, "desert", "tree", colour="red")),
    ("a yellow oak tree on green hills", _scene(None, "meadow", "tree", colour="yellow")),
    ("a red boat", _scene(None, None, "boat", colour="red")),
    ("a yellow sailboat on the ocean", _scene(None, "sea", "boat", colour="yellow")),
    ("A green boat drifting on a lake", _scene(None, "sea", "boat", colour="green")),
    ("a black ship sailing on the sea", _scene(None, "sea", "boat", colour="black")),
    ("a purple yacht on open water, concept art", _scene(None, "sea", "boat", colour="purple")),
    ("a blue lighthouse", _scene(None, None, "lighthouse", colour="blue")),
    ("a green lighthouse by the sea", _scene(None, "sea", "lighthouse", colour="green")),
    ("An orange lighthouse on the coast", _scene(None, "beach", "lighthouse", colour="orange")),
    ("a red hot air balloon", _scene(None, None, "balloon", colour="red")),
    ("a blue hot air balloon over the mountains", _scene(None, "mountains", "balloon", colour="blue")),
    ("A purple balloon flying over the city", _scene(None, "city", "balloon", colour="purple")),
    ("a yellow hot-air balloon over green hills", _scene(None, "meadow", "balloon", colour="yellow")),
    # a subject somewhere, at some time
    ("a lighthouse in a storm", _scene("storm", None, "lighthouse")),
    ("a lighthouse at night", _scene("night", None, "lighthouse")),
    ("A lighthouse by the sea at sunset", _scene("sunset", "sea", "lighthouse")),
    ("a boat at sunset", _scene("sunset", None, "boat")),
    ("a sailing ship on a stormy sea", _scene("storm", "sea", "boat")),
    ("a boat on the ocean at night, moody", _scene("night", "sea", "boat")),
    ("a robot in the city at night", _scene("night", "city", "robot")),
    ("A ROBOT IN THE DESERT AT SUNSET", _scene("sunset", "desert", "robot")),
    ("a droid exploring the mountains at dawn", _scene("sunset", "mountains", "robot")),
    ("a robot waiting in a thunderstorm", _scene("storm", None, "robot")),
    ("an orange cat in a city at night", _scene("night", "city", "cat")),
    ("a cat on the beach at sunset", _scene("sunset", "beach", "cat")),
    ("a kitten in the mountains in the morning", _scene("day", "mountains", "cat")),
    ("A cat in a meadow during a storm", _scene("storm", "meadow", "cat")),
    ("a house in the mountains at night", _scene("night", "mountains", "house")),
    ("a cabin in the desert at noon", _scene("day", "desert", "house")),
    ("a cottage in a meadow at sunset, lovely", _scene("sunset", "meadow", "house")),
    ("a farmhouse in a rainstorm", _scene("storm", None, "house")),
    ("a tree in a field at sunrise", _scene("sunset", "meadow", "tree")),
    ("a tree on the beach in a storm", _scene("storm", "beach", "tree")),
    ("An oak in the city on a sunny day", _scene("day", "city", "tree")),
    ("hot air balloon over the desert at sunset", _scene("sunset", "desert", "balloon")),
    ("a hot air balloon over the sea in the afternoon", _scene("day", "sea", "balloon")),
    ("a balloon floating over mountains at night", _scene("night", "mountains", "balloon")),
    ("full moon over the sea", _scene(None, "sea", "moon")),
    ("A full moon over the city at night", _scene("night", "city", "moon")),
    ("the moon rising over the desert", _scene(None, "desert", "moon")),
    ("a robot on the left in a meadow on a sunny day", _scene("day", "meadow", "robot", place="left")),
    # in a style
    ("a watercolour painting of a house in a meadow", _scene(None, "meadow", "house", style="watercolour")),
    ("a boat on the sea, watercolor", _scene(None, "sea", "boat", style="watercolour")),
    ("Watercolour painting of mountains at sunset", _scene("sunset", "mountains", style="watercolour")),
    ("a desert on a sunny day, aquarelle", _scene("day", "desert", style="watercolour")),
    ("a blue boat at sunset, flat design", _scene("sunset", None, "boat", style="flat")),
    ("sunset over the mountains, vector art", _scene("sunset", "mountains", style="flat")),
    ("a lighthouse by the sea in flat style", _scene(None, "sea", "lighthouse", style="flat")),
    ("a red cottage on green hills, minimalist", _scene(None, "meadow", "house", colour="red", style="flat")),
    ("a cat in a meadow, pastel", _scene(None, "meadow", "cat", style="pastel")),
    ("a city at sunset in soft pastel style", _scene("sunset", "city", style="pastel")),
    ("A beach on a clear day, pastel colours", _scene("day", "beach", style="pastel")),
    ("a pastel painting of a tree in the mountains", _scene(None, "mountains", "tree", style="pastel")),
)
# fmt: on

CASES: tuple[Case, ...] = tuple(
    Case(prompt, wanted, seed) for seed, (prompt, wanted) in enumerate((*_FIGURES, *_SCENES), start=1)
)
"""All of them, figures first."""

SAMPLE: tuple[Case, ...] = CASES[::8]
"""Every eighth: 25 that have something of everything."""
