def generate(count: int, *, customers: int) -> None:
    pass
