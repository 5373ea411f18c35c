"""What a person types: `ostiary run`, `check`, `key`. Each command is found by its entry point (see `__main__`)."""
