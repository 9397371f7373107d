"""The queue: a line for each recovery, its search words, what staff set aside, asked for and did in bulk."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0014'
down_revision: str | None = '0013'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


# What is there already gets a line that rings at once: the clock lets each be placed by the rules.
FILL = """
INSERT INTO queue_items (recovery_id, account_id, livemode, open, status, place, amount, face, currency,
                         decline_class, campaign_key, failed_at, deadline, ring_at)
SELECT id, account_id, livemode, status NOT IN ('recovered', 'lost', 'stopped'), status,
       CASE WHEN status IN ('recovered', 'lost', 'stopped') THEN 'closed' ELSE 'underway' END,
       amount, amount, currency, decline_class, campaign_key, failed_at, deadline, failed_at
FROM recoveries
"""


def upgrade() -> None:
    op.create_table('bulk_runs',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("action IN ('retry', 'snooze', 'assign', 'note', 'stop')", name=op.f('ck_bulk_runs_action_known')),
    sa.CheckConstraint("state IN ('shown', 'running', 'done')", name=op.f('ck_bulk_runs_state_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_runs'))
    )
    with op.batch_alter_table('bulk_runs', schema=None) as batch_op:
        batch_op.create_index('ix_bulk_runs_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))

    op.create_table('saved_views',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('saved_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_views'))
    )
    op.create_table('approvals',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('asked_by', sa.Text(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Text(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('approved', sa.Boolean(create_constraint=True, name='approved_boolean'), nullable=True),
    sa.CheckConstraint('(decided_at IS NULL) = (approved IS NULL)', name=op.f('ck_approvals_decided_has_answer')),
    sa.CheckConstraint('(decided_by = asked_by AND approved = true) = false', name=op.f('ck_approvals_another_approves')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_approvals_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_approvals'))
    )
    with op.batch_alter_table('approvals', schema=None) as batch_op:
        batch_op.create_index('uq_approvals_waiting', ['recovery_id'], unique=True, postgresql_where=sa.text('decided_at IS NULL'), sqlite_where=sa.text('decided_at IS NULL'))

    op.create_table('bulk_rows',
    sa.Column('run_id', sa.Text(), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('sentence', sa.Text(), nullable=False),
    sa.CheckConstraint("state IN ('planned', 'done', 'skipped')", name=op.f('ck_bulk_rows_state_known')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_bulk_rows_recovery_id')),
    sa.ForeignKeyConstraint(['run_id'], ['bulk_runs.id'], name=op.f('fk_bulk_rows_run_id')),
    sa.PrimaryKeyConstraint('run_id', 'recovery_id', name=op.f('pk_bulk_rows'))
    )
    op.create_table('queue_items',
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('open', sa.Boolean(create_constraint=True, name='open_boolean'), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('place', sa.Text(), nullable=False),
    sa.Column('cause', sa.Text(), nullable=True),
    sa.Column('needed_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('respond_by', sa.DateTime(timezone=True), nullable=True),
    sa.Column('breached', sa.Boolean(create_constraint=True, name='breached_boolean'), server_default='0', nullable=False),
    sa.Column('rank', sa.Integer(), server_default='0', nullable=False),
    sa.Column('worth', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('expected', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('slipping', sa.Integer(), server_default='0', nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('face', sa.BigInteger(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('decline_class', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('plan', sa.Text(), nullable=True),
    sa.Column('campaign_key', sa.Text(), nullable=False),
    sa.Column('segment', sa.Text(), nullable=True),
    sa.Column('attempts_left', sa.Integer(), server_default='0', nullable=False),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deadline', sa.DateTime(timezone=True), nullable=False),
    sa.Column('owner', sa.Text(), nullable=True),
    sa.Column('snoozed_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('snooze_reason', sa.Text(), nullable=True),
    sa.Column('promised_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('touched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('named', sa.Text(), server_default='', nullable=False),
    sa.Column('version', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(place = 'closed') = (open = false)", name=op.f('ck_queue_items_closed_is_not_open')),
    sa.CheckConstraint("(place = 'needs_action') = (cause IS NOT NULL)", name=op.f('ck_queue_items_needed_has_cause')),
    sa.CheckConstraint("cause IN ('promise_broken', 'conclude', 'contradicted', 'approval', 'unreachable', 'silent', 'pause_over')", name=op.f('ck_queue_items_cause_known')),
    sa.CheckConstraint("decline_class IN ('soft_funds', 'soft_issuer', 'technical', 'limit', 'needs_authentication', 'needs_card', 'hard', 'fraud', 'unknown')", name=op.f('ck_queue_items_decline_class_known')),
    sa.CheckConstraint("place IN ('needs_action', 'waiting', 'snoozed', 'underway', 'closed')", name=op.f('ck_queue_items_place_known')),
    sa.CheckConstraint("status IN ('scheduled', 'attempting', 'waiting', 'paused', 'watching', 'recovered', 'lost', 'stopped')", name=op.f('ck_queue_items_status_known')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_queue_items_recovery_id')),
    sa.PrimaryKeyConstraint('recovery_id', name=op.f('pk_queue_items'))
    )
    with op.batch_alter_table('queue_items', schema=None) as batch_op:
        batch_op.create_index('ix_queue_items_class', ['livemode', 'open', 'decline_class', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_country', ['livemode', 'open', 'country', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_currency', ['livemode', 'open', 'currency', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_deadline', ['livemode', 'open', 'deadline', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_face', ['livemode', 'open', 'face', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_newest', ['livemode', 'open', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_campaign', ['livemode', 'open', 'campaign_key', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_segment', ['livemode', 'open', 'segment', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_owner', ['livemode', 'owner', 'open', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_place', ['livemode', 'place', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_plan', ['livemode', 'open', 'plan', 'rank', 'worth', 'recovery_id'], unique=False)
        batch_op.create_index('ix_queue_items_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.create_index('ix_queue_items_worth', ['livemode', 'open', 'rank', 'worth', 'recovery_id'], unique=False)

    op.create_table('search_words',
    sa.Column('word', sa.Text().with_variant(sa.Text(collation='C'), 'postgresql'), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_search_words_recovery_id')),
    sa.PrimaryKeyConstraint('word', 'recovery_id', name=op.f('pk_search_words'))
    )
    with op.batch_alter_table('search_words', schema=None) as batch_op:
        batch_op.create_index('ix_search_words_recovery_id', ['recovery_id'], unique=False)

    op.create_table('staff_changes',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('said', sa.Text(), nullable=False),
    sa.Column('before', sa.JSON(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('undone_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_staff_changes_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_staff_changes'))
    )
    with op.batch_alter_table('staff_changes', schema=None) as batch_op:
        batch_op.create_index('ix_staff_changes_recovery_id', ['recovery_id'], unique=False)
    op.execute(FILL)


def downgrade() -> None:
    with op.batch_alter_table('staff_changes', schema=None) as batch_op:
        batch_op.drop_index('ix_staff_changes_recovery_id')

    op.drop_table('staff_changes')
    with op.batch_alter_table('search_words', schema=None) as batch_op:
        batch_op.drop_index('ix_search_words_recovery_id')

    op.drop_table('search_words')
    with op.batch_alter_table('queue_items', schema=None) as batch_op:
        batch_op.drop_index('ix_queue_items_worth')
        batch_op.drop_index('ix_queue_items_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_queue_items_plan')
        batch_op.drop_index('ix_queue_items_place')
        batch_op.drop_index('ix_queue_items_campaign')
        batch_op.drop_index('ix_queue_items_segment')
        batch_op.drop_index('ix_queue_items_owner')
        batch_op.drop_index('ix_queue_items_newest')
        batch_op.drop_index('ix_queue_items_face')
        batch_op.drop_index('ix_queue_items_deadline')
        batch_op.drop_index('ix_queue_items_currency')
        batch_op.drop_index('ix_queue_items_country')
        batch_op.drop_index('ix_queue_items_class')

    op.drop_table('queue_items')
    op.drop_table('bulk_rows')
    with op.batch_alter_table('approvals', schema=None) as batch_op:
        batch_op.drop_index('uq_approvals_waiting', postgresql_where=sa.text('decided_at IS NULL'), sqlite_where=sa.text('decided_at IS NULL'))

    op.drop_table('approvals')
    op.drop_table('saved_views')
    with op.batch_alter_table('bulk_runs', schema=None) as batch_op:
        batch_op.drop_index('ix_bulk_runs_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))

    op.drop_table('bulk_runs')
