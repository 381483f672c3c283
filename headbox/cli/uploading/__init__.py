"""`headbox upload`: files of this machine become content of a repository."""
