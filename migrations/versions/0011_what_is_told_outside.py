"""Listeners, what is announced to them, and the further contacts of a customer."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0011'
down_revision: str | None = '0010'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('contacts',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('added_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
    sa.Column('added_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'customer_id', 'role', name=op.f('pk_contacts'))
    )
    op.create_table('listeners',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('target', sa.Text(), nullable=False),
    sa.Column('topics', sa.JSON(), nullable=False),
    sa.Column('at_least', sa.JSON(), nullable=False),
    sa.Column('secret_version', sa.Integer(), server_default='1', nullable=False),
    sa.Column('old_secret_until', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('failing_since', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('quiet_until', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('off_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('off_why', sa.Text(), nullable=True),
    sa.Column('removed_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('added_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
    sa.Column('added_by', sa.Text(), nullable=False),
    sa.CheckConstraint("kind IN ('webhook', 'slack', 'mail', 'zendesk')", name=op.f('ck_listeners_kind_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_listeners'))
    )
    op.create_table('announcements',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('listener_id', sa.Text(), nullable=False),
    sa.Column('announcement_id', sa.Text(), nullable=False),
    sa.Column('topic', sa.Text(), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=True),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('made_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
    sa.Column('tried_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('told_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('answer', sa.Text(), nullable=True),
    sa.Column('lease_until', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('planned', 'telling', 'told', 'unknown', 'dead', 'dropped')", name=op.f('ck_announcements_state_known')),
    sa.ForeignKeyConstraint(['listener_id'], ['listeners.id'], name=op.f('fk_announcements_listener_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_announcements')),
    sa.UniqueConstraint('listener_id', 'announcement_id', name=op.f('uq_announcements_listener_id_announcement_id'))
    )
    with op.batch_alter_table('announcements', schema=None) as batch_op:
        batch_op.create_index('ix_announcements_listener', ['listener_id', 'made_at'], unique=False)
        batch_op.create_index('ix_announcements_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))


def downgrade() -> None:
    with op.batch_alter_table('announcements', schema=None) as batch_op:
        batch_op.drop_index('ix_announcements_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_announcements_listener')

    op.drop_table('announcements')
    op.drop_table('listeners')
    op.drop_table('contacts')
