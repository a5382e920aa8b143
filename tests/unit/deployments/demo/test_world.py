"""The picture world: what is painted, what is said of it, and what is known of both."""

import hashlib
import re
from itertools import chain

import numpy as np
import pytest

from deployments.demo.tokens import clip_tokenizer, t5_tokenizer
from deployments.demo.world import words
from deployments.demo.world.caption import caption
from deployments.demo.world.draw import draw
from deployments.demo.world.labels import CLASSES, labels
from deployments.demo.world.paint import paint
from deployments.demo.world.picture import Picture, Scene


def pictures(count: int, seed: int = 1) -> list[Picture]:
    rng = np.random.default_rng(seed)
    return [draw(rng) for _ in range(count)]


@pytest.mark.parametrize("size", [(128, 128), (192, 128), (128, 192), (64, 256), (100, 75)], ids=str)
def test_a_painting_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    width, height = size
    for number, picture in enumerate(pictures(24)):
        pixels = paint(picture, np.random.default_rng(number), size)
        assert pixels.shape == (height, width, 3)
        assert pixels.dtype == np.uint8


def test_the_same_seed_draws_paints_and_says_the_same() -> None:
    def made() -> list[tuple[Picture, str, str]]:
        rng = np.random.default_rng(3)
        drawn = [draw(rng) for _ in range(40)]
        return [(one, hashlib.sha256(paint(one, rng).tobytes()).hexdigest(), caption(one, rng)) for one in drawn]

    assert made() == made()


def test_another_seed_paints_another_picture_of_the_same() -> None:
    for picture in pictures(20):
        one, other = (paint(picture, np.random.default_rng(seed)) for seed in (1, 2))
        assert not np.array_equal(one, other)


def test_every_caption_fits_into_clips_77_tokens() -> None:
    tokenizer, rng = clip_tokenizer(), np.random.default_rng(5)
    for picture in pictures(500):
        said = caption(picture, rng)
        assert len(tokenizer(said).input_ids) <= 77, said


def test_tokenizers_are_the_same_every_time_they_are_made() -> None:
    """Else a network would be asked with other ids than it learnt."""
    for make in (clip_tokenizer, t5_tokenizer):
        first = make()
        for _ in range(8):
            again = make()
            assert again.get_vocab() == first.get_vocab()
            assert again.backend_tokenizer.to_str() == first.backend_tokenizer.to_str()


def test_every_word_of_a_caption_is_one_token() -> None:
    """All but the random letters of its chatter, which hardly come twice, and words with digits: CLIP splits those."""
    rng = np.random.default_rng(5)
    said = chain.from_iterable(re.findall(r"\b[a-z]+\b", caption(picture, rng).lower()) for picture in pictures(2000))
    often = {word for word, count in zip(*np.unique(list(said), return_counts=True), strict=True) if count > 2}
    clip, t5 = clip_tokenizer(), t5_tokenizer()
    assert len(often) > 250
    for word in sorted(often):
        assert len(clip(str(word), add_special_tokens=False).input_ids) == 1, word
        assert len(t5(str(word), add_special_tokens=False).input_ids) == 1, word


def test_labels_tell_everything_with_known_values_and_use_them_all() -> None:
    seen: dict[str, set[str]] = {key: set() for key in CLASSES}
    for picture in pictures(3000):
        told = labels(picture)
        assert told.keys() == CLASSES.keys()
        for key, value in told.items():
            seen[key].add(value)
    assert seen == {key: set(values) for key, values in CLASSES.items()}


def test_a_moon_never_shines_by_day() -> None:
    scenes = [picture for picture in pictures(3000) if isinstance(picture, Scene) and picture.subject == "moon"]
    assert {scene.sky for scene in scenes} == {"night", "sunset"}


def test_words_name_one_thing_within_their_kind() -> None:
    for names in (words.COLOURS, words.KINDS, words.SUBJECTS, words.LANDS, words.SCALES, words.PLACES):
        every = [word for choices in names.values() for word in set(choices)]
        assert len(every) == len(set(every))
