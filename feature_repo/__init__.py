"""What a feature is called, what it means and where it is kept; the Feast store around it."""
