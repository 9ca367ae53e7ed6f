from app.checkout import actions


def forget_old() -> None:
    actions.forget_old()
