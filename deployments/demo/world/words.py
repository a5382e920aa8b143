"""The words of the world: how people call its things, and words that say nothing about the picture."""

from collections.abc import Mapping, Sequence

from deployments.demo.world.picture import Colour, Kind, Land, Place, Scale, Sky, Style, Subject

COLOURS: Mapping[Colour, Sequence[str]] = {
    "red": ("red", "red", "crimson", "scarlet", "ruby"),
    "orange": ("orange", "orange", "tangerine"),
    "yellow": ("yellow", "yellow", "golden", "gold", "lemon"),
    "green": ("green", "green", "emerald", "lime"),
    "blue": ("blue", "blue", "cobalt", "azure"),
    "purple": ("purple", "purple", "violet", "lavender"),
    "pink": ("pink", "pink", "rose", "magenta"),
    "brown": ("brown", "brown", "chocolate"),
    "white": ("white", "white", "snow-white", "ivory"),
    "black": ("black", "black", "jet-black"),
    "grey": ("grey", "gray", "silver"),
}

KINDS: Mapping[Kind, Sequence[str]] = {
    "circle": ("circle", "disc", "ball", "dot"),
    "square": ("square", "box"),
    "triangle": ("triangle",),
    "star": ("star", "five-pointed star"),
    "heart": ("heart", "love heart"),
    "diamond": ("diamond", "rhombus"),
}

SCALES: Mapping[Scale, Sequence[str]] = {
    "small": ("small", "little", "tiny"),
    "medium": ("medium", "medium-sized"),
    "large": ("large", "big", "huge"),
}

PLACES: Mapping[Place, Sequence[str]] = {
    "centre": ("in the centre", "in the center", "in the middle", "centered"),
    "left": ("on the left", "at the left", "on the left side", "to the left"),
    "right": ("on the right", "at the right", "on the right side", "to the right"),
    "top": ("at the top", "on top"),
    "bottom": ("at the bottom", "on the bottom"),
    "top left": ("in the top left", "in the upper left corner", "in the top left corner"),
    "top right": ("in the top right", "in the upper right corner", "in the top right corner"),
    "bottom left": ("in the bottom left", "in the lower left corner", "in the bottom left corner"),
    "bottom right": ("in the bottom right", "in the lower right corner", "in the bottom right corner"),
}

SKIES: Mapping[Sky, Sequence[str]] = {
    "day": ("day", "daytime", "noon", "sunny day", "clear day", "morning", "afternoon"),
    "sunset": ("sunset", "sunrise", "dusk", "dawn", "golden hour", "evening", "twilight"),
    "night": ("night", "night", "midnight", "starry night", "night time"),
    "storm": ("storm", "thunderstorm", "rainstorm", "tempest", "lightning storm"),
}

SKY_ADJECTIVES: Mapping[Sky, Sequence[str]] = {
    "day": ("sunny", "bright", "sunlit"),
    "sunset": ("sunset", "glowing evening", "sunrise"),
    "night": ("dark", "starry", "moonless night"),
    "storm": ("stormy", "rainy", "thundery", "dark cloudy"),
}

LANDS: Mapping[Land, Sequence[str]] = {
    "mountains": (
        "mountains",
        "the mountains",
        "a mountain range",
        "mountain peaks",
        "snowy mountains",
        "the alps",
        "a mountain",
        "high peaks",
    ),
    "sea": ("the sea", "the ocean", "open water", "the waves", "a calm sea", "the water", "a lake"),
    "beach": (
        "a beach",
        "the beach",
        "a sandy beach",
        "the shore",
        "the seaside",
        "a tropical beach",
        "the sand",
        "the coast",
    ),
    "desert": ("a desert", "the desert", "sand dunes", "the dunes", "the sahara", "a sandy desert"),
    "city": (
        "a city",
        "the city",
        "a skyline",
        "the town",
        "skyscrapers",
        "a city street",
        "tall buildings",
        "downtown",
    ),
    "meadow": (
        "a meadow",
        "the meadow",
        "green hills",
        "a field",
        "grassland",
        "rolling hills",
        "a field of flowers",
        "the grass",
        "a garden",
        "the countryside",
    ),
}

LAND_PREPOSITIONS: Mapping[Land, Sequence[str]] = {
    "mountains": ("in", "in front of", "near", "over", "at"),
    "sea": ("on", "at", "by", "over", "in"),
    "beach": ("on", "at", "by", "along"),
    "desert": ("in", "crossing", "at"),
    "city": ("in", "in front of", "over", "at"),
    "meadow": ("in", "on", "at", "over"),
}

SUBJECTS: Mapping[Subject, Sequence[str]] = {
    "robot": ("robot", "robot", "android", "droid", "machine"),
    "house": ("house", "house", "cottage", "home", "cabin", "hut", "farmhouse"),
    "tree": ("tree", "tree", "oak", "oak tree"),
    "boat": ("boat", "boat", "sailboat", "ship", "sailing boat", "sailing ship", "yacht"),
    "cat": ("cat", "cat", "kitten", "kitty", "tomcat"),
    "lighthouse": ("lighthouse", "lighthouse", "light house", "beacon"),
    "balloon": ("balloon", "hot air balloon", "hot-air balloon", "airship"),
    "moon": ("moon", "full moon"),
}

DOING: Mapping[Subject, Sequence[str]] = {
    "robot": ("walking", "standing", "strolling", "wandering", "exploring", "waiting"),
    "house": ("standing", "built"),
    "tree": ("growing", "standing"),
    "boat": ("sailing", "floating", "drifting"),
    "cat": ("sitting", "resting", "waiting", "watching"),
    "lighthouse": ("standing", "shining"),
    "balloon": ("flying", "floating", "drifting", "soaring"),
    "moon": ("shining", "rising", "hanging"),
}

OWN_COLOURS: Mapping[tuple[Subject, Colour], Sequence[str]] = {
    ("robot", "orange"): ("rusty", "rusted", "copper"),
    ("robot", "grey"): ("metal", "steel", "metallic"),
    ("cat", "orange"): ("ginger", "tabby"),
    ("tree", "orange"): ("autumn",),
    ("tree", "white"): ("snow-covered",),
}
"""Words that name a colour for one subject only."""

STYLES: Mapping[Style, Sequence[str]] = {
    "plain": (),
    "flat": ("flat", "flat design", "minimalist", "vector art"),
    "watercolour": ("watercolour", "watercolor", "aquarelle"),
    "pastel": ("pastel", "pastel colours", "soft pastel"),
    "night": ("night", "glowing in the dark", "neon"),
}

PRAISE: Sequence[str] = (
    "beautiful", "lovely", "stunning", "gorgeous", "pretty", "amazing", "wonderful", "old", "cute", "peaceful",
    "serene", "majestic", "dramatic", "magical", "epic", "simple", "nice", "lonely", "quiet", "vivid", "charming",
    "fantastic", "friendly", "happy", "wild", "perfect", "modern", "ancient", "colourful", "colorful",
)  # fmt: skip
"""Adjectives that change nothing."""

OPENINGS: Sequence[str] = (
    "a picture of", "a painting of", "an illustration of", "a drawing of", "an image of", "a photo of", "picture of",
    "photo of", "a view of", "draw", "paint", "please draw", "show me", "an artwork of", "a render of", "i want",
)  # fmt: skip

ENDINGS: Sequence[str] = (
    "highly detailed", "best quality", "masterpiece", "4k", "8k", "trending on artstation", "sharp focus", "detailed",
    "high resolution", "cinematic", "concept art", "digital art", "award winning", "professional", "hd", "artistic",
    "beautiful lighting", "wallpaper", "wide angle", "illustration", "studio quality", "intricate",
)  # fmt: skip

CHATTER: Sequence[str] = (
    "very", "really", "some", "with", "style", "this", "that", "my", "your", "one", "and", "of", "for", "quite", "just",
    "made", "seen", "from", "far", "away", "world", "dream", "story", "book", "music", "coffee", "window", "friend",
    "summer", "winter", "today", "yesterday", "always", "never", "wood", "glass", "paper", "stone", "king", "queen",
    "banana", "guitar", "bicycle", "camera", "journey", "secret", "silence", "memory", "future", "past", "mystery",
    "abstract", "surreal", "vintage", "retro", "futuristic", "impressionist", "realistic", "by", "artist", "famous",
)  # fmt: skip
"""Words without a place in this world, thrown in now and then so that unknown words do no harm."""
