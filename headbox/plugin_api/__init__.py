"""The only door for plugins: what a plugin may declare and call."""
