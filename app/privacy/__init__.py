"""Personal data as a whole: the copy its owner may have, and forgetting it. Looks at everything; nobody needs it."""
