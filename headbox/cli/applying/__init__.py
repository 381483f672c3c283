"""`headbox apply`: what is to be there, written in a file, and what it takes to get there."""
