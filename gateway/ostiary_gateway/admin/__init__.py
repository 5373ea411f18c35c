"""The admin API: keys, providers, models, budgets, usage."""
