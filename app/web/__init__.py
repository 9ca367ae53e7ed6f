"""What the entry points share: answers, forms, sessions, language, security headers, limits; who asks and what they may; and what
shop, back office and API say or do alike (`…_words`, `placing`, `pay`, `subscribing`, `papers`, `cards`)."""
