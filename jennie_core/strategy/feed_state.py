"""Whether the trade feed is alive, judged in market time by the trades that arrive (drill 16)."""

from jennie_core.krx.sessions import CLOSING_AUCTION_MINUTES, SessionTimes

SECOND_US = 1_000_000
FEED_LIMIT_US = 10 * SECOND_US
THIN_FEED_LIMIT_US = 60 * SECOND_US
THIN_FEED_CODES = 10
"""With fewer codes ten quiet seconds are nothing unusual."""
CODE_LIMIT_US = 60 * SECOND_US
STREAMED = "ws"


def feed_limit_us(codes: int) -> int:
    """How long a feed of so many codes may be silent in continuous trading."""
    return FEED_LIMIT_US if codes >= THIN_FEED_CODES else THIN_FEED_LIMIT_US


class FeedState:
    """One session of silence: counted from the open, from the last streamed trade, or from when more codes were wanted.

    Polled prices prove nothing about the feed and do not count. Once stalled, it stays so until a newer trade comes: a
    new connection is no proof either.
    """

    __slots__ = ("_auction_us", "_codes", "_open_us", "_since_us", "is_stalled")

    def __init__(self, session: SessionTimes) -> None:
        self._open_us = session.open_us
        self._auction_us = session.before_close_us(CLOSING_AUCTION_MINUTES)
        self._since_us: int | None = None
        self._codes = 0
        self.is_stalled = False

    def saw_trade(self, exchange_us: int) -> None:
        """A streamed trade of any code; an older one than the last says nothing."""
        if self._since_us is None or exchange_us > self._since_us:
            self._since_us = exchange_us
            self.is_stalled = False

    def judge(self, market_us: int, codes: int) -> bool:
        """Whether a feed of so many codes is stalled at `market_us`; never outside continuous trading."""
        if codes == 0 or not self._open_us <= market_us < self._auction_us:
            self._since_us, self._codes, self.is_stalled = None, codes, False
            return False
        if self._since_us is None or (codes > self._codes and not self.is_stalled):
            self._since_us = market_us if self._since_us is None else max(self._since_us, market_us)
        self._codes = codes
        self.is_stalled = self.is_stalled or market_us - self._since_us > feed_limit_us(codes)
        return self.is_stalled
