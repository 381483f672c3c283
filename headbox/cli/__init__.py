"""The command line: `headbox serve`, `migrate`, `schema`, `status`."""
