"""Viewers of /ws: each holds at most one frame, the newest; a slow viewer never holds up another."""

import asyncio


class Viewer:
    """One connected page."""

    def __init__(self) -> None:
        self._frame: str | None = None
        self._ready = asyncio.Event()

    def offer(self, frame: str) -> None:
        """Replace the waiting frame."""
        self._frame = frame
        self._ready.set()

    async def next(self) -> str:
        """Wait for the newest frame."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            frame, self._frame = self._frame, None
            if frame is not None:
                return frame


class Hub:
    """The set of viewers."""

    def __init__(self) -> None:
        self._viewers: set[Viewer] = set()

    def __len__(self) -> int:
        return len(self._viewers)

    def join(self) -> Viewer:
        """A new viewer."""
        viewer = Viewer()
        self._viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """A viewer has gone."""
        self._viewers.discard(viewer)

    def broadcast(self, frame: str) -> None:
        """Offer a frame to every viewer."""
        for viewer in self._viewers:
            viewer.offer(frame)
