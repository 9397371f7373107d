"""An account remembers whom the identity provider meant by its address."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0027'
down_revision: str | None = '0026'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column('users', sa.Column('subject', sa.Text()))


def downgrade() -> None:
    op.drop_column('users', 'subject')
