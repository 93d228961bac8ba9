package comparison;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** The comparison job as a processor: duplicates are dropped, early events held, the rest applied in sequence. */
final class ContractSync implements Processor<String, Event, String, SpecificRecord> {
  static final String CONTRACTS = "contracts";
  static final String HELD = "held";
  static final String COMMANDS = "commands";
  static final String REVENUE = "revenue";

  private static final int AMOUNTS_KEPT = 4;

  private record Accounts(String account, String counter) {}

  private static final Accounts DEFERRED = new Accounts("contract_asset", "deferred_revenue");
  private static final Accounts BILLED = new Accounts("receivable", "contract_asset");
  private static final Map<String, Accounts> ACCOUNTS =
      Map.of(
          "activated", DEFERRED,
          "amended", DEFERRED,
          "renewed", DEFERRED,
          "cancelled", DEFERRED,
          "invoice_posted", BILLED,
          "credit_memo", BILLED,
          "usage", new Accounts("receivable", "revenue"));

  private ProcessorContext<String, SpecificRecord> context;
  private KeyValueStore<String, ContractState> contracts;
  private KeyValueStore<String, Event> held;

  @Override
  public void init(ProcessorContext<String, SpecificRecord> context) {
    this.context = context;
    contracts = context.getStateStore(CONTRACTS);
    held = context.getStateStore(HELD);
  }

  @Override
  public void process(Record<String, Event> record) {
    String contract = record.key();
    Event event = record.value();
    ContractState state = contracts.get(contract);
    if (state == null) {
      state = new ContractState(1L, 0L, new ArrayList<>(), 0L, 0);
    }
    long ahead = event.getSequence() - state.getNextSequence();
    if (ahead < 0) {
      return;
    }
    if (ahead > 0) {
      hold(contract, state, event);
      return;
    }
    apply(record, state, event);
    release(record, contract, state);
    contracts.put(contract, state);
  }

  private void hold(String contract, ContractState state, Event event) {
    if (held.putIfAbsent(waiting(contract, event.getSequence()), event) == null) {
      state.setHeld(state.getHeld() + 1);
      contracts.put(contract, state);
    }
  }

  private void release(Record<String, Event> record, String contract, ContractState state) {
    while (state.getHeld() > 0) {
      Event next = held.delete(waiting(contract, state.getNextSequence()));
      if (next == null) {
        return;
      }
      state.setHeld(state.getHeld() - 1);
      apply(record, state, next);
    }
  }

  private static String waiting(String contract, long sequence) {
    return contract + ":" + sequence;
  }

  private void apply(Record<String, Event> record, ContractState state, Event event) {
    long amount = event.getAmountMinor();
    state.setNextSequence(event.getSequence() + 1);
    state.setBalanceMinor(state.getBalanceMinor() + amount);
    state.setLineCount(state.getLineCount() + event.getLines().size());
    List<Long> last = state.getLastAmounts();
    last.add(amount);
    if (last.size() > AMOUNTS_KEPT) {
      last.remove(0);
    }
    String id = waiting(event.getContractId(), event.getSequence());
    context.forward(record.withValue(command(id, event, amount)), COMMANDS);
    context.forward(record.withValue(revenue(id, event, state)), REVENUE);
  }

  private static Command command(String id, Event event, long amount) {
    Accounts accounts = ACCOUNTS.get(event.getEventType());
    return new Command(
        id,
        event.getContractId(),
        event.getSequence(),
        event.getEventId(),
        event.getEventType(),
        event.getEffectiveDate(),
        event.getCurrency(),
        List.of(new Entry(accounts.account(), amount), new Entry(accounts.counter(), -amount)));
  }

  private static Revenue revenue(String id, Event event, ContractState state) {
    return new Revenue(
        id,
        event.getContractId(),
        event.getSequence(),
        event.getEventType(),
        event.getEffectiveDate(),
        event.getAmountMinor(),
        state.getBalanceMinor(),
        state.getLineCount(),
        event.getCurrency());
  }
}
