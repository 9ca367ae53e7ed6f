"""What the entry points share: answers, forms, sessions, language, security headers, limits. Knows no shop words."""
