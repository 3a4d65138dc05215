"""The second step is bound to chat, content and time (drill 37)."""

from jennie_live.commands.confirmations import LIFE_SECONDS, MOST_TRIES, Confirmations


class Bench:
    """A clock, a content that may change, and a count of what was done."""

    def __init__(self) -> None:
        self.now = 0.0
        self.content = {"104010": 10}
        self.done = 0
        self.confirmations = Confirmations(monotonic=lambda: self.now)

    def ask(self, chat: int = 1) -> str:
        async def recompute() -> object:
            return self.content

        async def act() -> str:
            self.done += 1
            return "done"

        return self.confirmations.ask(chat, "sell all", dict(self.content), recompute, act)


async def test_the_right_code_acts_once() -> None:
    bench = Bench()
    code = bench.ask()
    assert await bench.confirmations.confirm(1, code) == "done"
    await bench.confirmations.confirm(1, code)
    assert bench.done == 1


async def test_another_chat_cannot_confirm() -> None:
    bench = Bench()
    code = bench.ask(chat=1)
    await bench.confirmations.confirm(2, code)
    assert bench.done == 0


async def test_changed_content_is_not_acted_on() -> None:
    bench = Bench()
    code = bench.ask()
    bench.content = {"104010": 11}
    assert "바뀌어" in await bench.confirmations.confirm(1, code)
    assert bench.done == 0


async def test_a_late_code_is_not_acted_on() -> None:
    bench = Bench()
    code = bench.ask()
    bench.now = LIFE_SECONDS
    assert "지났습니다" in await bench.confirmations.confirm(1, code)
    assert bench.done == 0


async def test_guessing_ends_after_three_tries() -> None:
    bench = Bench()
    code = bench.ask()
    for _ in range(MOST_TRIES):
        await bench.confirmations.confirm(1, "0000")
    await bench.confirmations.confirm(1, code)
    assert bench.done == 0


async def test_a_newer_command_replaces_the_waiting_one() -> None:
    bench = Bench()
    old = bench.ask()
    new = bench.ask()
    if old != new:
        await bench.confirmations.confirm(1, old)
        assert bench.done == 0
    await bench.confirmations.confirm(1, new)
    assert bench.done == 1


async def test_a_cancelled_command_is_gone() -> None:
    bench = Bench()
    code = bench.ask()
    assert bench.confirmations.cancel(1)
    assert not bench.confirmations.cancel(1)
    await bench.confirmations.confirm(1, code)
    assert bench.done == 0
