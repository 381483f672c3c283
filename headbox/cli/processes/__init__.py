"""The processes that headbox runs as: what each is made of, how it starts and how it ends."""
