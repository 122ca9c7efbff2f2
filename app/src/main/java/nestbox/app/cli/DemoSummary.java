package nestbox.app.cli;

import nestbox.hypervisor.NestedState;
import nestbox.hypervisor.Vcpu;
import nestbox.hypervisor.Vm;
import nestbox.x86.vmx.ExitReason;

import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// What a demonstration took: each step, and the VM exits by level and reason.
///
/// @param vms as they were at the end
record DemoSummary(List<Milestones.Reached> steps, List<Vm> vms) {
    private static final int MOST_REASONS = 8;

    String text() {
        StringBuilder text = new StringBuilder();
        text.append(line("%-30s %10s %22s %10s", "step", "host's s", "million instructions", "s"));
        for (Milestones.Reached step : steps) {
            text.append(
                    line(
                            "%-30s %10.1f %22.0f %10.3f",
                            step.name(),
                            step.hostNanos() / 1e9,
                            step.instructions() / 1e6,
                            step.nanos() / 1e9));
        }
        return text.append('\n').append(exits()).toString();
    }

    private String exits() {
        Map<ExitReason, Long> l1 = new EnumMap<>(ExitReason.class);
        Map<ExitReason, Long> l2 = new EnumMap<>(ExitReason.class);
        Map<ExitReason, Long> reflected = new EnumMap<>(ExitReason.class);
        for (Vm vm : vms) {
            for (Vcpu vcpu : vm.vcpus()) {
                add(vcpu.exits().ofL1(), l1);
                add(vcpu.exits().ofL2(), l2);
                vcpu.nestedState().map(NestedState::reflected).ifPresent(m -> add(m, reflected));
            }
        }
        Map<ExitReason, Long> all = new EnumMap<>(l1);
        add(l2, all);
        StringBuilder text = new StringBuilder();
        text.append(line("%-30s %12s %12s %12s", "VM exits", "from L1", "from L2", "told to L1"));
        all.entrySet().stream()
                .sorted(Map.Entry.<ExitReason, Long>comparingByValue().reversed())
                .limit(MOST_REASONS)
                .map(Map.Entry::getKey)
                .forEach(
                        reason ->
                                text.append(
                                        row(
                                                reason.title(),
                                                l1.getOrDefault(reason, 0L),
                                                l2.getOrDefault(reason, 0L),
                                                reflected.getOrDefault(reason, 0L))));
        return text.append(row("all", sum(l1), sum(l2), sum(reflected))).toString();
    }

    private static String row(String name, long l1, long l2, long reflected) {
        return line("%-30s %,12d %,12d %,12d", name, l1, l2, reflected);
    }

    private static long sum(Map<ExitReason, Long> counts) {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    private static void add(Map<ExitReason, Long> from, Map<ExitReason, Long> to) {
        from.forEach((reason, count) -> to.merge(reason, count, Long::sum));
    }

    private static String line(String format, Object... values) {
        return String.format(Locale.ROOT, format, values).stripTrailing() + "\n";
    }
}
