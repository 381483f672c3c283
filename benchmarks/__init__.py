"""How fast headbox is, beside a peer or a limit that is measured in the same run: `make bench`."""
