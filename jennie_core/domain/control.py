"""Stops and operator commands (O4)."""

from enum import StrEnum

from pydantic import Field

from jennie_core.domain.base import MarketTime, Message, StockCode


class ControlVerb(StrEnum):
    """What the operator may say to the trading plane."""

    PAUSE = "pause"
    HALT = "halt"
    RESUME = "resume"
    LIQUIDATE_ADD = "liquidate_add"
    LIQUIDATE_REMOVE = "liquidate_remove"
    LIQUIDATE_ARM = "liquidate_arm"
    LIQUIDATE_DISARM = "liquidate_disarm"
    REFRESH_POSITIONS = "refresh_positions"


class ControlCommand(Message):
    """One command on `stream:control`, recorded in the ledger with who said it and why."""

    command_id: str
    verb: ControlVerb
    stock_code: StockCode | None = None
    reason: str = ""
    said_by: str
    said_at: MarketTime


class StopState(Message):
    """The stops in force; durable in the ledger and in a file, mirrored in Redis."""

    paused: bool = False
    halted: bool = False
    reason: str = ""
    said_by: str = ""
    since: MarketTime | None = None
    halt_blocks_exits: bool = Field(default=False, description="JENNIE_HALT_BLOCKS_EXITS")

    @property
    def blocks_buys(self) -> bool:
        """Neither pause nor halt lets an automatic buy pass."""
        return self.paused or self.halted

    @property
    def blocks_automatic_exits(self) -> bool:
        """Only a halt with the explicit setting stops protective exits."""
        return self.halted and self.halt_blocks_exits
