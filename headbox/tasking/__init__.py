"""The task engine: queues, claims, attempts, progress and events. It knows tasks, not what they do."""
