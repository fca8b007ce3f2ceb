"""`psql`: a session of the administrator, for a person who has got into a pod of the jobs."""

from ..database.credentials import Credentials
from ..database.servers import primary_of
from ..database_admin.logins import works
from ..database_admin.names import MAINTENANCE_DATABASE
from ..database_admin.session import administrator
from ..settings import Settings


async def administrators_login(settings: Settings) -> Credentials:
    """The one that works; see open_admin_session for why there may be two."""
    login = await _current(settings)
    if settings.database_authentication == "identity" and not settings.database_admin_user:
        anywhere = settings.model_copy(update={"database_name": MAINTENANCE_DATABASE})
        if not await works(anywhere, login, primary_of(settings)):
            named = settings.model_copy(update={"database_admin_user": login.username})
            return await _current(named)
    return login


async def _current(settings: Settings) -> Credentials:
    source = administrator(settings)
    try:
        return await source.current(primary_of(settings))
    finally:
        await source.close()
