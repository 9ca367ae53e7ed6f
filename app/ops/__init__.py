"""For whoever runs the shop: health, metrics, policy violations reported by browsers, the commands' diagnostics."""
