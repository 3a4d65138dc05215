"""One token for all callers (drill 13, R-GW-03)."""

import asyncio
from pathlib import Path

import pytest

from jennie_infra.clock import real_now_us
from jennie_infra.kis.errors import KisRateLimitedError, KisUnavailableError, KisUnreachedError, TokenUnavailableError
from jennie_infra.kis.token import IssuedToken, TokenKeeper
from jennie_infra.kis.token_file import COPY_SUFFIX, FILE_NAME, TokenFile, fingerprint

MINUTE_US = 61_000_000


class Broker:
    """Counts issues; each token is new."""

    def __init__(self) -> None:
        self.issues = 0
        self.error: Exception | None = None
        self.now_us: int | None = 0

    async def issue(self) -> IssuedToken:
        await asyncio.sleep(0)
        self.issues += 1
        if self.error is not None:
            raise self.error
        return IssuedToken(f"token-{self.issues}", 86_400)

    def keeper(self, folder: Path, print_: str = "host") -> TokenKeeper:
        keeper = TokenKeeper(TokenFile(folder / FILE_NAME), print_, self.issue, lambda: self.now_us, may_wait=False)
        keeper.load()
        return keeper


async def test_twenty_callers_cause_one_issue(tmp_path: Path) -> None:
    broker = Broker()
    keeper = broker.keeper(tmp_path)
    assert await asyncio.gather(*(keeper.get(1) for _ in range(20))) == ["token-1"] * 20
    assert broker.issues == 1


@pytest.mark.rule("R-GW-03")
async def test_twenty_rejections_of_one_token_cause_one_issue(tmp_path: Path) -> None:
    broker = Broker()
    keeper = broker.keeper(tmp_path)
    dead = await keeper.get(1)
    broker.now_us = MINUTE_US

    async def caller() -> str:
        keeper.reject(dead)
        return await keeper.get(1)

    assert set(await asyncio.gather(*(caller() for _ in range(20)))) == {"token-2"}
    keeper.reject(dead)
    assert await keeper.get(1) == "token-2"
    assert broker.issues == 2


@pytest.mark.rule("R-GW-03")
async def test_at_most_one_issue_a_minute(tmp_path: Path) -> None:
    broker = Broker()
    keeper = broker.keeper(tmp_path)
    keeper.reject(await keeper.get(1))
    broker.now_us = MINUTE_US - 1_000_000
    with pytest.raises(TokenUnavailableError):
        await keeper.get(1)
    broker.now_us = MINUTE_US
    assert await keeper.get(1) == "token-2"


async def test_the_minute_outlives_a_restart_even_after_the_token_died(tmp_path: Path) -> None:
    broker = Broker()
    first = broker.keeper(tmp_path)
    first.reject(await first.get(1))
    with pytest.raises(TokenUnavailableError):
        await broker.keeper(tmp_path).get(1)
    assert broker.issues == 1


@pytest.mark.rule("R-GW-03")
async def test_five_restarts_reuse_the_stored_token(tmp_path: Path) -> None:
    broker = Broker()
    for _ in range(5):
        assert await broker.keeper(tmp_path).get(1) == "token-1"
    assert broker.issues == 1
    for name in (FILE_NAME, FILE_NAME + COPY_SUFFIX):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


DAMAGE = ["", "{", '{"fingerprint": "host"}', "\x00\xff"]


@pytest.mark.parametrize("content", DAMAGE)
@pytest.mark.parametrize("suffix", ["", COPY_SUFFIX])
async def test_one_damaged_copy_costs_neither_token_nor_issue(tmp_path: Path, content: str, suffix: str) -> None:
    broker = Broker()
    await broker.keeper(tmp_path).get(1)
    (tmp_path / (FILE_NAME + suffix)).write_text(content)
    assert await broker.keeper(tmp_path).get(1) == "token-1"
    assert broker.issues == 1


@pytest.mark.parametrize("content", DAMAGE)
async def test_with_both_copies_damaged_the_next_token_waits_its_minute(tmp_path: Path, content: str) -> None:
    """Drill 13: one may have been issued this very minute, and nobody knows."""
    broker = Broker()
    await broker.keeper(tmp_path).get(1)
    for name in (FILE_NAME, FILE_NAME + COPY_SUFFIX):
        (tmp_path / name).write_text(content)
    keeper = broker.keeper(tmp_path)
    with pytest.raises(TokenUnavailableError):
        await keeper.get(1)
    broker.now_us = MINUTE_US
    assert await keeper.get(1) == "token-2"


async def test_a_death_between_asking_and_storing_keeps_the_minute(tmp_path: Path) -> None:
    """Drill 13: killed with the request under way, the gateway comes back and does not ask again at once."""
    broker = Broker()

    async def dies() -> IssuedToken:
        broker.issues += 1
        raise asyncio.CancelledError

    doomed = TokenKeeper(TokenFile(tmp_path / FILE_NAME), "host", dies, lambda: 0, may_wait=False)
    with pytest.raises(asyncio.CancelledError):
        await doomed.get(1)
    with pytest.raises(TokenUnavailableError):
        await broker.keeper(tmp_path).get(1)
    assert broker.issues == 1


@pytest.mark.parametrize("clock_known", [True, False])
async def test_a_request_that_found_no_connection_does_not_count(tmp_path: Path, clock_known: bool) -> None:
    """Drill 15: after the broker is back a token is not a minute away."""
    broker = Broker()
    broker.now_us = 5 if clock_known else None
    broker.error = KisUnreachedError("BROKER-UNREACHED", "gone")
    keeper = broker.keeper(tmp_path)
    with pytest.raises(KisUnreachedError):
        await keeper.get(1)
    broker.error = None
    assert await keeper.get(1) == "token-2"
    broker.error = KisUnreachedError("BROKER-UNREACHED", "gone")
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / (FILE_NAME + COPY_SUFFIX)).unlink()
    other = broker.keeper(tmp_path)
    with pytest.raises(KisUnreachedError):
        await other.get(1)
    broker.error = None
    assert await broker.keeper(tmp_path).get(1) == "token-4"


async def test_a_token_asked_for_before_market_time_was_known_and_lost_waits_for_the_first_mark(tmp_path: Path) -> None:
    broker = Broker()
    broker.now_us = None
    broker.error = KisUnavailableError("BROKER-DOWN", "no answer")
    with pytest.raises(KisUnavailableError):
        await broker.keeper(tmp_path).get(1)
    broker.error = None
    keeper = broker.keeper(tmp_path)
    with pytest.raises(TokenUnavailableError):
        await keeper.get(1)
    keeper.observe_settled(7)
    broker.now_us = 7 + MINUTE_US
    assert await keeper.get(1) == "token-2"


async def test_a_full_disk_costs_the_stored_token_and_nothing_else(tmp_path: Path) -> None:
    broker = Broker()
    (tmp_path / "secrets").write_text("a file where the folder should be")
    keeper = broker.keeper(tmp_path / "secrets")
    assert await keeper.get(1) == "token-1"
    assert await keeper.get(1) == "token-1"


async def test_a_token_of_another_host_is_not_used(tmp_path: Path) -> None:
    broker = Broker()
    await broker.keeper(tmp_path, fingerprint("https://real", "key")).get(1)
    assert await broker.keeper(tmp_path, fingerprint("https://paper", "key")).get(1) == "token-2"


async def test_the_limit_of_the_broker_is_told_as_no_token(tmp_path: Path) -> None:
    broker = Broker()
    broker.error = KisRateLimitedError("BROKER-TOKEN-RATE", "EGW00133")
    with pytest.raises(TokenUnavailableError):
        await broker.keeper(tmp_path).get(1)


async def test_a_failed_issue_reaches_everybody_who_waited_and_may_be_tried_again(tmp_path: Path) -> None:
    broker = Broker()
    broker.error = KisUnavailableError("BROKER-DOWN", "gone")
    keeper = broker.keeper(tmp_path)
    answers = await asyncio.gather(*(keeper.get(1) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(answer, KisUnavailableError) for answer in answers)
    broker.error, broker.now_us = None, MINUTE_US
    assert await keeper.get(1) == "token-2"


async def test_nobody_waits_longer_than_it_may(tmp_path: Path) -> None:
    async def never() -> IssuedToken:
        await asyncio.Event().wait()
        raise AssertionError

    keeper = TokenKeeper(TokenFile(tmp_path / FILE_NAME), "host", never, real_now_us, may_wait=True)
    with pytest.raises(TokenUnavailableError):
        await keeper.get(0.01)


async def test_a_token_issued_before_market_time_was_known_is_stamped_by_the_first_mark(tmp_path: Path) -> None:
    """Decision 0001: the limit counts in market time, which is unknown until the exchange's first heartbeat."""
    broker = Broker()
    broker.now_us = None
    keeper = broker.keeper(tmp_path)
    dead = await keeper.get(1)
    for settled_us in (5_000_000, 10_000_000):
        broker.now_us = settled_us
        keeper.observe_settled(settled_us)
    keeper.reject(dead)
    with pytest.raises(TokenUnavailableError):
        await keeper.get(1)
    broker.now_us = 5_000_000 + MINUTE_US
    assert await broker.keeper(tmp_path).get(1) == "token-2"
