package comparison;

import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams on the comparison job: the Processor API, two RocksDB stores with caching and changelogs. Tuned: record
 * cache 64 MiB, polls of 5,000 records, producer batches of 256 KiB after 5 ms; everything else is the default.
 */
public final class Main {
  private static final int EVENT = 1;
  private static final int COMMAND = 2;
  private static final int REVENUE = 3;
  private static final int STATE = 4;

  private Main() {}

  public static void main(String[] arguments) {
    Map<String, String> told = System.getenv();
    KafkaStreams streams = new KafkaStreams(topology(told), settings(told));
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static Topology topology(Map<String, String> told) {
    Serde<String> key = Serdes.String();
    Serde<Event> event = FramedAvro.of(Event.class, EVENT);
    Serde<Command> command = FramedAvro.of(Command.class, COMMAND);
    Serde<Revenue> revenue = FramedAvro.of(Revenue.class, REVENUE);
    Serde<ContractState> state = FramedAvro.of(ContractState.class, STATE);
    var contracts = Stores.persistentKeyValueStore(ContractSync.CONTRACTS);
    var held = Stores.persistentKeyValueStore(ContractSync.HELD);
    return new Topology()
        .addSource("events", key.deserializer(), event.deserializer(), told.get("INPUT"))
        .addProcessor("sync", ContractSync::new, "events")
        .addStateStore(Stores.keyValueStoreBuilder(contracts, key, state).withCachingEnabled(), "sync")
        .addStateStore(Stores.keyValueStoreBuilder(held, key, event).withCachingEnabled(), "sync")
        .addSink(
            ContractSync.COMMANDS, told.get("COMMANDS"), key.serializer(), command.serializer(), "sync")
        .addSink(
            ContractSync.REVENUE, told.get("REVENUE"), key.serializer(), revenue.serializer(), "sync");
  }

  private static Properties settings(Map<String, String> told) {
    boolean exactlyOnce = told.get("GUARANTEE").equals("eos");
    var settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, told.get("GROUP"));
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, told.get("BOOTSTRAP"));
    settings.put(StreamsConfig.STATE_DIR_CONFIG, told.get("STATE_DIR"));
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, told.get("THREADS"));
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, told.get("COMMIT_MS"));
    settings.put(
        StreamsConfig.PROCESSING_GUARANTEE_CONFIG,
        exactlyOnce ? StreamsConfig.EXACTLY_ONCE_V2 : StreamsConfig.AT_LEAST_ONCE);
    settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 64 << 20);
    settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    settings.put(StreamsConfig.mainConsumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
    settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
    return settings;
  }
}
