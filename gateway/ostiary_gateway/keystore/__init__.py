"""Keys that are too many for custom resources: a SQLite file that is asked for one key at a time."""

from ostiary_gateway.keystore.sqlite import KeyStore, KeyStoreError, configured

__all__ = ["KeyStore", "KeyStoreError", "configured"]
