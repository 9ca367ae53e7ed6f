"""Two owners who let each other go at the same moment: one of them stays."""

from functools import partial

from app.core import db
from app.core.transaction import transaction
from chaos import races
from tests.races.test_refunds import Desk
from tools.webforms import form_to


def owners():
    found = db.scalar("SELECT count(*) FROM staff WHERE role = 'owner' AND is_active AND totp_confirmed_at IS NOT NULL")
    db.release()
    return found


def let_all_go():
    """The owners of other tests own the shop too."""
    with transaction():
        db.rows("UPDATE staff SET is_active = false WHERE role = 'owner' RETURNING id")
    assert owners() == 0


def press(desk, person, what):
    page = f"/admin/staff/{person}"
    form = form_to(desk.session.get(desk.base + page, timeout=30).text, f"{page}/{what}")
    data = form.filled(**({"role": "agent"} if what == "role" else {}))
    return partial(desk.session.post, desk.base + form.action, data=data, allow_redirects=False, timeout=30)


def test_two_owners_let_each_other_go(stand):
    """Over HTTP to real processes; ten times, by closing the account and by giving another role."""
    for number in range(10):
        let_all_go()
        what = ("let-go", "role")[number % 2]
        emails = [f"owner{number}{side}@example.com" for side in "ab"]
        desks = [Desk(stand, email) for email in emails]
        ids = [row[0] for row in db.rows("SELECT id FROM staff WHERE is_active AND role = 'owner' ORDER BY id")]
        db.release()
        answers = races.at_once([press(desks[0], ids[1], what), press(desks[1], ids[0], what)])
        assert owners() == 1
        said = sorted(answer.headers.get("Location", "").rpartition("?")[2] for answer in answers)
        # whoever came second was refused: as the last owner, or because they were no owner any more by then
        assert sum(word in ("done=let-go", "done=role-given") for word in said) == 1, said
