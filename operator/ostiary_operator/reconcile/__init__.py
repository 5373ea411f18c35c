"""The flow, told once: gather what is, decide what should be, write the difference."""
