"""Notices, coming renewals, and how often the page behind a link was made to act."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0010'
down_revision: str | None = '0009'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        'link_turns',
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('since', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column('turns', sa.Integer(), nullable=False),
        sa.Column('used_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_link_turns')),
    )
    op.create_table(
        'renewals',
        sa.Column('account_id', sa.Text(), nullable=False),
        sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('customer_id', sa.Text(), nullable=False),
        sa.Column('renews_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column('currency', sa.Text(), nullable=False),
        sa.Column('amount', sa.BigInteger(), nullable=True),
        sa.Column('plan', sa.Text(), nullable=True),
        sa.Column('card_id', sa.Text(), nullable=True),
        sa.Column('risk', sa.Text(), nullable=True),
        sa.Column('read_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("risk IN ('no_card', 'card_expires', 'card_failed', 'failed_before')", name=op.f('ck_renewals_risk_known')),
        sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_renewals')),
    )
    op.create_index('ix_renewals_customer_id', 'renewals', ['account_id', 'livemode', 'customer_id'], unique=False)
    op.create_index('ix_renewals_risk', 'renewals', ['account_id', 'livemode', 'renews_at'], unique=False, postgresql_where=sa.text('risk IS NOT NULL'), sqlite_where=sa.text('risk IS NOT NULL'))
    op.create_table(
        'notices',
        sa.Column('id', sa.Text(), nullable=False),
        sa.Column('account_id', sa.Text(), nullable=False),
        sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
        sa.Column('kind', sa.Text(), nullable=False),
        sa.Column('about', sa.Text(), nullable=False),
        sa.Column('customer_id', sa.Text(), nullable=False),
        sa.Column('recovery_id', sa.Text(), nullable=True),
        sa.Column('subscription_id', sa.Text(), nullable=True),
        sa.Column('card_id', sa.Text(), nullable=True),
        sa.Column('renews_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column('state', sa.Text(), nullable=False),
        sa.Column('due_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column('address', sa.Text(), nullable=True),
        sa.Column('subject', sa.Text(), nullable=True),
        sa.Column('body_text', sa.Text(), nullable=True),
        sa.Column('body_html', sa.Text(), nullable=True),
        sa.Column('provider', sa.Text(), nullable=True),
        sa.Column('note', sa.Text(), nullable=True),
        sa.Column('sent_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column('lease_until', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
        sa.Column('ring_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f('ck_notices_sent_has_date')),
        sa.CheckConstraint("kind IN ('new_link', 'thank_you', 'card_expiring', 'renewal_at_risk')", name=op.f('ck_notices_kind_known')),
        sa.CheckConstraint("state IN ('planned', 'sending', 'sent', 'unknown', 'skipped', 'failed')", name=op.f('ck_notices_state_known')),
        sa.CheckConstraint('recovery_id IS NOT NULL OR renews_at IS NOT NULL', name=op.f('ck_notices_has_an_occasion')),
        sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_notices_recovery_id')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notices')),
        sa.UniqueConstraint('account_id', 'livemode', 'kind', 'about', name='uq_notices_once'),
    )
    op.create_index('ix_notices_address', 'notices', ['address', 'sent_at'], unique=False)
    op.create_index('ix_notices_recovery_id', 'notices', ['recovery_id'], unique=False)
    op.create_index('ix_notices_ring_at', 'notices', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))



def downgrade() -> None:
    op.drop_index('ix_notices_ring_at', table_name='notices')
    op.drop_index('ix_notices_recovery_id', table_name='notices')
    op.drop_index('ix_notices_address', table_name='notices')
    op.drop_table('notices')
    op.drop_index('ix_renewals_risk', table_name='renewals')
    op.drop_index('ix_renewals_customer_id', table_name='renewals')
    op.drop_table('renewals')
    op.drop_table('link_turns')
