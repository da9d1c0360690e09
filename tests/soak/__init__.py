"""An hour of load: nothing lost, nothing growing."""
