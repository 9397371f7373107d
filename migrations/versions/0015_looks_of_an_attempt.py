"""How often Stripe was looked at for what became of a charge, apart from how often its key was sent again."""

from collections.abc import Sequence

from alembic import op

revision: str = '0015'
down_revision: str | None = '0014'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.execute('ALTER TABLE attempts ADD COLUMN looks INTEGER DEFAULT 0 NOT NULL')


def downgrade() -> None:
    op.execute('ALTER TABLE attempts DROP COLUMN looks')
