"""What gunicorn serves: ``gunicorn server.wsgi:app``."""

import os

from server.app import create_app
from server.settings import Settings

app = create_app(Settings.from_environment(os.environ))
