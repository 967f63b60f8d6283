"""A placeholder."""
def measure_peers(plan, kafka, *, earlier):
    return {}
