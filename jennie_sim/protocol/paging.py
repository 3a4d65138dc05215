"""Cursors of paged answers: M while more follows, D at the end, blanks in both cursors there."""

from collections.abc import Sequence
from typing import Any

from jennie_sim.protocol.message import Request

Row = dict[str, Any]


def page(request: Request, rows: Sequence[Row], size: int) -> tuple[list[Row], str, dict[str, str]]:
    """One page of rows, its tr_cont mark and its cursors. A cursor that is not ours starts from the beginning."""
    cursor = request.text("CTX_AREA_NK100")
    start = int(cursor) if cursor.isdigit() else 0
    chosen = list(rows[start : start + size])
    if start + size < len(rows):
        following = f"{start + size:08d}"
        return chosen, "M", {"ctx_area_fk100": request.account or "1", "ctx_area_nk100": following}
    return chosen, "D", {"ctx_area_fk100": " " * 100, "ctx_area_nk100": " " * 100}
