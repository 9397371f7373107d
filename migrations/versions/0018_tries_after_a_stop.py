"""Tries after a network said stop: a measure of the rollups, and what it is made of leaves a mark."""

from collections.abc import Sequence

from alembic import op

revision: str = '0018'
down_revision: str | None = '0015'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = (
    'state at amount made_by decline_class decline_code brand funding country charge_id policy_version'
).split()
SINCE = [*BEFORE, 'fingerprint', 'network_advice_code', 'network_decline_code']


def upgrade() -> None:
    op.execute('ALTER TABLE rollup_cells ADD COLUMN after_stop BIGINT DEFAULT 0 NOT NULL')
    _mark(SINCE)


def downgrade() -> None:
    _mark(BEFORE)
    op.execute('ALTER TABLE rollup_cells DROP COLUMN after_stop')


def _mark(columns: Sequence[str]) -> None:
    """Make the trigger anew that marks a recovery when an attempt of it changes (0013)."""
    lite = op.get_bind().dialect.name == 'sqlite'
    differs = 'IS NOT' if lite else 'IS DISTINCT FROM'
    changed = ' OR '.join(f'OLD.{name} {differs} NEW.{name}' for name in columns)
    trigger = f'CREATE TRIGGER attempts_marks_change AFTER UPDATE OF {", ".join(columns)} ON attempts'
    if lite:
        op.execute('DROP TRIGGER attempts_marks_change')
        insert = 'INSERT INTO rollup_marks (recovery_id) VALUES (NEW.recovery_id)'
        op.execute(f'{trigger} WHEN {changed} BEGIN {insert}; END')
        return
    op.execute('DROP TRIGGER attempts_marks_change ON attempts')
    op.execute(f'{trigger} FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION attempts_mark()')
