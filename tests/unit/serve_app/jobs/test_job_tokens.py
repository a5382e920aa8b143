"""Keys and sessions as text: only what was made of a key proves anything, and only in its time."""

import pytest

from serve_app.jobs import tokens

KEY_ID = "0123456789abcdef"
KEY = f"dk_{KEY_ID}_{'5a' * 32}"
HASH = tokens.key_hash(KEY)


def test_keys_tell_their_id_and_hold_256_random_bits() -> None:
    made, key = tokens.new_key()
    prefix, key_id, secret = key.split("_")
    assert (prefix, key_id) == ("dk", made)
    assert len(bytes.fromhex(secret)) * 8 == 256
    assert len({tokens.new_key()[1] for _ in range(100)}) == 100


def test_a_key_is_proven_by_its_own_hash_alone() -> None:
    claim = tokens.read(KEY)
    assert claim is not None
    assert claim.key_id == KEY_ID
    assert claim.is_proven(HASH, now=0)
    assert not claim.is_proven(tokens.key_hash(tokens.new_key()[1]), now=0)


def test_what_is_kept_of_a_key_is_no_key() -> None:
    assert HASH not in KEY
    assert tokens.read(HASH) is None


def test_a_session_holds_until_it_expires_and_for_its_key_alone() -> None:
    session = tokens.read(tokens.new_session(KEY, expires_at=1_000))
    assert session is not None
    assert session.key_id == KEY_ID
    assert session.is_proven(HASH, now=999.9)
    assert not session.is_proven(HASH, now=1_000)
    assert not session.is_proven(tokens.key_hash(tokens.new_key()[1]), now=0)


def test_a_session_can_not_be_made_longer_or_somebody_elses() -> None:
    key_id, expiry, signature = tokens.new_session(KEY, expires_at=1_000).split(".")
    for forged in (f"{key_id}.{int(expiry) + 1}.{signature}", f"{'0' * 16}.{expiry}.{signature}"):
        claim = tokens.read(forged)
        assert claim is not None
        assert not claim.is_proven(HASH, now=0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dk_",
        "unused",
        "sk-proj-1234",
        KEY[:-1],
        KEY + "0",
        KEY + "\n",
        " " + KEY,
        KEY.upper(),
        KEY.replace("dk_", "dk-"),
        "dk_" + "\0" * 16 + "_" + "0" * 64,
        "dk_" + "٣" * 16 + "_" + "0" * 64,
        tokens.new_session(KEY, 1_000) + "\n",
        tokens.new_session(KEY, 10**13),
        tokens.new_session(KEY, -1),
        "x" * 100_000,
    ],
)
def test_other_text_claims_nothing(text: str) -> None:
    assert tokens.read(text) is None
