"""Imported history, how far each import has come, and the gaps that reconciliation found."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = '0006'
down_revision: str | None = '0005'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table('gaps',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('count', sa.Integer(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('found_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('sample', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_gaps'))
    )
    with op.batch_alter_table('gaps', schema=None) as batch_op:
        batch_op.create_index('ix_gaps_found_at', ['found_at'], unique=False)

    op.create_table('imports',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('joined_after', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_imports')),
    sa.UniqueConstraint('account_id', 'livemode', 'source', name=op.f('uq_imports_account_id_livemode_source'))
    )
    op.create_table('past_invoices',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created', sa.DateTime(timezone=True), nullable=False),
    sa.Column('status', sa.Text(), nullable=True),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('customer', sa.Text(), nullable=True),
    sa.Column('subscription', sa.Text(), nullable=True),
    sa.Column('invoice_class', sa.Text(), nullable=False),
    sa.Column('collection_method', sa.Text(), nullable=True),
    sa.Column('attempt_count', sa.Integer(), nullable=False),
    sa.Column('amount_credited', sa.BigInteger(), nullable=False),
    sa.Column('paid_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('voided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('uncollectible_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('read_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("invoice_class IN ('first', 'trial_end', 'renewal', 'one_off')", name=op.f('ck_past_invoices_invoice_class_known')),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_past_invoices'))
    )
    op.create_table('past_payments',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('invoice_id', sa.Text(), nullable=False),
    sa.Column('payment_intent_id', sa.Text(), nullable=True),
    sa.Column('charge_id', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_past_payments'))
    )
    with op.batch_alter_table('past_payments', schema=None) as batch_op:
        batch_op.create_index('ix_past_payments_charge_id', ['account_id', 'livemode', 'charge_id'], unique=False)
        batch_op.create_index('ix_past_payments_payment_intent_id', ['account_id', 'livemode', 'payment_intent_id'], unique=False)

    op.create_table('import_lists',
    sa.Column('import_id', sa.Text(), nullable=False),
    sa.Column('list', sa.Text(), nullable=False),
    sa.Column('covered_from', sa.DateTime(timezone=True), nullable=True),
    sa.Column('covered_to', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pass_from', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pass_to', sa.DateTime(timezone=True), nullable=True),
    sa.Column('reach', sa.DateTime(timezone=True), nullable=True),
    sa.Column('after_id', sa.Text(), nullable=True),
    sa.Column('after_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('pages', sa.Integer(), server_default='0', nullable=False),
    sa.Column('objects', sa.Integer(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['imports.id'], name=op.f('fk_import_lists_import_id')),
    sa.PrimaryKeyConstraint('import_id', 'list', name=op.f('pk_import_lists'))
    )
    op.create_table('past_charges',
    sa.Column('account_id', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(create_constraint=True, name='livemode_boolean'), nullable=False),
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('import_id', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('paid', sa.Boolean(create_constraint=True, name='paid_boolean'), nullable=False),
    sa.Column('payment_intent_id', sa.Text(), nullable=True),
    sa.Column('invoice_id', sa.Text(), nullable=True),
    sa.Column('customer_id', sa.Text(), nullable=True),
    sa.Column('card_id', sa.Text(), nullable=True),
    sa.Column('card_type', sa.Text(), nullable=True),
    sa.Column('fingerprint', sa.Text(), nullable=True),
    sa.Column('brand', sa.Text(), nullable=True),
    sa.Column('funding', sa.Text(), nullable=True),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('last4', sa.Text(), nullable=True),
    sa.Column('decline_code', sa.Text(), nullable=True),
    sa.Column('advice_code', sa.Text(), nullable=True),
    sa.Column('network_advice_code', sa.Text(), nullable=True),
    sa.Column('network_decline_code', sa.Text(), nullable=True),
    sa.Column('failure_code', sa.Text(), nullable=True),
    sa.Column('outcome_type', sa.Text(), nullable=True),
    sa.Column('outcome_reason', sa.Text(), nullable=True),
    sa.Column('network_status', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['import_id'], ['imports.id'], name=op.f('fk_past_charges_import_id')),
    sa.PrimaryKeyConstraint('account_id', 'livemode', 'id', name=op.f('pk_past_charges'))
    )
    with op.batch_alter_table('past_charges', schema=None) as batch_op:
        batch_op.create_index('ix_past_charges_invoice_id', ['account_id', 'livemode', 'invoice_id'], unique=False)

    op.add_column('recoveries', sa.Column('import_id', sa.Text(), nullable=True))



def downgrade() -> None:
    op.drop_column('recoveries', 'import_id')

    with op.batch_alter_table('past_charges', schema=None) as batch_op:
        batch_op.drop_index('ix_past_charges_invoice_id')

    op.drop_table('past_charges')
    op.drop_table('import_lists')
    with op.batch_alter_table('past_payments', schema=None) as batch_op:
        batch_op.drop_index('ix_past_payments_payment_intent_id')
        batch_op.drop_index('ix_past_payments_charge_id')

    op.drop_table('past_payments')
    op.drop_table('past_invoices')
    op.drop_table('imports')
    with op.batch_alter_table('gaps', schema=None) as batch_op:
        batch_op.drop_index('ix_gaps_found_at')

    op.drop_table('gaps')
