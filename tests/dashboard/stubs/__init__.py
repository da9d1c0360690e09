"""What the page shows, made by hand, every argument defaulted. The real types, no network."""
