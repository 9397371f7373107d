from scenarios.stage_fixtures import quick_stage, stage, switchboard, watching_stage

__all__ = ["quick_stage", "stage", "switchboard", "watching_stage"]
