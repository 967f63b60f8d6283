"""For Faust's own command: `faust -A tidings_services.intents_app worker`."""

from tidings_services.settings import load_settings
from tidings_services.workers import build_intents_worker

app = build_intents_worker(load_settings())
