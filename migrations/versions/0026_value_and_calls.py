"""What a customer has paid, calls to make, the use that the merchant reports; a person's own time zone."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0026'
down_revision: str | None = '0025'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = "cause IN ('promise_broken', 'conclude', 'contradicted', 'approval', 'unreachable', 'silent', 'pause_over')"
AFTER = BEFORE.replace(')', ", 'call')")


def upgrade() -> None:
    _check(BEFORE, AFTER)
    op.execute('ALTER TABLE queue_items ADD COLUMN paid_so_far BIGINT DEFAULT 0 NOT NULL')
    op.execute('ALTER TABLE queue_items ADD COLUMN value BIGINT DEFAULT 0 NOT NULL')
    op.create_index('ix_queue_items_value', 'queue_items', ['livemode', 'open', 'value', 'recovery_id'])
    op.create_table('customer_usage',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=False),
    sa.Column('usage', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('usage_before', sa.BigInteger(), nullable=True),
    sa.Column('at_before', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint('(usage_before IS NULL) = (at_before IS NULL)', name=op.f('ck_customer_usage_before_has_date')),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'customer_id', name=op.f('pk_customer_usage'))
    )
    op.execute('ALTER TABLE users ADD COLUMN zone TEXT')
    # every line rings at once: the clock lets each be placed by the rules, which now know more
    op.execute('UPDATE queue_items SET ring_at = failed_at')


def downgrade() -> None:
    op.execute('ALTER TABLE users DROP COLUMN zone')
    op.drop_table('customer_usage')
    op.drop_index('ix_queue_items_value', 'queue_items')
    op.execute('ALTER TABLE queue_items DROP COLUMN value')
    op.execute('ALTER TABLE queue_items DROP COLUMN paid_so_far')
    op.execute("UPDATE queue_items SET cause = 'silent' WHERE cause = 'call'")
    _check(AFTER, BEFORE)


def _check(old: str, new: str) -> None:
    """Let the CHECK of `cause` say something else; of SQLite's tables the text alone is changed, no row copied."""
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE queue_items DROP CONSTRAINT ck_queue_items_cause_known')
        op.execute(f'ALTER TABLE queue_items ADD CONSTRAINT ck_queue_items_cause_known CHECK ({new})')
        return
    # SQLite's own recipe, for changes that leave the rows as they are: https://sqlite.org/lang_altertable.html#otheralter
    number = op.get_bind().exec_driver_sql('PRAGMA schema_version').scalar_one()
    op.execute('PRAGMA writable_schema = ON')
    op.get_bind().exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = 'queue_items'", (old, new)
    )
    op.execute(f'PRAGMA schema_version = {int(number) + 1}')
    op.execute('PRAGMA writable_schema = OFF')
