"""What we collect: recoveries, their attempts, and the versions of the rules they were opened under."""

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import (
    CLOSED,
    OPEN,
    UNFINISHED,
    Arm,
    AttemptState,
    ClosedReason,
    ErrandKind,
    ErrandState,
    Experiment,
    FitVerdict,
    InvoiceClass,
    MadeBy,
    Reason,
    Retries,
    Status,
)
from dunning.store.schema import flag, lease, listed, metadata, partial, whose
from dunning.store.types import UTCDateTime, Word, one_of

campaigns = Table(
    "campaigns",
    metadata,
    Column("key", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
    Column("published_by", Text),  # None: built in
)

policies = Table(
    "policies",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("published_at", UTCDateTime, nullable=False),
)

planners = Table(
    "planners",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("fitted_at", UTCDateTime, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("model", LargeBinary, nullable=False),  # empty once it is no longer kept
    Column("verdict", Word(FitVerdict), nullable=False, server_default=FitVerdict.ACCEPTED.value),
    Column("figures", JSON, nullable=False, server_default="{}"),  # data range, comparison, calibration
    one_of("verdict", FitVerdict),
)

assignments = Table(
    "assignments",
    metadata,
    Column("experiment", Word(Experiment), primary_key=True),
    Column("account_id", Text, primary_key=True),
    flag("livemode", key=True),
    Column("customer_id", Text, primary_key=True),
    Column("arm", Word(Arm), nullable=False),
    Column("probability", Text, nullable=False),  # that a customer comes to this arm, as a fraction
    Column("salt", Text, nullable=False),
    Column("assigned_at", UTCDateTime, nullable=False),
    one_of("experiment", Experiment),
    one_of("arm", Arm),
)

recoveries = Table(
    "recoveries",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("invoice_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("subscription_id", Text),
    Column("invoice_class", Word(InvoiceClass), nullable=False),
    Column("status", Word(Status), nullable=False),
    Column("retries", Word(Retries), nullable=False),
    Column("segment", Text),  # the one it opened in; None: the overall switches hold
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),  # amount_remaining at opening
    # of the invoice, by credit notes written before it failed
    Column("credited_before", BigInteger, nullable=False, server_default="0"),
    Column("failed_at", UTCDateTime, nullable=False),
    Column("opened_at", UTCDateTime, nullable=False),
    Column("deadline", UTCDateTime, nullable=False),
    Column("decline_class", Word(DeclineClass), nullable=False),
    Column("decline_code", Text),
    Column("card_id", Text),  # the card of the last failure
    Column("fresh_card_id", Text),  # a card that came since and was not tried yet
    Column("backup_card_id", Text),  # another card of the customer that the next attempt uses by policy
    Column("next_attempt_at", UTCDateTime),
    Column("staff_request", Text),  # who asked for the next attempt, when staff did
    Column("pause_until", UTCDateTime),
    Column("pause_reason", Text),
    Column("why", Text, nullable=False),
    Column("reason", Word(Reason)),
    Column("closed_reason", Word(ClosedReason)),
    Column("closed_at", UTCDateTime),
    flag("late", default="0"),
    Column("policy_version", Integer, ForeignKey("policies.version"), nullable=False),
    Column("campaign_key", Text, nullable=False),
    Column("campaign_version", Integer, nullable=False),
    Column("campaign_arm", Text),  # None: the campaign had no arms when it opened
    Column("moved_from", JSON),  # campaign, version and arm that it opened with, where staff moved it since
    Column("known", JSON),  # what conditions were asked about at the opening
    Column("silenced_at", UTCDateTime),  # since when nobody is written to about it: an import found it
    flag("taken_over", default="0"),
    Column("contradicted_at", UTCDateTime),  # since when Stripe collects what is ours to collect
    Column("retries_arm", Word(Arm)),  # None: no experiment ran when it opened
    Column("messages_arm", Word(Arm)),
    Column("row_version", Integer, nullable=False, server_default="0"),
    Column("import_id", Text),  # the import that found it; None: it failed before our eyes
    Column("ring_at", UTCDateTime),
    one_of("status", Status),
    one_of("retries", Retries),
    one_of("decline_class", DeclineClass),
    one_of("reason", Reason),
    one_of("closed_reason", ClosedReason),
    one_of("retries_arm", Arm),
    one_of("messages_arm", Arm),
    CheckConstraint("(status = 'scheduled') = (next_attempt_at IS NOT NULL)", name="scheduled_has_date"),
    CheckConstraint("(status = 'paused') = (pause_until IS NOT NULL)", name="paused_has_end"),
    CheckConstraint(
        f"(status IN ({listed(CLOSED)})) = (closed_at IS NOT NULL)",
        name="closed_has_date",
    ),
    CheckConstraint("(status = 'recovered') = (reason IS NOT NULL)", name="recovered_has_reason"),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    partial(
        "uq_recoveries_open_invoice",
        "account_id",
        "livemode",
        "invoice_id",
        where=f"status IN ({listed(OPEN)})",
        unique=True,
    ),
    partial("ix_recoveries_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    partial("ix_recoveries_contradicted_at", "contradicted_at", where="contradicted_at IS NOT NULL"),
    Index("ix_recoveries_customer_id", "account_id", "livemode", "customer_id"),
    Index("ix_recoveries_invoice_id", "account_id", "livemode", "invoice_id"),
    Index("ix_recoveries_status", "status", "id"),
    Index("ix_recoveries_failed_at", "failed_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("invoice_id", Text, nullable=False),
    Column("customer_id", Text),
    Column("made_by", Word(MadeBy), nullable=False),
    Column("state", Word(AttemptState), nullable=False),
    Column("ordinal", Integer),  # only the charges that we ask; never restarts
    Column("idempotency_key", Text),
    Column("parameters", JSON),  # frozen at the first asking; a replay sends exactly these
    Column("at", UTCDateTime, nullable=False),
    Column("asked_at", UTCDateTime),
    Column("last_asked_at", UTCDateTime),  # the same key may be asked again
    Column("finished_at", UTCDateTime),
    Column("replays", Integer, nullable=False, server_default="0"),  # of its key
    Column("looks", Integer, nullable=False, server_default="0"),  # for what became of it, with Stripe there
    Column("abandoned_at", UTCDateTime),  # still unknown after every look: a person must conclude it
    Column("currency", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("card_id", Text),
    Column("fingerprint", Text),
    Column("brand", Text),
    Column("funding", Text),
    Column("country", Text),
    flag("other_card_passed", default="0"),
    Column("decline_class", Word(DeclineClass)),
    Column("decline_code", Text),
    Column("advice_code", Text),
    Column("network_advice_code", Text),
    Column("network_decline_code", Text),
    Column("network_status", Text),
    Column("outcome_type", Text),
    Column("outcome_reason", Text),
    Column("rules_version", Integer),  # the card rules that gave the class; 0: the built-in ones
    Column("note", Text),
    Column("charge_id", Text),
    Column("payment_intent_id", Text),
    Column("request_id", Text),
    Column("predicted", Text),  # the planner's chance, as a decimal text
    Column("propensity", Text),
    Column("policy_version", Integer),
    Column("planner_version", Integer),
    *lease(),
    one_of("state", AttemptState),
    one_of("made_by", MadeBy),
    UniqueConstraint("account_id", "livemode", "invoice_id", "ordinal"),
    CheckConstraint(
        "(state IN ('asking', 'unknown') AND ordinal IS NULL) = false",
        name="asked_has_ordinal",
    ),
    CheckConstraint(
        "(ordinal IS NOT NULL AND idempotency_key IS NULL) = false",
        name="ordinal_has_key",
    ),
    partial(
        "uq_attempts_unfinished_invoice",
        "account_id",
        "livemode",
        "invoice_id",
        where=f"state IN ({listed(UNFINISHED)})",
        unique=True,
    ),
    partial(
        "uq_attempts_charge_id",
        "account_id",
        "livemode",
        "charge_id",
        where="charge_id IS NOT NULL",
        unique=True,
    ),
    partial("ix_attempts_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    partial("ix_attempts_abandoned_at", "abandoned_at", where="abandoned_at IS NOT NULL"),
    partial("ix_attempts_fingerprint", "fingerprint", "at", where="fingerprint IS NOT NULL"),
    Index("ix_attempts_recovery_id", "recovery_id", "at"),
)

plans = Table(
    "plans",
    metadata,
    Column("recovery_id", Text, ForeignKey("recoveries.id"), primary_key=True),
    Column("made_at", UTCDateTime, primary_key=True),
    Column("at", UTCDateTime),  # None: no attempt is worth making
    Column("reason", Text, nullable=False),
    Column("explanation", JSON, nullable=False),  # chance, runners-up, vetoes
)

errands = Table(
    "errands",
    metadata,
    Column("id", Text, primary_key=True),
    *whose(),
    Column("recovery_id", Text, ForeignKey("recoveries.id"), nullable=False),
    Column("customer_id", Text),
    Column("kind", Word(ErrandKind), nullable=False),
    Column("object_id", Text, nullable=False),  # the invoice or subscription that it is about
    Column("occurrence", Text, nullable=False, server_default=""),  # the card; the request of staff
    Column("by", Text, nullable=False),
    Column("state", Word(ErrandState), nullable=False),
    Column("note", Text),
    Column("planned_at", UTCDateTime, nullable=False),
    Column("finished_at", UTCDateTime),
    *lease(),
    one_of("kind", ErrandKind),
    one_of("state", ErrandState),
    UniqueConstraint("recovery_id", "kind", "object_id", "occurrence"),
    CheckConstraint("(state IN ('planned', 'asking')) = (finished_at IS NULL)", name="finished_has_date"),
    partial("ix_errands_ring_at", "ring_at", where="ring_at IS NOT NULL"),
    partial("ix_errands_refused", "finished_at", where="state = 'refused'"),
    Index("ix_errands_customer_id", "account_id", "livemode", "customer_id"),
)
