"""Events are found by their object and by their type, links by their message, without walking the table."""

from collections.abc import Sequence

from alembic import op

revision: str = '0003'
down_revision: str | None = '0002'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.drop_index('ix_events_object_id', table_name='events')
    op.create_index('ix_events_object_id', 'events', ['account_id', 'livemode', 'object_id'], unique=False)
    op.create_index('ix_events_type', 'events', ['account_id', 'livemode', 'type', 'created_at'], unique=False)
    op.create_index('ix_links_message_id', 'links', ['message_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_links_message_id', table_name='links')
    op.drop_index('ix_events_type', table_name='events')
    op.drop_index('ix_events_object_id', table_name='events')
    op.create_index('ix_events_object_id', 'events', ['object_id'], unique=False)
