#!/usr/bin/env bash
# Kafka Streams on the comparison job; the environment is that of comparison.contenders.contract.
installed="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/.installed/kafka_streams"
[ -d "$installed/classes" ] || { echo "kafka_streams is not installed; run: make peer-kafka_streams" >&2; exit 1; }
exec java -Xms512m -Xmx1g -XX:+UseParallelGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
  -cp "$installed/classes:$installed/jars/*" comparison.Main
