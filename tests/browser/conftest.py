"""The stage of the diaries, for tests that play a customer in a real browser."""

from scenarios.stage_fixtures import quick_stage, switchboard

__all__ = ["quick_stage", "switchboard"]
