"""Own message texts, the merchant's look, providers' reports, approvals, and released suppressions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0009'
down_revision: str | None = '0008'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INSTANT = dunning.store.types.UTCDateTime(timezone=True)
COLUMNS = (
    ('messages', 'reference', sa.Text()),
    ('messages', 'awaits_since', INSTANT),
    ('messages', 'approved_at', INSTANT),
    ('messages', 'approved_by', sa.Text()),
    ('messages', 'approved_words', sa.Text()),
    ('suppressions', 'detail', sa.Text()),
    ('suppressions', 'message_id', sa.Text()),
    ('suppressions', 'released_at', INSTANT),
    ('suppressions', 'released_by', sa.Text()),
)


def upgrade() -> None:
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind))
    waiting = sa.text('awaits_since IS NOT NULL')
    op.create_index(
        'ix_messages_awaits_since', 'messages', ['awaits_since'], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_table(
        'mail_texts',
        sa.Column('template', sa.Text(), nullable=False),
        sa.Column('language', sa.Text(), nullable=False),
        sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('source', sa.Text(), nullable=True),
        sa.Column('published_at', INSTANT, nullable=False),
        sa.Column('published_by', sa.Text(), nullable=False),
        sa.Column('note', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('template', 'language', 'version', name=op.f('pk_mail_texts')),
    )
    op.create_table(
        'brandings',
        sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('document', sa.JSON(), nullable=False),
        sa.Column('published_at', INSTANT, nullable=False),
        sa.Column('published_by', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('version', name=op.f('pk_brandings')),
    )
    op.create_table(
        'mail_events',
        sa.Column('provider', sa.Text(), nullable=False),
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('address', sa.Text(), nullable=False),
        sa.Column('message_id', sa.Text(), nullable=True),
        sa.Column('detail', sa.Text(), nullable=False),
        sa.Column('at', INSTANT, nullable=False),
        sa.Column('received_at', INSTANT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('complaint', 'delivered', 'hard_bounce', 'soft_bounce', 'unsubscribed')",
            name=op.f('ck_mail_events_kind_known'),
        ),
        sa.PrimaryKeyConstraint('provider', 'id', name=op.f('pk_mail_events')),
    )
    op.create_index('ix_mail_events_message_id', 'mail_events', ['message_id'])
    op.create_index('ix_mail_events_address', 'mail_events', ['address', 'at'])


def downgrade() -> None:
    for table in ('mail_events', 'brandings', 'mail_texts'):
        op.drop_table(table)
    op.drop_index('ix_messages_awaits_since', 'messages')
    for table, name, _kind in reversed(COLUMNS):
        op.drop_column(table, name)
