"""What a Model's filters do that needs no network: find what must not go out, take it out, score attacks (PL-29, PL-30). Pure."""
