"""Errands at Stripe, what is known of subscriptions, and the backup card of the next attempt."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0005'
down_revision: str | None = '0004'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('subscriptions',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=True),
    sa.Column('default_card_id', sa.Text(), nullable=True),
    sa.Column('trial_end_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancelled_for', sa.Text(), nullable=True),
    sa.Column('collection_paused', sa.Boolean(create_constraint=True, name='collection_paused_boolean'), server_default='0', nullable=False),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_subscriptions'))
    )
    op.create_table('errands',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('object_id', sa.Text(), nullable=False),
    sa.Column('occurrence', sa.Text(), server_default='', nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('planned_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state IN ('planned', 'asking')) = (finished_at IS NULL)", name=op.f('ck_errands_finished_has_date')),
    sa.CheckConstraint("kind IN ('replace_card', 'collect_drafts', 'mark_uncollectible', 'cancel_subscription', 'pause_subscription')", name=op.f('ck_errands_kind_known')),
    sa.CheckConstraint("state IN ('planned', 'asking', 'done', 'dropped', 'refused')", name=op.f('ck_errands_state_known')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_errands_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_errands')),
    sa.UniqueConstraint('recovery_id', 'kind', 'object_id', 'occurrence', name=op.f('uq_errands_recovery_id_kind_object_id_occurrence'))
    )
    with op.batch_alter_table('errands', schema=None) as batch_op:
        batch_op.create_index('ix_errands_customer_id', ['account_id', 'livemode', 'customer_id'], unique=False)
        batch_op.create_index('ix_errands_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))

    op.add_column('recoveries', sa.Column('credited_before', sa.BigInteger(), server_default='0', nullable=False))
    op.add_column('recoveries', sa.Column('backup_card_id', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('recoveries', 'backup_card_id')
    op.drop_column('recoveries', 'credited_before')
    with op.batch_alter_table('errands', schema=None) as batch_op:
        batch_op.drop_index('ix_errands_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_errands_customer_id')

    op.drop_table('errands')
    op.drop_table('subscriptions')
