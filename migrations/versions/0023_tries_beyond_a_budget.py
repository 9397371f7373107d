"""Tries beyond a network's budget: a measure of the rollups, which are folded anew for it."""

from collections.abc import Sequence

from alembic import op

revision: str = '0023'
down_revision: str | None = '0022'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute('ALTER TABLE rollup_cells ADD COLUMN beyond_budget BIGINT DEFAULT 0 NOT NULL')


def downgrade() -> None:
    op.execute('ALTER TABLE rollup_cells DROP COLUMN beyond_budget')
