"""Who is who. So far: staff, who need password and TOTP before they see any back-office page."""
