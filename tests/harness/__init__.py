"""What the tests run for real: Apache Kafka, Prometheus, and this project's own processes."""
