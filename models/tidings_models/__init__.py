"""Text in, predictions out; knows no Kafka and no Prometheus."""
