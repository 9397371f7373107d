"""Rollups of the reports, the proof against Stripe's balance, closed months, lives of subscriptions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

import dunning.store.types

revision: str = '0013'
down_revision: str | None = '0012'
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MEASURES = (
    'count recovered_count open_count failed recovered lost stopped open refunded disputed credited fees hours '
    'within_1 within_3 within_7 within_14 within_30 within_60 tried paid not_sent tried_amount paid_amount '
    'messages sent unsent clicked'
).split()
# table, the columns whose change matters (none: only new rows), where its recovery is named
MARKED = (
    ('recoveries', ('status', 'amount', 'reason', 'closed_at', 'closed_reason', 'decline_class', 'decline_code',
                    'campaign_key', 'campaign_version', 'failed_at', 'invoice_class'), 'NEW.id'),
    ('attempts', ('state', 'at', 'amount', 'made_by', 'decline_class', 'decline_code', 'brand', 'funding',
                  'country', 'charge_id', 'policy_version'), 'NEW.recovery_id'),
    ('ledger_entries', (), 'NEW.recovery_id'),
    ('messages', ('state', 'due_at', 'sent_at'), 'NEW.recovery_id'),
    ('links', ('used_at',), 'NEW.recovery_id'),
    ('balance_lines', ('fee',), 'NEW.recovery_id'),
)
STAYS = {
    'closed_months': 'a closed month stays: reopen it and close it again',
    'reopened_months': 'that a month was reopened stays in the books',
}
VIEWS = ('analyst_recoveries', 'analyst_attempts', 'analyst_ledger', 'analyst_messages')


def upgrade() -> None:
    _tables()
    for table, columns, name in MARKED:
        _mark(table, columns, name)
    _mark_plan()
    for table, why in STAYS.items():
        _never_change(table, why)
    op.execute('INSERT INTO rollup_marks (recovery_id) SELECT id FROM recoveries')
    for statement in _views():
        op.execute(statement)


def _tables() -> None:
    _rollups()
    _balance()
    _months()


def boolean(name: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(create_constraint=True, name=f'{name}_boolean'), nullable=False)


def text(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Text(), nullable=nullable)


def whole(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def moment(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, dunning.store.types.UTCDateTime(timezone=True), nullable=nullable)


def key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f'pk_{table}'))


def recovery(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(['recovery_id'], ['recoveries.id'], name=op.f(f'fk_{table}_recovery_id'))


def _rollups() -> None:
    seq = sa.Column('seq', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False)
    op.create_table('rollup_marks', seq, text('recovery_id'), key('rollup_marks', 'seq'))
    op.create_index('ix_rollup_marks_recovery_id', 'rollup_marks', ['recovery_id'])
    op.create_table('rollup_stories', text('recovery_id'), text('story'), recovery('rollup_stories'),
                    key('rollup_stories', 'recovery_id'))
    op.create_table(
        'rollup_cells', text('subject'), text('dimension'), text('span'), boolean('livemode'), boolean('imported'), text('day'),
        text('currency'), text('key'),
        *(sa.Column(name, sa.BigInteger(), server_default='0', nullable=False) for name in MEASURES),
        sa.CheckConstraint("subject IN ('failures', 'cash', 'endings', 'attempts', 'messages')",
                           name=op.f('ck_rollup_cells_subject_known')),
        sa.CheckConstraint("span IN ('day', 'month')", name=op.f('ck_rollup_cells_span_known')),
        key('rollup_cells', 'subject', 'dimension', 'span', 'livemode', 'imported', 'day', 'currency', 'key'),
    )
    op.create_table(
        'rollup_state', sa.Column('id', sa.Integer(), autoincrement=False, nullable=False), text('zone'),
        sa.Column('version', sa.Integer(), nullable=False), moment('folded_at', True),
        sa.CheckConstraint('id = 1', name=op.f('ck_rollup_state_one_row')), key('rollup_state', 'id'),
    )


def _balance() -> None:
    op.create_table(
        'balance_lines', text('account_id'), boolean('livemode'), text('id'), text('recovery_id'), text('source_id'),
        text('kind'), text('currency'), whole('amount'), whole('fee'), whole('net'), text('paid_currency'),
        whole('paid_amount'), moment('at'), recovery('balance_lines'),
        key('balance_lines', 'account_id', 'livemode', 'id'),
    )
    op.create_index('ix_balance_lines_recovery_id', 'balance_lines', ['recovery_id'])
    op.create_index('ix_balance_lines_source_id', 'balance_lines', ['account_id', 'livemode', 'source_id'])
    op.create_table(
        'balance_breaks', text('account_id'), boolean('livemode'), text('source_id'), text('direction'),
        text('currency'), text('day'), whole('ledger'), whole('stripe'), text('recovery_id', True), moment('found_at'),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f('ck_balance_breaks_direction_known')),
        key('balance_breaks', 'account_id', 'livemode', 'source_id', 'direction', 'currency'),
    )
    op.create_table(
        'balance_proofs', text('account_id'), boolean('livemode'), text('day'),
        sa.Column('read', sa.Integer(), nullable=False), sa.Column('compared', sa.Integer(), nullable=False),
        sa.Column('totals', sa.JSON(), nullable=False), moment('proved_at'),
        key('balance_proofs', 'account_id', 'livemode', 'day'),
    )


def _months() -> None:
    op.create_table(
        'closed_months', boolean('livemode'), text('month'),
        sa.Column('version', sa.Integer(), autoincrement=False, nullable=False), moment('cut'), text('document'),
        text('digest'), moment('at'), text('by'), key('closed_months', 'livemode', 'month', 'version'),
    )
    op.create_table(
        'reopened_months', boolean('livemode'), text('month'),
        sa.Column('version', sa.Integer(), autoincrement=False, nullable=False), text('why'), moment('at'), text('by'),
        key('reopened_months', 'livemode', 'month', 'version'),
    )
    op.create_table(
        'lives', text('account_id'), boolean('livemode'), text('id'), text('customer_id'), text('currency'),
        whole('monthly'), moment('started_at'), moment('ended_at', True), text('ended_for', True),
        key('lives', 'account_id', 'livemode', 'id'),
    )
    op.create_index('ix_lives_ended_at', 'lives', ['ended_at'])
    op.create_table(
        'finance_mails', text('account_id'), boolean('livemode'), text('month'), text('recipient'), text('state'),
        text('note', True), moment('at'),
        sa.CheckConstraint("state IN ('sending', 'sent', 'unknown', 'failed')",
                           name=op.f('ck_finance_mails_state_known')),
        key('finance_mails', 'month', 'recipient'),
    )


def _mark(table: str, columns: Sequence[str], named: str) -> None:
    """Let the database itself mark a recovery whenever a row changes that its figures are made of."""
    insert = f'INSERT INTO rollup_marks (recovery_id) VALUES ({named})'
    if op.get_bind().dialect.name == 'sqlite':
        op.execute(f'CREATE TRIGGER {table}_marks_new AFTER INSERT ON {table} BEGIN {insert}; END')
        if columns:
            changed = ' OR '.join(f'OLD.{name} IS NOT NEW.{name}' for name in columns)
            op.execute(
                f'CREATE TRIGGER {table}_marks_change AFTER UPDATE OF {", ".join(columns)} ON {table} '
                f'WHEN {changed} BEGIN {insert}; END'
            )
        return
    op.execute(
        f'CREATE FUNCTION {table}_mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert}; RETURN NULL; END $$'
    )
    op.execute(
        f'CREATE TRIGGER {table}_marks_new AFTER INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_mark()'
    )
    if columns:
        changed = ' OR '.join(f'OLD.{name} IS DISTINCT FROM NEW.{name}' for name in columns)
        op.execute(
            f'CREATE TRIGGER {table}_marks_change AFTER UPDATE OF {", ".join(columns)} ON {table} '
            f'FOR EACH ROW WHEN ({changed}) EXECUTE FUNCTION {table}_mark()'
        )


def _mark_plan() -> None:
    insert = (
        'INSERT INTO rollup_marks (recovery_id) SELECT id FROM recoveries WHERE account_id = NEW.account_id '
        'AND livemode = NEW.livemode AND invoice_id = NEW.id'
    )
    if op.get_bind().dialect.name == 'sqlite':
        op.execute(f'CREATE TRIGGER invoices_marks_new AFTER INSERT ON invoices BEGIN {insert}; END')
        op.execute(
            'CREATE TRIGGER invoices_marks_change AFTER UPDATE OF plan ON invoices '
            f'WHEN OLD.plan IS NOT NEW.plan BEGIN {insert}; END'
        )
        return
    op.execute(
        f'CREATE FUNCTION invoices_mark() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {insert}; RETURN NULL; END $$'
    )
    op.execute(
        'CREATE TRIGGER invoices_marks_new AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION invoices_mark()'
    )
    op.execute(
        'CREATE TRIGGER invoices_marks_change AFTER UPDATE OF plan ON invoices FOR EACH ROW '
        'WHEN (OLD.plan IS DISTINCT FROM NEW.plan) EXECUTE FUNCTION invoices_mark()'
    )


def _never_change(table: str, why: str) -> None:
    if op.get_bind().dialect.name == 'sqlite':
        for verb in ('UPDATE', 'DELETE'):
            op.execute(
                f"CREATE TRIGGER {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{why}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{why}'; END $$"
    )
    op.execute(
        f'CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} '
        f'FOR EACH STATEMENT EXECUTE FUNCTION {table}_stay()'
    )


def _views() -> Sequence[str]:
    """Return the views for analysts; docs/analysts.md describes them column by column."""
    money = "sum(CASE WHEN kind IN ({}) THEN amount ELSE 0 END)"
    sums = ', '.join(
        f'coalesce({sign}{money.format(kinds)}, 0) AS {name}'
        for name, sign, kinds in (
            ('recovered', '', "'recovered', 'reversal'"),
            ('refunded', '-', "'refund'"),
            ('disputed', '-', "'dispute', 'dispute_reversal'"),
            ('credited', '-', "'credit_note'"),
        )
    )
    return (
        f"""CREATE VIEW analyst_recoveries AS
            SELECT r.id AS recovery_id, r.account_id, r.livemode, r.import_id IS NOT NULL AS imported,
                r.invoice_id, r.customer_id, r.subscription_id, i.plan, r.invoice_class, r.status, r.reason,
                r.closed_reason, r.decline_class, r.decline_code, r.campaign_key, r.campaign_version,
                r.policy_version, r.currency, r.amount, coalesce(l.recovered, 0) AS recovered,
                coalesce(l.refunded, 0) AS refunded, coalesce(l.disputed, 0) AS disputed,
                coalesce(l.credited, 0) AS credited, r.failed_at, r.closed_at, r.late
            FROM recoveries AS r
            LEFT JOIN invoices AS i
              ON i.account_id = r.account_id AND i.livemode = r.livemode AND i.id = r.invoice_id
            LEFT JOIN (SELECT recovery_id, {sums} FROM ledger_entries GROUP BY recovery_id) AS l
              ON l.recovery_id = r.id""",
        """CREATE VIEW analyst_attempts AS
            SELECT a.id AS attempt_id, a.account_id, a.livemode, a.recovery_id, a.invoice_id, a.customer_id,
                a.made_by, a.state, a.ordinal, a.at, a.currency, a.amount, a.brand, a.funding, a.country,
                a.decline_class, a.decline_code, a.advice_code, a.network_advice_code, a.charge_id,
                a.payment_intent_id, a.request_id, a.predicted, a.policy_version
            FROM attempts AS a""",
        """CREATE VIEW analyst_ledger AS
            SELECT e.id AS entry_id, e.account_id, e.livemode, e.kind, e.source_id, e.charge_id, e.recovery_id,
                e.invoice_id, e.currency, e.amount, e.reason, e.at, e.recorded_at,
                r.failed_at, r.customer_id, r.decline_class, r.campaign_key, r.campaign_version
            FROM ledger_entries AS e JOIN recoveries AS r ON r.id = e.recovery_id""",
        """CREATE VIEW analyst_messages AS
            SELECT m.id AS message_id, m.account_id, m.livemode, m.recovery_id, m.step, m.channel, m.template,
                m.state, m.due_at, m.sent_at,
                EXISTS (SELECT 1 FROM links AS k WHERE k.message_id = m.id AND k.used_at IS NOT NULL) AS used
            FROM messages AS m""",
    )


def downgrade() -> None:
    for view in reversed(VIEWS):
        op.execute(f'DROP VIEW {view}')
    sqlite = op.get_bind().dialect.name == 'sqlite'
    for table, columns in (*((table, columns) for table, columns, _ in MARKED), ('invoices', ('plan',))):
        on = '' if sqlite else f' ON {table}'
        op.execute(f'DROP TRIGGER {table}_marks_new{on}')
        if columns:
            op.execute(f'DROP TRIGGER {table}_marks_change{on}')
        if not sqlite:
            op.execute(f'DROP FUNCTION {table}_mark()')
    for table in ('finance_mails', 'lives', 'reopened_months', 'closed_months', 'balance_proofs', 'balance_breaks',
                  'balance_lines', 'rollup_state', 'rollup_cells', 'rollup_stories', 'rollup_marks'):
        op.drop_table(table)
    if not sqlite:
        for table in STAYS:
            op.execute(f'DROP FUNCTION {table}_stay()')
