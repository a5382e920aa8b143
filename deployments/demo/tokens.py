"""The tokenizers of the demo models: every word of the picture world is one token, any other word is spelt."""

import json
from functools import cache
from itertools import chain

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, WhitespaceSplit
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer, T5TokenizerFast

from deployments.demo.world import words

_START, _END = "<|startoftext|>", "<|endoftext|>"
_SMALL_WORDS = (
    "a an the at in on of to over under above below by near with next left right side and top middle centre center "
    "upper lower corner beside during along crossing front that is it plain background paper painting picture style "
    "against weather sky night neon glow blurry ugly bad low quality no not without nothing two shape shapes scene"
)


@cache
def vocabulary() -> tuple[str, ...]:
    """Every word that a caption may hold, each once, sorted."""
    phrases = chain(
        *words.COLOURS.values(), *words.KINDS.values(), *words.SCALES.values(), *words.PLACES.values(),
        *words.SKIES.values(), *words.SKY_ADJECTIVES.values(), *words.LANDS.values(), *words.SUBJECTS.values(),
        *words.DOING.values(), *words.OWN_COLOURS.values(), *words.STYLES.values(), words.PRAISE, words.OPENINGS,
        words.ENDINGS, words.CHATTER, (_SMALL_WORDS,),
    )  # fmt: skip
    return tuple(sorted({word for phrase in phrases for word in phrase.replace("-", " ").split()}))


def clip_tokenizer(pad_token: str = _END) -> CLIPTokenizer:
    """CLIP's tokenizer, its merges learnt from :func:`vocabulary`.

    Args:
        pad_token: what fills up to 77 tokens: the end mark, or ``"!"`` as SDXL's second tokenizer has it.
    """
    learner = Tokenizer(BPE(end_of_word_suffix="</w>"))
    learner.pre_tokenizer = WhitespaceSplit()
    letters = sorted({letter for word in vocabulary() for letter in word})
    learner.train_from_iterator(
        vocabulary(),
        BpeTrainer(
            vocab_size=10_000,
            min_frequency=1,
            end_of_word_suffix="</w>",
            # ties are broken by ids, which pieces that are not named beforehand get in an order that is never the same
            special_tokens=[*letters, *(letter + "</w>" for letter in letters)],
            show_progress=False,
        ),
    )
    merges = learner.get_vocab()
    alphabet = sorted(ByteLevel.alphabet())
    pieces = [*alphabet, *(byte + "</w>" for byte in alphabet)]
    learnt = sorted((piece for piece in merges if piece not in set(pieces)), key=merges.__getitem__)
    vocab = {piece: index for index, piece in enumerate([*pieces, *learnt, _START, _END])}
    return CLIPTokenizer(vocab=vocab, merges=_merges(learner), model_max_length=77, pad_token=pad_token)


def t5_tokenizer() -> T5TokenizerFast:
    """T5's tokenizer: pieces for each word of :func:`vocabulary`, and one for each printable ASCII character."""
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\N{LOWER ONE EIGHTH BLOCK}", -2.0)]
    letters = [(chr(code), -12.0) for code in range(33, 127)]
    known = {f"\N{LOWER ONE EIGHTH BLOCK}{form}" for word in vocabulary() for form in _forms(word)}
    known |= {form for word in vocabulary() if len(word) > 1 for form in _forms(word)}  # behind a hyphen
    return T5TokenizerFast(vocab=special + letters + [(piece, -4.0) for piece in sorted(known)], extra_ids=0)


def _forms(word: str) -> tuple[str, str, str]:
    """``word`` as T5, which tells capitals apart, may meet it."""
    return word, word.capitalize(), word.upper()


def _merges(learner: Tokenizer) -> list[tuple[str, str]]:
    """The merges that ``learner`` holds, in their order: only its serialised form tells them."""
    return [(left, right) for left, right in json.loads(learner.to_str())["model"]["merges"]]
