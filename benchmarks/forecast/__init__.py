"""The walk-forward evaluation of the forecasts: who beats whom, by how much, and how sure that is."""
