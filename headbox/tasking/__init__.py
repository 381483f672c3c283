"""Task lifecycle, claims, progress, cancellation, dispatch after commit."""
