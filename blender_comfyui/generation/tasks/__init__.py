"""Tasks and quality tiers: what "portrait, high quality" means, and how it is asked for."""
