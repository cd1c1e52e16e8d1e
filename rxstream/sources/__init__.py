"""The world to Observable: chat and responses of a provider, any iterable, recordings, the embedded model."""
