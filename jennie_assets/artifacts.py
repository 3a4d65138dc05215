"""Frames between the assets of one run, as Parquet files by asset, partition and run (B4: nothing is overwritten)."""

import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl


class MissingArtifactError(LookupError):
    """An upstream asset has left nothing for this partition; the message says which to run."""


@dataclass(frozen=True)
class Artifacts:
    """Files `<root>/<asset>/<partition>/<run>.parquet`."""

    root: Path

    def write(self, asset: str, day: date, run_id: str, frame: pl.DataFrame) -> Path:
        """Keep a frame; readers see it whole or not at all."""
        path = self._path(asset, day, run_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        frame.write_parquet(temporary, compression="lz4")
        temporary.replace(path)
        return path

    def read(self, asset: str, day: date, run_id: str) -> pl.DataFrame:
        """The frame of this run, or the newest of the partition when the asset ran elsewhere."""
        path = self._path(asset, day, run_id)
        if not path.is_file():
            found = sorted(path.parent.glob("*.parquet"), key=lambda item: item.stat().st_mtime_ns)
            if not found:
                raise MissingArtifactError(f"{asset} has no result for {day}: materialise {asset} of that day first")
            path = found[-1]
        return pl.read_parquet(path)

    def read_exactly(self, asset: str, day: date, run_id: str) -> pl.DataFrame:
        """The frame of this run and no other."""
        path = self._path(asset, day, run_id)
        if not path.is_file():
            raise MissingArtifactError(f"{asset} has no result of {run_id} for {day}")
        return pl.read_parquet(path)

    def drop_before(self, day: date) -> int:
        """Delete the frames of partitions before `day`; returns how many partitions went."""
        dropped = 0
        for folder in self.root.glob("*/*"):
            if folder.is_dir() and folder.name < day.isoformat():
                shutil.rmtree(folder, ignore_errors=True)
                dropped += 1
        return dropped

    def _path(self, asset: str, day: date, run_id: str) -> Path:
        return self.root / asset / day.isoformat() / f"{run_id}.parquet"
