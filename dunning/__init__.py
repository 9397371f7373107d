"""Self-hosted payment recovery for Stripe."""

__version__ = "0.1.0"
