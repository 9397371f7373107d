"""Card rules in versions that stay, what the networks' rules withheld, and the outcome of a charge."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0002'
down_revision: str | None = '0001'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ATTEMPTS = (('outcome_type', sa.Text()), ('outcome_reason', sa.Text()), ('rules_version', sa.Integer()))


def upgrade() -> None:
    for name, kind in ATTEMPTS:
        op.add_column('attempts', sa.Column(name, kind, nullable=True))
    op.create_table('card_rules',
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('document', sa.JSON(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('published_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_card_rules'))
    )
    op.create_table('withheld',
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('after', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('cause', sa.Text(), nullable=False),
    sa.Column('network', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.Text(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('free_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('rules_version', sa.Integer(), nullable=False),
    sa.CheckConstraint("cause IN ('budget', 'stop_code', 'hard_decline')", name=op.f('ck_withheld_cause_known')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_withheld_recovery_id')),
    sa.PrimaryKeyConstraint('recovery_id', 'after', name=op.f('pk_withheld'))
    )
    op.create_index('ix_withheld_network', 'withheld', ['livemode', 'network', 'cause'], unique=False)
    _never_change('card_rules', 'a version of the card rules stays: publish another')


def _never_change(table: str, why: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{why}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stay()"
    )


def downgrade() -> None:
    op.drop_table('withheld')
    op.drop_table('card_rules')
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION card_rules_stay()")
    for name, _ in reversed(ATTEMPTS):
        with op.batch_alter_table('attempts', schema=None) as batch_op:
            batch_op.drop_column(name)
