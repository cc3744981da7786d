"""How each channel fared: when it last took a message, and what went wrong last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from wharf.ledger.schema import outbox


@dataclass(frozen=True)
class ChannelNews:
    """What the outbox knows of one channel."""

    last_sent_at: datetime | None = None
    waiting: int = 0
    failed: int = 0
    """Messages that were given up."""
    trouble_at: datetime | None = None
    """When the message was queued that had trouble last."""
    trouble: str = ""


def channel_news(tx: Connection) -> dict[str, ChannelNews]:
    """What the outbox knows of each channel that it ever had a message for."""
    waits, gone = outbox.c.status.in_(["QUEUED", "SENDING"]), outbox.c.status == "FAILED"
    query = select(
        outbox.c.channel,
        func.max(outbox.c.sent_at).label("last_sent_at"),
        func.count().filter(waits).label("waiting"),
        func.count().filter(gone).label("failed"),
        func.max(outbox.c.seq).filter(outbox.c.error != "", waits | gone).label("trouble"),
    ).group_by(outbox.c.channel)
    rows = list(tx.execute(query))
    said = {
        row.seq: row
        for row in tx.execute(
            select(outbox.c.seq, outbox.c.queued_at, outbox.c.error).where(
                outbox.c.seq.in_([row.trouble for row in rows if row.trouble is not None])
            )
        )
    }
    return {
        row.channel: ChannelNews(
            last_sent_at=row.last_sent_at,
            waiting=row.waiting,
            failed=row.failed,
            trouble_at=said[row.trouble].queued_at if row.trouble is not None else None,
            trouble=said[row.trouble].error if row.trouble is not None else "",
        )
        for row in rows
    }
