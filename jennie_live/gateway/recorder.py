"""Writes the tick log in its own thread; the hot path only hands over lines that are encoded already."""

import queue
import threading
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import BinaryIO

import zstandard

from jennie_infra.telemetry import get_logger
from jennie_infra.ticklog import TickLogHeader, next_part, prune

FLUSH_SECONDS = 1.0
FRAME_SECONDS = 60.0
RETRY_SECONDS = 10.0
"""After a failed write no new part is begun for so long: a full disk must not fill with empty files as well."""
MAX_BATCHES = 20_000
LEVEL = 3

Batch = tuple[date, Sequence[bytes]]


class Recorder:
    """Appends lines to the part of their market day. A full queue or disk drops and counts lines; trading goes on."""

    def __init__(self, folder: Path, mode: str, keep_days: int) -> None:
        self._folder = folder
        self._mode = mode
        self._keep_days = keep_days
        self._queue: queue.Queue[Batch | None] = queue.Queue(MAX_BATCHES)
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def put(self, day: date, lines: Sequence[bytes]) -> None:
        """Hand over lines; never waits."""
        try:
            self._queue.put_nowait((day, lines))
        except queue.Full:
            self.dropped += len(lines)

    def stop(self) -> None:
        """Write what was handed over and close the part."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(timeout=10)
            self._thread = None

    def _run(self) -> None:
        part: _Part | None = None
        flushed = time.monotonic()
        rests_until = 0.0
        while True:
            try:
                batch = self._queue.get(timeout=FLUSH_SECONDS)
            except queue.Empty:
                batch = (date.min, ())
            if batch is None:
                break
            if time.monotonic() < rests_until:
                self.dropped += len(batch[1])
                continue
            try:
                part = self._write(part, *batch)
                if part is not None and time.monotonic() - flushed >= FLUSH_SECONDS:
                    part.flush()
                    flushed = time.monotonic()
            except (OSError, zstandard.ZstdError) as error:
                self.dropped += len(batch[1])
                get_logger().warning("tick log cannot be written", error=str(error), retry_seconds=RETRY_SECONDS)
                part, rests_until = None, time.monotonic() + RETRY_SECONDS
        if part is not None:
            try:
                part.close()
            except OSError as error:
                get_logger().warning("tick log not closed", error=str(error))

    def _write(self, part: "_Part | None", day: date, lines: Sequence[bytes]) -> "_Part | None":
        if not lines:
            return part
        if part is None or part.day != day:
            if part is not None:
                part.close()
            self._folder.mkdir(parents=True, exist_ok=True)
            part = _Part(next_part(self._folder, day), day, self._mode)
            prune(self._folder, self._keep_days)
        part.write(lines)
        return part


class _Part:
    """One open part."""

    def __init__(self, path: Path, day: date, mode: str) -> None:
        self.day = day
        self._file: BinaryIO = path.open("xb")
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self._writer = compressor.stream_writer(self._file, closefd=True)
        self._frame_began = time.monotonic()
        self.write([TickLogHeader(day=day, mode=mode).model_dump_json().encode()])

    def write(self, lines: Sequence[bytes]) -> None:
        self._writer.write(b"\n".join(lines) + b"\n")

    def flush(self) -> None:
        """What was written so far can be read after a crash; a frame ends, with its checksum, once a minute."""
        ends = time.monotonic() - self._frame_began >= FRAME_SECONDS
        self._writer.flush(zstandard.FLUSH_FRAME if ends else zstandard.FLUSH_BLOCK)
        if ends:
            self._frame_began = time.monotonic()
        self._file.flush()

    def close(self) -> None:
        self._writer.close()  # type: ignore[no-untyped-call]  # the library's stub lacks the annotation
