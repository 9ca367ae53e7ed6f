from app.core.errors import Conflict, Refused


class TooManyProfiles(Refused):
    """A customer keeps at most so many."""

    code = "too_many_profiles"


class NameTaken(Conflict):
    """The customer has a profile of this name already."""

    code = "profile_name_taken"
