"""Requests to erase a person; a finished one is the tombstone that keeps their data away."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0022'
down_revision: str | None = '0020'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('erasures',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=False),
    sa.Column('asked_by', sa.Text(), nullable=False),
    sa.Column('asked_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
    sa.Column('why', sa.Text(), nullable=True),
    sa.Column('seen_to', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('waits_for', sa.Text(), nullable=True),
    sa.Column('finished_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('lease_until', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', dunning.store.types.UTCDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasures')),
    sa.UniqueConstraint('account_id', 'livemode', 'customer_id', name=op.f('uq_erasures_account_id_livemode_customer_id')),
    )
    ringing = sa.text('ring_at IS NOT NULL')
    op.create_index('ix_erasures_ring_at', 'erasures', ['ring_at'], postgresql_where=ringing, sqlite_where=ringing)


def downgrade() -> None:
    op.drop_table('erasures')
