"""What a plugin can declare, and the registry of what is declared."""
