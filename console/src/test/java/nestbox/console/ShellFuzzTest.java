package nestbox.console;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.console.FakeHypervisor.FakeVcpu;
import nestbox.console.FakeHypervisor.FakeVm;
import nestbox.console.command.Commands;
import nestbox.console.report.JsonText;
import nestbox.console.report.Report;
import nestbox.console.subject.ExitCount;
import nestbox.console.subject.IoapicPin;
import nestbox.console.subject.IrqCount;
import nestbox.console.subject.NestedState;
import nestbox.console.subject.PassThroughEntry;
import nestbox.console.subject.Register;
import nestbox.console.subject.VcpuState;
import nestbox.console.subject.VmState;
import nestbox.console.subject.VmcsDump;
import nestbox.console.subject.VmcsKind;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.api.Test;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/// Nothing that is typed, and nothing that a hypervisor may be, makes the shell throw.
class ShellFuzzTest {
    private static final long SEED = 0xF022_5EE1L;

    private final SplittableRandom random = new SplittableRandom(SEED);

    @Test
    void anyBytesAreTaken() {
        FakeHypervisor hypervisor = hypervisor();
        long[] shown = new long[1];
        ConsoleMultiplexer multiplexer = new ConsoleMultiplexer(hypervisor, _ -> shown[0]++);
        GuestConsole guest = multiplexer.connect(0, new Sink());
        multiplexer.start(OptionalInt.empty());
        for (int i = 0; i < 300_000; i++) {
            multiplexer.receive((byte) (random.nextInt(8) == 0 ? '\r' : random.nextInt(256)));
            if (i % 64 == 0) {
                guest.write((byte) i);
                multiplexer.poll();
                hypervisor.service().state = pick(VmState.values());
            }
        }
        assertThat(shown[0]).isPositive();
    }

    @Test
    void anyWordsAreAnswered() {
        List<String> names = Commands.ALL.stream().map(syntax -> syntax.name()).toList();
        String[] words = {
            "0",
            "1",
            "2",
            "7",
            "8",
            "255",
            "4294967296",
            "999999999",
            "9999999999",
            "-1",
            "0x",
            "0x0",
            "0xffffffffffffffff",
            "ffff888000000fe0",
            "100000",
            "100fff",
            "01",
            "12",
            "02",
            "-p0",
            "-p3",
            "-p4",
            "-p",
            "-p99999999999",
            "c0000080",
            "%s%n%x",
            "\u0007",
            "é",
            "."
        };
        for (int i = 0; i < 20_000; i++) {
            FakeHypervisor hypervisor = hypervisor();
            String line =
                    pick(names.toArray(String[]::new))
                            + random.ints(random.nextInt(5), 0, words.length)
                                    .mapToObj(word -> " " + words[word])
                                    .collect(Collectors.joining());
            Report report = Commands.run(line, hypervisor);
            assertThat(report.text()).as(line).doesNotContain("\u001b");
            JsonText.check(report.json().toString());
        }
    }

    private FakeHypervisor hypervisor() {
        FakeHypervisor hypervisor = FakeHypervisor.tutorial();
        FakeVm odd =
                new FakeVm(random.nextInt(8), "\u001b[2J\u009b \"%s\\\n\ud800", Optional.empty());
        hypervisor.machines.add(odd);
        for (FakeVm vm : hypervisor.machines) {
            vm.state = pick(VmState.values());
            vm.console = random.nextBoolean();
            vm.eptPointer = OptionalLong.of(random.nextInt(64) | (random.nextInt(2) << 20));
            vm.pins.add(new IoapicPin(random.nextInt(), random.nextInt(), random.nextLong()));
            vm.processors.forEach(this::scramble);
        }
        hypervisor.msrs.put(0xC000_0080, random.nextLong());
        hypervisor.ioapic.add(new IoapicPin(random.nextInt(), 0, random.nextLong()));
        hypervisor.irqs.add(new IrqCount(random.nextInt(), random.nextInt(), List.of(1L)));
        hypervisor.passThrough.add(
                new PassThroughEntry(
                        0,
                        pick(PassThroughEntry.Source.values()),
                        random.nextInt(),
                        random.nextInt(),
                        random.nextInt(),
                        random.nextBoolean(),
                        random.nextInt(),
                        random.nextInt(),
                        random.nextInt(),
                        random.nextInt()));
        for (int i = 0; i < 32; i++) {
            long entry = random.nextLong() & 0x10_00FFL;
            hypervisor.quadword(random.nextInt(512) * 8L, entry);
            hypervisor.quadword(FakeHypervisor.HIGH_PAGE + random.nextInt(512) * 8L, entry);
        }
        return hypervisor;
    }

    private void scramble(FakeVcpu vcpu) {
        vcpu.state = pick(VcpuState.values());
        Arrays.stream(Register.values())
                .forEach(register -> vcpu.registers.put(register, random.nextLong()));
        vcpu.nested =
                Optional.of(
                        new NestedState(
                                random.nextBoolean(),
                                random.nextBoolean(),
                                OptionalLong.of(random.nextLong()),
                                OptionalLong.empty(),
                                random.nextInt(),
                                random.nextInt(),
                                random.nextLong(),
                                random.nextLong()));
        vcpu.exits.add(
                new ExitCount(
                        pick(ExitReason.values()),
                        random.nextLong(),
                        random.nextLong(),
                        random.nextLong()));
        vcpu.structures.put(
                pick(VmcsKind.values()),
                new VmcsDump(
                        random.nextLong(),
                        Arrays.stream(VmcsField.values())
                                .collect(
                                        Collectors.toMap(field -> field, _ -> random.nextLong()))));
    }

    private <T> T pick(T[] choices) {
        return choices[random.nextInt(choices.length)];
    }

    /// Takes everything.
    private static final class Sink implements GuestInput {
        @Override
        public boolean canReceive() {
            return true;
        }

        @Override
        public void receive(byte value) {}
    }
}
