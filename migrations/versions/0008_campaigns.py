"""Campaigns are chosen by rules, drafted, tried out in arms; steps wait for staff and become their tasks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0008'
down_revision: str | None = '0007'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

INSTANT = dunning.store.types.UTCDateTime(timezone=True)
COLUMNS = (
    ('campaigns', 'published_by', sa.Text()),
    ('recoveries', 'campaign_arm', sa.Text()),
    ('recoveries', 'known', sa.JSON()),
    ('recoveries', 'moved_from', sa.JSON()),
    ('recoveries', 'silenced_at', INSTANT),
    ('messages', 'before_at', INSTANT),
    ('messages', 'moved', sa.JSON()),
    ('customers', 'created_at', INSTANT),
)
INDEXES = (
    ('ix_messages_recovery_id', 'messages', ['recovery_id']),
    ('ix_invoices_customer_id', 'invoices', ['account_id', 'livemode', 'customer_id']),
    ('ix_past_charges_customer_id', 'past_charges', ['account_id', 'livemode', 'customer_id']),
)


def upgrade() -> None:
    for table, name, kind in COLUMNS:
        op.add_column(table, sa.Column(name, kind, nullable=True))
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    op.create_table(
        'campaign_drafts',
        sa.Column('key', sa.Text(), nullable=False),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('saved_at', INSTANT, nullable=False),
        sa.Column('saved_by', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('key', name=op.f('pk_campaign_drafts')),
    )
    op.create_table(
        'campaign_rules',
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('definition', sa.JSON(), nullable=False),
        sa.Column('published_at', INSTANT, nullable=False),
        sa.Column('published_by', sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint('version', name=op.f('pk_campaign_rules')),
    )
    op.create_table(
        'campaign_arms',
        sa.Column('campaign_key', sa.Text(), nullable=False),
        sa.Column('account_id', sa.Text(), nullable=False),
        sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
        sa.Column('customer_id', sa.Text(), nullable=False),
        sa.Column('arm', sa.Text(), nullable=False),
        sa.Column('probability', sa.Text(), nullable=False),
        sa.Column('salt', sa.Text(), nullable=False),
        sa.Column('assigned_at', INSTANT, nullable=False),
        sa.PrimaryKeyConstraint(
            'campaign_key', 'account_id', 'livemode', 'customer_id', name=op.f('pk_campaign_arms')
        ),
    )
    _create_staff_tasks()


def _create_staff_tasks() -> None:
    op.create_table(
        'staff_tasks',
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('account_id', sa.Text(), nullable=False),
        sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
        sa.Column('recovery_id', sa.Text(), nullable=False),
        sa.Column('message_id', sa.Text(), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('what', sa.Text(), nullable=False),
        sa.Column('due_at', INSTANT, nullable=False),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('closed_at', INSTANT, nullable=True),
        sa.Column('closed_by', sa.Text(), nullable=True),
        sa.Column('note', sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('call')", name=op.f('ck_staff_tasks_kind_known')),
        sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name=op.f('ck_staff_tasks_state_known')),
        sa.CheckConstraint(
            "(state = 'open') = (closed_at IS NULL)", name=op.f('ck_staff_tasks_closed_has_date')
        ),
        sa.ForeignKeyConstraint(
            ['recovery_id'], ['recoveries.id'], name=op.f('fk_staff_tasks_recovery_id')
        ),
        sa.ForeignKeyConstraint(['message_id'], ['messages.id'], name=op.f('fk_staff_tasks_message_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_tasks')),
        sa.UniqueConstraint('message_id', 'kind', name=op.f('uq_staff_tasks_message_id_kind')),
    )
    op.create_index(
        'ix_staff_tasks_due_at',
        'staff_tasks',
        ['due_at'],
        postgresql_where=sa.text("state = 'open'"),
        sqlite_where=sa.text("state = 'open'"),
    )
    op.create_index('ix_staff_tasks_recovery_id', 'staff_tasks', ['recovery_id'])


def downgrade() -> None:
    for table in ('staff_tasks', 'campaign_arms', 'campaign_rules', 'campaign_drafts'):
        op.drop_table(table)
    for name, table, _columns in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    for table, name, _kind in reversed(COLUMNS):
        op.drop_column(table, name)
