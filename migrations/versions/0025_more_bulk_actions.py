"""Bulk actions may pause, move and write off, too."""

from collections.abc import Sequence

from alembic import op

revision: str = '0025'
down_revision: str | None = '0023'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = "'retry', 'snooze', 'assign', 'note', 'stop'"
SINCE = "'retry', 'snooze', 'assign', 'note', 'pause', 'move', 'write_off', 'stop'"


def upgrade() -> None:
    _allow(SINCE)


def downgrade() -> None:
    op.execute(f"DELETE FROM bulk_rows WHERE run_id IN (SELECT id FROM bulk_runs WHERE action NOT IN ({BEFORE}))")
    op.execute(f"DELETE FROM bulk_runs WHERE action NOT IN ({BEFORE})")
    _allow(BEFORE)


def _allow(actions: str) -> None:
    """Put another CHECK in the place of the old one; SQLite makes the table anew, so its rows step aside."""
    lite = op.get_bind().dialect.name == 'sqlite'
    if lite:
        op.execute('CREATE TEMPORARY TABLE aside AS SELECT * FROM bulk_rows')
        op.execute('DELETE FROM bulk_rows')
    with op.batch_alter_table('bulk_runs') as batch:
        batch.drop_constraint(op.f('ck_bulk_runs_action_known'), type_='check')
        batch.create_check_constraint(op.f('ck_bulk_runs_action_known'), f'action IN ({actions})')
    if lite:
        op.execute('INSERT INTO bulk_rows SELECT * FROM aside')
        op.execute('DROP TABLE aside')
