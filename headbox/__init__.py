"""headbox mirrors, stores, versions, publishes and serves software packages."""

__version__ = "0.1.0"
