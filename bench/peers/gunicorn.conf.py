"""gunicorn reads this file in its working directory."""

wsgi_app = "flask_design:app"
worker_class = "gthread"
workers = 2
threads = 8
reuse_port = True  # without it one worker takes most of the connections
loglevel = "error"
