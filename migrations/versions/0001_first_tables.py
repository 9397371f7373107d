"""The first tables, and the ledger that only grows."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0001'
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('campaigns',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', 'version', name=op.f('pk_campaigns'))
    )
    op.create_table('cards',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.Text(), nullable=True),
    sa.Column('brand', sa.Text(), nullable=True),
    sa.Column('funding', sa.Text(), nullable=True),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('last4', sa.Text(), nullable=True),
    sa.Column('exp_month', sa.Integer(), nullable=True),
    sa.Column('exp_year', sa.Integer(), nullable=True),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('network_updated_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('detached_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_cards'))
    )
    with op.batch_alter_table('cards', schema=None) as batch_op:
        batch_op.create_index('ix_cards_customer_id', ['account_id', 'livemode', 'customer_id'], unique=False)

    op.create_table('customers',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('name', sa.Text(), nullable=True),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('locale', sa.Text(), nullable=True),
    sa.Column('timezone', sa.Text(), nullable=True),
    sa.Column('deleted', sa.Boolean(create_constraint=True, name='deleted_boolean'), nullable=False),
    sa.Column('default_card_id', sa.Text(), nullable=True),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_customers'))
    )
    op.create_table('events',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('api_version', sa.Text(), nullable=True),
    sa.Column('object_id', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.Text(), server_default='new', nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('handled_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('new', 'handled', 'ignored', 'parked')", name=op.f('ck_events_state_known')),
    sa.PrimaryKeyConstraint('seq', name=op.f('pk_events')),
    sa.UniqueConstraint('account_id', 'livemode', 'id', name=op.f('uq_events_account_id_livemode_id'))
    )
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.create_index('ix_events_idempotency_key', ['account_id', 'idempotency_key'], unique=False, postgresql_where=sa.text('idempotency_key IS NOT NULL'), sqlite_where=sa.text('idempotency_key IS NOT NULL'))
        batch_op.create_index('ix_events_object_id', ['object_id'], unique=False)
        batch_op.create_index('ix_events_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))

    op.create_table('invoices',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('subscription_id', sa.Text(), nullable=True),
    sa.Column('number', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=True),
    sa.Column('invoice_class', sa.Text(), nullable=False),
    sa.Column('plan', sa.Text(), nullable=True),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount_due', sa.BigInteger(), nullable=False),
    sa.Column('amount_paid', sa.BigInteger(), nullable=False),
    sa.Column('amount_remaining', sa.BigInteger(), nullable=False),
    sa.Column('amount_credited', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('collection_method', sa.Text(), nullable=True),
    sa.Column('auto_advance', sa.Boolean(create_constraint=True, name='auto_advance_boolean'), nullable=True),
    sa.Column('next_payment_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('read_ticket', sa.Integer(), server_default='0', nullable=False),
    sa.Column('applied_ticket', sa.Integer(), server_default='0', nullable=False),
    sa.CheckConstraint("invoice_class IN ('first', 'trial_end', 'renewal', 'one_off')", name=op.f('ck_invoices_invoice_class_known')),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_invoices'))
    )
    op.create_table('planners',
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('fitted_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('cases', sa.Integer(), nullable=False),
    sa.Column('model', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_planners'))
    )
    op.create_table('policies',
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('definition', sa.JSON(), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('version', name=op.f('pk_policies'))
    )
    op.create_table('suppressions',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('address', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('added_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('account_id', 'address', name=op.f('pk_suppressions'))
    )
    op.create_table('switches',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.JSON(), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('changed_by', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_switches'))
    )
    op.create_table('recoveries',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('subscription_id', sa.Text(), nullable=True),
    sa.Column('invoice_class', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('retries', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('failed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('opened_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('deadline', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decline_class', sa.Text(), nullable=False),
    sa.Column('decline_code', sa.Text(), nullable=True),
    sa.Column('card_id', sa.Text(), nullable=True),
    sa.Column('fresh_card_id', sa.Text(), nullable=True),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('staff_request', sa.Text(), nullable=True),
    sa.Column('pause_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pause_reason', sa.Text(), nullable=True),
    sa.Column('why', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('closed_reason', sa.Text(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('late', sa.Boolean(create_constraint=True, name='late_boolean'), server_default='0', nullable=False),
    sa.Column('policy_version', sa.Integer(), nullable=False),
    sa.Column('campaign_key', sa.Text(), nullable=False),
    sa.Column('campaign_version', sa.Integer(), nullable=False),
    sa.Column('taken_over', sa.Boolean(create_constraint=True, name='taken_over_boolean'), server_default='0', nullable=False),
    sa.Column('row_version', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(status = 'paused') = (pause_until IS NOT NULL)", name=op.f('ck_recoveries_paused_has_end')),
    sa.CheckConstraint("(status = 'recovered') = (reason IS NOT NULL)", name=op.f('ck_recoveries_recovered_has_reason')),
    sa.CheckConstraint("(status = 'scheduled') = (next_attempt_at IS NOT NULL)", name=op.f('ck_recoveries_scheduled_has_date')),
    sa.CheckConstraint("(status IN ('lost', 'recovered', 'stopped')) = (closed_at IS NOT NULL)", name=op.f('ck_recoveries_closed_has_date')),
    sa.CheckConstraint("closed_reason IN ('window', 'budget', 'voided', 'uncollectible', 'credited', 'invoice_deleted', 'subscription_cancelled', 'customer_deleted', 'disputed', 'fraud_warning', 'staff', 'written_off')", name=op.f('ck_recoveries_closed_reason_known')),
    sa.CheckConstraint("decline_class IN ('soft_funds', 'soft_issuer', 'technical', 'limit', 'needs_authentication', 'needs_card', 'hard', 'fraud', 'unknown')", name=op.f('ck_recoveries_decline_class_known')),
    sa.CheckConstraint("reason IN ('customer_card_update', 'customer_payment', 'account_updater', 'backup_card', 'staff', 'our_retry', 'stripe_retry', 'merchant', 'out_of_band')", name=op.f('ck_recoveries_reason_known')),
    sa.CheckConstraint("retries IN ('watch', 'weave', 'own')", name=op.f('ck_recoveries_retries_known')),
    sa.CheckConstraint("status IN ('scheduled', 'attempting', 'waiting', 'paused', 'watching', 'recovered', 'lost', 'stopped')", name=op.f('ck_recoveries_status_known')),
    sa.CheckConstraint('amount >= 0', name=op.f('ck_recoveries_amount_not_negative')),
    sa.ForeignKeyConstraint(['policy_version'], ['policies.version'], name=op.f('fk_recoveries_policy_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recoveries'))
    )
    with op.batch_alter_table('recoveries', schema=None) as batch_op:
        batch_op.create_index('ix_recoveries_customer_id', ['account_id', 'livemode', 'customer_id'], unique=False)
        batch_op.create_index('ix_recoveries_failed_at', ['failed_at'], unique=False)
        batch_op.create_index('ix_recoveries_invoice_id', ['account_id', 'livemode', 'invoice_id'], unique=False)
        batch_op.create_index('ix_recoveries_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.create_index('ix_recoveries_status', ['status', 'id'], unique=False)
        batch_op.create_index('uq_recoveries_open_invoice', ['account_id', 'livemode', 'invoice_id'], unique=True, postgresql_where=sa.text("status IN ('attempting', 'paused', 'scheduled', 'waiting', 'watching')"), sqlite_where=sa.text("status IN ('attempting', 'paused', 'scheduled', 'waiting', 'watching')"))

    op.create_table('attempts',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=False),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('made_by', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('ordinal', sa.Integer(), nullable=True),
    sa.Column('idempotency_key', sa.Text(), nullable=True),
    sa.Column('parameters', sa.JSON(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_asked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('replays', sa.Integer(), server_default='0', nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('card_id', sa.Text(), nullable=True),
    sa.Column('fingerprint', sa.Text(), nullable=True),
    sa.Column('brand', sa.Text(), nullable=True),
    sa.Column('funding', sa.Text(), nullable=True),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('other_card_passed', sa.Boolean(create_constraint=True, name='other_card_passed_boolean'), server_default='0', nullable=False),
    sa.Column('decline_class', sa.Text(), nullable=True),
    sa.Column('decline_code', sa.Text(), nullable=True),
    sa.Column('advice_code', sa.Text(), nullable=True),
    sa.Column('network_advice_code', sa.Text(), nullable=True),
    sa.Column('network_decline_code', sa.Text(), nullable=True),
    sa.Column('network_status', sa.Text(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('charge_id', sa.Text(), nullable=True),
    sa.Column('payment_intent_id', sa.Text(), nullable=True),
    sa.Column('request_id', sa.Text(), nullable=True),
    sa.Column('predicted', sa.Text(), nullable=True),
    sa.Column('propensity', sa.Text(), nullable=True),
    sa.Column('policy_version', sa.Integer(), nullable=True),
    sa.Column('planner_version', sa.Integer(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state IN ('asking', 'unknown') AND ordinal IS NULL) = false", name=op.f('ck_attempts_asked_has_ordinal')),
    sa.CheckConstraint("made_by IN ('dunning', 'stripe', 'customer', 'merchant', 'staff')", name=op.f('ck_attempts_made_by_known')),
    sa.CheckConstraint("state IN ('planned', 'asking', 'unknown', 'processing', 'paid', 'declined', 'needs_action', 'moot', 'not_sent', 'cancelled')", name=op.f('ck_attempts_state_known')),
    sa.CheckConstraint('(ordinal IS NOT NULL AND idempotency_key IS NULL) = false', name=op.f('ck_attempts_ordinal_has_key')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_attempts_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempts')),
    sa.UniqueConstraint('account_id', 'livemode', 'invoice_id', 'ordinal', name=op.f('uq_attempts_account_id_livemode_invoice_id_ordinal'))
    )
    with op.batch_alter_table('attempts', schema=None) as batch_op:
        batch_op.create_index('ix_attempts_fingerprint', ['fingerprint', 'at'], unique=False, postgresql_where=sa.text('fingerprint IS NOT NULL'), sqlite_where=sa.text('fingerprint IS NOT NULL'))
        batch_op.create_index('ix_attempts_recovery_id', ['recovery_id', 'at'], unique=False)
        batch_op.create_index('ix_attempts_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.create_index('uq_attempts_charge_id', ['account_id', 'livemode', 'charge_id'], unique=True, postgresql_where=sa.text('charge_id IS NOT NULL'), sqlite_where=sa.text('charge_id IS NOT NULL'))
        batch_op.create_index('uq_attempts_unfinished_invoice', ['account_id', 'livemode', 'invoice_id'], unique=True, postgresql_where=sa.text("state IN ('asking', 'planned', 'processing', 'unknown')"), sqlite_where=sa.text("state IN ('asking', 'planned', 'processing', 'unknown')"))

    op.create_table('ledger_entries',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('source_id', sa.Text(), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=False),
    sa.Column('charge_id', sa.Text(), nullable=True),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("(kind = 'recovered') = (reason IS NOT NULL)", name=op.f('ck_ledger_entries_recovered_has_reason')),
    sa.CheckConstraint("kind IN ('recovered', 'refund', 'dispute', 'dispute_reversal', 'credit_note', 'reversal')", name=op.f('ck_ledger_entries_kind_known')),
    sa.CheckConstraint("reason IN ('customer_card_update', 'customer_payment', 'account_updater', 'backup_card', 'staff', 'our_retry', 'stripe_retry', 'merchant', 'out_of_band')", name=op.f('ck_ledger_entries_reason_known')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_ledger_entries_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_entries')),
    sa.UniqueConstraint('account_id', 'livemode', 'kind', 'source_id', name=op.f('uq_ledger_entries_account_id_livemode_kind_source_id'))
    )
    with op.batch_alter_table('ledger_entries', schema=None) as batch_op:
        batch_op.create_index('ix_ledger_entries_at', ['at'], unique=False)
        batch_op.create_index('ix_ledger_entries_charge_id', ['charge_id'], unique=False, postgresql_where=sa.text('charge_id IS NOT NULL'), sqlite_where=sa.text('charge_id IS NOT NULL'))
        batch_op.create_index('ix_ledger_entries_recovery_id', ['recovery_id'], unique=False)

    op.create_table('links',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('message_id', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('used_for', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_links_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_links'))
    )
    with op.batch_alter_table('links', schema=None) as batch_op:
        batch_op.create_index('ix_links_recovery_id', ['recovery_id'], unique=False)

    op.create_table('messages',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('step', sa.Text(), nullable=False),
    sa.Column('occurrence', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('recipient', sa.Text(), nullable=False),
    sa.Column('template', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('address', sa.Text(), nullable=True),
    sa.Column('subject', sa.Text(), nullable=True),
    sa.Column('body_text', sa.Text(), nullable=True),
    sa.Column('body_html', sa.Text(), nullable=True),
    sa.Column('provider', sa.Text(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('fence', sa.Integer(), server_default='0', nullable=False),
    sa.Column('ring_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f('ck_messages_sent_has_date')),
    sa.CheckConstraint("state IN ('planned', 'sending', 'sent', 'unknown', 'skipped', 'failed')", name=op.f('ck_messages_state_known')),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_messages_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages')),
    sa.UniqueConstraint('recovery_id', 'step', 'occurrence', 'channel', 'recipient', name='uq_messages_once_a_step')
    )
    with op.batch_alter_table('messages', schema=None) as batch_op:
        batch_op.create_index('ix_messages_address', ['address', 'sent_at'], unique=False)
        batch_op.create_index('ix_messages_ring_at', ['ring_at'], unique=False, postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))

    op.create_table('notes',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('by', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('sentence', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_notes_recovery_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notes'))
    )
    with op.batch_alter_table('notes', schema=None) as batch_op:
        batch_op.create_index('ix_notes_recovery_id', ['recovery_id', 'at'], unique=False)

    op.create_table('plans',
    sa.Column('recovery_id', sa.Text(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('explanation', sa.JSON(), nullable=False),
    sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f('fk_plans_recovery_id')),
    sa.PrimaryKeyConstraint('recovery_id', 'made_at', name=op.f('pk_plans'))
    )
    _only_grows()


def _only_grows() -> None:
    """The database itself refuses to change or delete a ledger entry; a reversal is a new one."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER ledger_refuses_{verb.lower()} BEFORE {verb} ON ledger_entries "
                "BEGIN SELECT RAISE(ABORT, 'the ledger only grows: enter a reversal'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION ledger_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger only grows: enter a reversal'; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_only_grows()"
    )
    # Event bodies are kept as they came: compressing each costs more than the space it saves.
    op.execute("ALTER TABLE events ALTER COLUMN payload SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table('plans')
    with op.batch_alter_table('notes', schema=None) as batch_op:
        batch_op.drop_index('ix_notes_recovery_id')

    op.drop_table('notes')
    with op.batch_alter_table('messages', schema=None) as batch_op:
        batch_op.drop_index('ix_messages_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_messages_address')

    op.drop_table('messages')
    with op.batch_alter_table('links', schema=None) as batch_op:
        batch_op.drop_index('ix_links_recovery_id')

    op.drop_table('links')
    with op.batch_alter_table('ledger_entries', schema=None) as batch_op:
        batch_op.drop_index('ix_ledger_entries_recovery_id')
        batch_op.drop_index('ix_ledger_entries_charge_id', postgresql_where=sa.text('charge_id IS NOT NULL'), sqlite_where=sa.text('charge_id IS NOT NULL'))
        batch_op.drop_index('ix_ledger_entries_at')

    op.drop_table('ledger_entries')
    with op.batch_alter_table('attempts', schema=None) as batch_op:
        batch_op.drop_index('uq_attempts_unfinished_invoice', postgresql_where=sa.text("state IN ('asking', 'planned', 'processing', 'unknown')"), sqlite_where=sa.text("state IN ('asking', 'planned', 'processing', 'unknown')"))
        batch_op.drop_index('uq_attempts_charge_id', postgresql_where=sa.text('charge_id IS NOT NULL'), sqlite_where=sa.text('charge_id IS NOT NULL'))
        batch_op.drop_index('ix_attempts_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_attempts_recovery_id')
        batch_op.drop_index('ix_attempts_fingerprint', postgresql_where=sa.text('fingerprint IS NOT NULL'), sqlite_where=sa.text('fingerprint IS NOT NULL'))

    op.drop_table('attempts')
    with op.batch_alter_table('recoveries', schema=None) as batch_op:
        batch_op.drop_index('uq_recoveries_open_invoice', postgresql_where=sa.text("status IN ('attempting', 'paused', 'scheduled', 'waiting', 'watching')"), sqlite_where=sa.text("status IN ('attempting', 'paused', 'scheduled', 'waiting', 'watching')"))
        batch_op.drop_index('ix_recoveries_status')
        batch_op.drop_index('ix_recoveries_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_recoveries_invoice_id')
        batch_op.drop_index('ix_recoveries_failed_at')
        batch_op.drop_index('ix_recoveries_customer_id')

    op.drop_table('recoveries')
    op.drop_table('switches')
    op.drop_table('suppressions')
    op.drop_table('policies')
    op.drop_table('planners')
    op.drop_table('invoices')
    with op.batch_alter_table('events', schema=None) as batch_op:
        batch_op.drop_index('ix_events_ring_at', postgresql_where=sa.text('ring_at IS NOT NULL'), sqlite_where=sa.text('ring_at IS NOT NULL'))
        batch_op.drop_index('ix_events_object_id')
        batch_op.drop_index('ix_events_idempotency_key', postgresql_where=sa.text('idempotency_key IS NOT NULL'), sqlite_where=sa.text('idempotency_key IS NOT NULL'))

    op.drop_table('events')
    op.drop_table('customers')
    with op.batch_alter_table('cards', schema=None) as batch_op:
        batch_op.drop_index('ix_cards_customer_id')

    op.drop_table('cards')
    op.drop_table('campaigns')
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION ledger_only_grows()")
