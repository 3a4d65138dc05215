"""Dagster's SQLite event log with one transaction per batch of asset events.

Dagster stores the materialisation of every partition on its own: two connections and two commits each, 15 ms. A
backfill of 250 sessions would spend three quarters of its time there. Its batch seam (`store_event_batch`, switched on
by a variable) lets a storage take them together; where this fails Dagster falls back to one by one.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dagster import EventLogEntry, StringSource
from dagster._core.events import ASSET_EVENTS
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._serdes import ConfigurableClassData

BATCH_SIZE = 500
BATCH_VARIABLE = "DAGSTER_EVENT_BATCH_SIZE"


class BatchingSqliteEventLogStorage(SqliteEventLogStorage):
    """The default event log below `home`, where a batch of asset events costs two transactions instead of two each."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """`home` is DAGSTER_HOME; the files lie where the default storage puts them."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Any
    ) -> "BatchingSqliteEventLogStorage":
        """Called by Dagster with the validated config; switches batching on for this process."""
        os.environ.setdefault(BATCH_VARIABLE, str(BATCH_SIZE))
        return cls(base_dir=str(Path(config_value["home"]) / "history" / "runs"), inst_data=inst_data)

    def _store_asset_check_evaluation_planned(self, event: EventLogEntry, event_id: int | None) -> None:
        """A check runs once for a range of partitions, so one row is planned for it, not one per partition.

        Rows per partition would never be completed (the evaluation of a range names no partition) and cost 2.5 s for a
        year of sessions.
        """
        dagster_event = event.get_dagster_event()
        planned = dagster_event.asset_check_planned_data
        subset = planned.partitions_subset
        if subset is not None and len(subset) > 1:
            data = type(planned)(asset_key=planned.asset_key, check_name=planned.check_name, partitions_subset=None)
            event = event._replace(dagster_event=dagster_event._replace(event_specific_data=data))
        super()._store_asset_check_evaluation_planned(event, event_id)

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Store asset events of one run together; anything else goes the ordinary way."""
        batch = []
        for event in events:
            if event.dagster_event_type in ASSET_EVENTS:
                batch.append(event)
            else:
                self.store_event(event)
        if not batch:
            return
        rows = [self._event_to_row(event) for event in batch]
        with self.run_connection(batch[0].run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), rows)
        with self.index_connection() as connection:
            results = [connection.execute(SqlEventLogStorageTable.insert().values(**row)) for row in rows]
            identifiers = [result.lastrowid for result in results]
            self._store_asset_event_tags(connection, batch, identifiers)
            newest = {
                event.get_dagster_event().asset_key: (event, identifier)
                for event, identifier in zip(batch, identifiers, strict=True)
            }
            for event, identifier in newest.values():
                self._store_asset_event(connection, event, identifier)
