"""From ticks to session bars and rolling features; from scored forecasts to drift reports."""
