"""Devices: which there are, and exclusive leases on them."""
