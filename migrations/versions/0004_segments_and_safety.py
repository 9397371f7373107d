"""Segments with switches of their own, charges that a person must conclude, invoices that Stripe took back."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0004'
down_revision: str | None = '0003'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('segments',
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_segments'))
    )
    op.add_column('recoveries', sa.Column('segment', sa.Text(), nullable=True))
    op.add_column('recoveries', sa.Column('contradicted_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('attempts', sa.Column('abandoned_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('ix_recoveries_contradicted_at', 'recoveries', ['contradicted_at'], postgresql_where=sa.text('contradicted_at IS NOT NULL'), sqlite_where=sa.text('contradicted_at IS NOT NULL'))
    op.create_index('ix_attempts_abandoned_at', 'attempts', ['abandoned_at'], postgresql_where=sa.text('abandoned_at IS NOT NULL'), sqlite_where=sa.text('abandoned_at IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('ix_attempts_abandoned_at', table_name='attempts')
    op.drop_index('ix_recoveries_contradicted_at', table_name='recoveries')
    op.drop_column('attempts', 'abandoned_at')
    op.drop_column('recoveries', 'contradicted_at')
    op.drop_column('recoveries', 'segment')
    op.drop_table('segments')
