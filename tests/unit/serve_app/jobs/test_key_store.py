"""Who is let in, on every database: the holder of a key that is there and not revoked."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from deployments.engine.errors import InvalidRequest, Unauthorized
from serve_app.jobs import tokens
from serve_app.jobs.caller import Caller
from serve_app.jobs.store import ApiKey, Database, KeyStore

NOW = 1_000.0


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
def keys(database: Database) -> KeyStore:
    return KeyStore(database)


async def create(keys: KeyStore, client: str = "alice", *, admin: bool = False) -> tuple[ApiKey, str]:
    return await keys.create(client, admin=admin, now=NOW)


async def test_a_key_is_its_clients_who_may_have_several(keys: KeyStore) -> None:
    for admin in (False, True):
        _, key = await create(keys, admin=admin)
        assert await keys.identify(key, NOW) == Caller("alice", admin)
    assert [key.client for key in await keys.keys()] == ["alice", "alice"]


async def test_a_session_is_its_keys_client_and_ends_with_the_key(keys: KeyStore) -> None:
    made, key = await create(keys, admin=True)
    session = tokens.new_session(key, expires_at=2_000)
    assert await keys.identify(session, NOW) == Caller("alice", admin=True)
    with pytest.raises(Unauthorized):
        await keys.identify(session, 2_000)
    await keys.revoke(made.id, NOW)
    with pytest.raises(Unauthorized):
        await keys.identify(session, NOW)


async def test_a_revoked_key_lets_nobody_in_while_the_clients_others_do(keys: KeyStore) -> None:
    made, key = await create(keys)
    _, other = await create(keys)
    revoked = await keys.revoke(made.id, NOW + 1)
    assert revoked is not None
    assert revoked.revoked_at == NOW + 1
    assert await keys.revoke(made.id, NOW + 2) == revoked  # the first time stays
    with pytest.raises(Unauthorized):
        await keys.identify(key, NOW)
    assert await keys.identify(other, NOW) == Caller("alice")


async def test_every_refusal_of_a_token_says_the_same(keys: KeyStore) -> None:
    made, key = await create(keys)
    await keys.revoke(made.id, NOW)
    guessed = f"dk_{made.id}_{'0' * 64}"
    said = set()
    for token in (key, guessed, tokens.new_key()[1], tokens.new_session(key, 0), "", "dk_", "\0", "nonsense"):
        with pytest.raises(Unauthorized) as refused:
            await keys.identify(token, NOW)
        said.add(refused.value.message)
    assert len(said) == 1


async def test_without_a_token_nobody_is_known_and_one_is_needed_as_soon_as_there_is_a_key(keys: KeyStore) -> None:
    assert await keys.identify(None, NOW) is None
    made, _ = await create(keys)
    with pytest.raises(Unauthorized, match="Authorization: Bearer"):
        await keys.identify(None, NOW)
    await keys.revoke(made.id, NOW)
    assert await keys.identify(None, NOW) is None


async def test_nothing_in_the_database_is_a_key_or_a_part_of_its_secret(keys: KeyStore, database: Database) -> None:
    _, key = await create(keys)
    async with database.reading() as sql:
        row = (await sql.execute(text("SELECT * FROM api_keys"))).one()
    assert key.split("_")[2] not in " ".join(map(str, row))
    assert tokens.key_hash(key) in row


async def test_a_client_that_is_no_name_is_refused(keys: KeyStore) -> None:
    for name in ("", "@alice", "alice smith", "alice\n", "alice\0", "älice", "a" * 101, "a/b", "%"):
        with pytest.raises(InvalidRequest, match="client"):
            await create(keys, name)
    assert await keys.keys() == []


async def test_an_unknown_key_can_not_be_revoked(keys: KeyStore) -> None:
    assert await keys.revoke("0" * 16, NOW) is None
