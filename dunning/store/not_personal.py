"""Columns that can hold words and hold nothing of a customer but Stripe's ids: see `personal`."""

from collections.abc import Mapping
from typing import Final

# What can hold words and holds nothing of a person but ids: codes, amounts of text by the merchant, staff.
NOT_PERSONAL: Final[Mapping[str, str]] = {
    "announcements": "id account_id listener_id announcement_id topic recovery_id",
    "api_answers": "actor key request content_type",
    "api_tokens": "id fingerprint name scopes created_by",
    "approvals": "id recovery_id action asked_by decided_by",
    "assignments": "account_id customer_id probability salt",
    "attempts": (
        "id account_id recovery_id invoice_id customer_id idempotency_key parameters currency card_id "
        "fingerprint brand funding country decline_code advice_code network_advice_code "
        "network_decline_code network_status outcome_type outcome_reason charge_id payment_intent_id "
        "request_id predicted propensity"
    ),
    "audit_head": "hash",
    "audit_log": "actor action object before after prev_hash hash",
    "balance_breaks": "account_id source_id direction currency day recovery_id",
    "balance_lines": "account_id id recovery_id source_id kind currency paid_currency",
    "balance_proofs": "account_id day totals",
    "brandings": "document published_by",
    "bulk_rows": "run_id recovery_id",
    "bulk_runs": "id by",
    "campaign_arms": "campaign_key account_id customer_id arm probability salt",
    "campaign_drafts": "key text saved_by",
    "campaign_rules": "definition published_by",
    "campaigns": "key definition published_by",
    "card_rules": "document published_by",
    "cards": "account_id id customer_id type fingerprint brand funding country",
    "closed_months": "month document digest by",
    "contacts": "account_id customer_id role added_by",
    "customer_usage": "account_id customer_id",
    "customers": "account_id id default_card_id",
    "erasures": "id account_id customer_id asked_by",
    "errands": "id account_id recovery_id customer_id object_id occurrence by",
    "events": "account_id id type api_version object_id request_id idempotency_key",
    "finance_mails": "account_id month recipient state note",
    "gaps": "id account_id kind sample",
    "import_lists": "import_id list after_id",
    "imports": "id account_id source name joined_after",
    "invoices": "account_id id customer_id subscription_id number status plan currency collection_method",
    "ledger_entries": "id account_id source_id recovery_id invoice_id charge_id currency",
    "link_turns": "id",
    "links": "id account_id recovery_id message_id used_for",
    "listeners": "id target topics at_least off_why added_by",
    "lives": "account_id id customer_id currency ended_for",
    "login_tries": "id account address",
    "mail_events": "provider id message_id",
    "mail_texts": "template language source published_by note",
    "messages": (
        "id account_id recovery_id step occurrence channel recipient template moved provider "
        "reference approved_by approved_words"
    ),
    "notes": "id recovery_id by kind",
    "notices": "id account_id about customer_id recovery_id subscription_id card_id provider",
    "past_charges": (
        "account_id id import_id currency payment_intent_id invoice_id customer_id card_id card_type "
        "fingerprint brand funding country decline_code advice_code network_advice_code "
        "network_decline_code failure_code outcome_type outcome_reason network_status"
    ),
    "past_invoices": "account_id id status currency customer subscription collection_method",
    "past_payments": "account_id id invoice_id payment_intent_id charge_id",
    "planners": "model figures",
    "plans": "recovery_id reason explanation",
    "policies": "definition",
    "queue_items": "recovery_id account_id currency plan campaign_key segment owner",
    "recoveries": (
        "id account_id invoice_id customer_id subscription_id segment currency decline_code card_id "
        "fresh_card_id backup_card_id staff_request campaign_key campaign_arm moved_from known "
        "import_id"
    ),
    "renewals": "account_id id customer_id currency plan card_id",
    "reopened_months": "month why by",
    "rollup_cells": "dimension span day currency key",
    "rollup_marks": "recovery_id",
    "rollup_state": "zone",
    "rollup_stories": "recovery_id story",
    "saved_views": "id by",
    "search_words": "recovery_id",
    "segments": "definition published_by",
    "sessions": "id user_id address agent",
    "staff_changes": "id recovery_id by",
    "staff_tasks": "id account_id recovery_id message_id closed_by",
    "subscriptions": "account_id id customer_id status default_card_id cancelled_for",
    "suppressions": "account_id reason message_id released_by",
    "switches": "name value changed_by",
    "user_links": "id user_id",
    "users": "id email name password locale zone subject",
    "withheld": "recovery_id after account_id network fingerprint",
}
