"""The back office: server-rendered pages behind password and one-time code (`gate`). They only show and press buttons."""
