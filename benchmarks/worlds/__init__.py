"""Simulated worlds that the retry planner is measured in; none of their code is known to the planner."""
