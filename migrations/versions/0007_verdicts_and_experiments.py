"""Fits have a verdict and figures; customers are assigned to experiments, and recoveries keep their arm."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0007'
down_revision: str | None = '0006'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# Column by column with its own CHECK, which both databases add and drop without copying the table.
COLUMNS = (
    ('planners', 'verdict', "TEXT DEFAULT 'accepted' NOT NULL", "verdict IN ('accepted', 'refused')"),
    ('recoveries', 'retries_arm', 'TEXT', "retries_arm IN ('holdout', 'treated')"),
    ('recoveries', 'messages_arm', 'TEXT', "messages_arm IN ('holdout', 'treated')"),
)


def upgrade() -> None:
    for table, name, kind, check in COLUMNS:
        op.execute(
            f'ALTER TABLE {table} ADD COLUMN {name} {kind} CONSTRAINT ck_{table}_{name}_known CHECK ({check})'
        )
    op.execute("ALTER TABLE planners ADD COLUMN figures JSON DEFAULT '{}' NOT NULL")
    op.create_table(
        'assignments',
        sa.Column('experiment', sa.Text(), nullable=False),
        sa.Column('account_id', sa.Text(), nullable=False),
        sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
        sa.Column('customer_id', sa.Text(), nullable=False),
        sa.Column('arm', sa.Text(), nullable=False),
        sa.Column('probability', sa.Text(), nullable=False),
        sa.Column('salt', sa.Text(), nullable=False),
        sa.Column('assigned_at', dunning.store.types.UTCDateTime(timezone=True), nullable=False),
        sa.CheckConstraint("arm IN ('holdout', 'treated')", name=op.f('ck_assignments_arm_known')),
        sa.CheckConstraint("experiment IN ('retries', 'messages')", name=op.f('ck_assignments_experiment_known')),
        sa.PrimaryKeyConstraint('experiment', 'account_id', 'livemode', 'customer_id', name=op.f('pk_assignments')),
    )


def downgrade() -> None:
    op.drop_table('assignments')
    op.execute('ALTER TABLE planners DROP COLUMN figures')
    for table, name, _kind, _check in reversed(COLUMNS):
        op.execute(f'ALTER TABLE {table} DROP COLUMN {name}')
