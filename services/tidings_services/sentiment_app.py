"""For Faust's own command: `faust -A tidings_services.sentiment_app worker`."""

from tidings_services.settings import load_settings
from tidings_services.workers import build_sentiment_worker

app = build_sentiment_worker(load_settings())
