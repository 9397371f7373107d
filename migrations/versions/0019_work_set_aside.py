"""What was set aside (parked events, failed messages, refused errands, dead announcements) is found by an index."""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

revision: str = '0019'
down_revision: str | None = '0018'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INDEXES = (
    ('ix_events_parked', 'events', 'handled_at', "state = 'parked'"),
    ('ix_messages_failed', 'messages', 'due_at', "state = 'failed'"),
    ('ix_errands_refused', 'errands', 'finished_at', "state = 'refused'"),
    ('ix_announcements_dead', 'announcements', 'tried_at', "state = 'dead'"),
)


def upgrade() -> None:
    for name, table, column, where in INDEXES:
        condition = text(where)
        op.create_index(name, table, [column], postgresql_where=condition, sqlite_where=condition)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table_name=table)
