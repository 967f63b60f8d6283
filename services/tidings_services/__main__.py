"""`python -m tidings_services` is the `tidings` command."""

from tidings_services.cli import main

main()
