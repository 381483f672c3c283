"""Per noun: the rules of the domain; opens no connection, commits nothing."""
