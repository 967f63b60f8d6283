"""The web page: a feed from Kafka, a picture in memory, a stream to the browser."""
