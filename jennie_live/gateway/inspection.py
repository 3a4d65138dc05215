"""What the feed could not read, for somebody who wants to know why (drill 18)."""

from datetime import datetime

from fastapi import APIRouter, Depends

from jennie_core.domain.base import Message, from_epoch_us
from jennie_live.gateway.access import TokenCheck
from jennie_live.gateway.intake import Intake
from jennie_live.gateway.problems import DOCUMENTED


class BadFrameView(Message):
    """One frame, cut to its first 2,000 characters; of an unencrypted notice only the head."""

    reason: str
    received_at: datetime
    text: str


class Unreadable(Message):
    """How much could not be used, by reason, and the newest frames."""

    dropped: dict[str, int]
    frames: tuple[BadFrameView, ...]


def inspection_routes(intake: Intake, check: TokenCheck) -> APIRouter:
    """The newest 50 bad frames, oldest first."""
    router = APIRouter(prefix="/api/realtime", dependencies=[Depends(check)], tags=["realtime"], responses=DOCUMENTED)

    @router.get("/bad-frames")
    async def bad_frames() -> Unreadable:
        """Counts by reason and the frames that are kept."""
        frames = tuple(
            BadFrameView(reason=kept.reason, received_at=from_epoch_us(kept.received_us), text=kept.text)
            for kept in intake.bad_frames
        )
        return Unreadable(dropped=intake.dropped(), frames=frames)

    return router
