"""A recovery whose campaign asks staff to call needs a person."""

from collections.abc import Sequence

from alembic import op

revision: str = '0026'
down_revision: str | None = '0025'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BEFORE = "'promise_broken', 'conclude', 'contradicted', 'approval', 'unreachable', 'silent', 'pause_over'"
SINCE = "'promise_broken', 'conclude', 'contradicted', 'approval', 'call', 'unreachable', 'silent', 'pause_over'"


def upgrade() -> None:
    _allow(SINCE)
    # The clock places the recoveries that are asked about now.
    op.execute(
        "UPDATE queue_items SET ring_at = COALESCE(ring_at, failed_at) WHERE recovery_id IN "
        "(SELECT recovery_id FROM staff_tasks WHERE state = 'open')"
    )


def downgrade() -> None:
    op.execute("UPDATE queue_items SET place = 'underway', cause = NULL, ring_at = failed_at WHERE cause = 'call'")
    _allow(BEFORE)


def _allow(causes: str) -> None:
    with op.batch_alter_table('queue_items') as batch:
        batch.drop_constraint(op.f('ck_queue_items_cause_known'), type_='check')
        batch.create_check_constraint(op.f('ck_queue_items_cause_known'), f'cause IN ({causes})')
