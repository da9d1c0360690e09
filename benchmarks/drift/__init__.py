"""`allocast bench drift`: how often the detectors alarm for nothing, and how soon for something."""
