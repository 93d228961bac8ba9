package comparison;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Values as magic 0, schema id in four bytes, Avro body. Buffers are reused; a serde belongs to one stream thread at a
 * time, and the methods are synchronized because Kafka Streams shares them between the threads of one instance.
 */
final class FramedAvro {
  private static final int HEADER_BYTES = 5;

  private FramedAvro() {}

  static <T extends SpecificRecord> Serde<T> of(Class<T> type, int schemaId) {
    var writer = new SpecificDatumWriter<T>(type);
    var reader = new SpecificDatumReader<T>(type);
    return Serdes.serdeFrom(new Writing<>(writer, schemaId), new Reading<>(reader));
  }

  private static final class Writing<T> implements Serializer<T> {
    private final SpecificDatumWriter<T> writer;
    private final byte[] header;
    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(512);
    private BinaryEncoder encoder;

    Writing(SpecificDatumWriter<T> writer, int schemaId) {
      this.writer = writer;
      this.header = ByteBuffer.allocate(HEADER_BYTES).put((byte) 0).putInt(schemaId).array();
    }

    @Override
    public synchronized byte[] serialize(String topic, T value) {
      if (value == null) {
        return null;
      }
      try {
        buffer.reset();
        buffer.write(header);
        encoder = EncoderFactory.get().directBinaryEncoder(buffer, encoder);
        writer.write(value, encoder);
        return buffer.toByteArray();
      } catch (IOException broken) {
        throw new UncheckedIOException(broken);
      }
    }
  }

  private static final class Reading<T> implements Deserializer<T> {
    private final SpecificDatumReader<T> reader;
    private BinaryDecoder decoder;

    Reading(SpecificDatumReader<T> reader) {
      this.reader = reader;
    }

    @Override
    public synchronized T deserialize(String topic, byte[] value) {
      if (value == null) {
        return null;
      }
      try {
        decoder =
            DecoderFactory.get()
                .binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
        return reader.read(null, decoder);
      } catch (IOException broken) {
        throw new UncheckedIOException(broken);
      }
    }
  }
}
