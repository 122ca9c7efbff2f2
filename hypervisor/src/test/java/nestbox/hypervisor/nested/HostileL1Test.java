package nestbox.hypervisor.nested;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.model.CpuModel;
import nestbox.x86.vmx.ControlWord;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/// Whatever L1 puts into its VMCSs, its tables and its bitmaps, L0 goes on, and the processor
/// accepts what L0 makes of it.
class HostileL1Test {
    /// CPUID, IN, OUT, RDMSR, WRMSR, HLT, MOV CR, VMFUNC, VMREAD, stores, PAUSE, RDTSC and others.
    private static final String[] L2 = {
        "0F A2",
        "E4 64",
        "E6 70",
        "0F 32",
        "0F 30",
        "F4",
        "0F 22 C0",
        "0F 20 E0",
        "0F 01 D4",
        "0F 78 C8",
        "48 89 04 25 00 20 02 00",
        "F3 90",
        "0F 31",
        "0F 09",
        "0F 01 C1",
        "44 0F 20 C0"
    };

    private static long value(SplittableRandom random) {
        return switch (random.nextInt(6)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> random.nextLong(L1Machine.L1_RAM) & -4096;
            case 3 -> 1L << random.nextInt(64);
            case 4 -> random.nextInt(256);
            default -> random.nextLong();
        };
    }

    @ParameterizedTest
    @ValueSource(longs = {11, 12, 13, 14})
    void anyContentsOfTheRegionAreHandled(long seed) {
        SplittableRandom seeded = new SplittableRandom(seed);
        try (L1Machine l1 = new L1Machine()) {
            l1.on();
            for (int i = 0; i < 150; i++) {
                l1.run("66 0F C7 30", L1Machine.REGION);
                for (int at = 12; at < Vmcs12Layout.SIZE; at += 4) {
                    l1.writeInt(L1Machine.REGION + at, (int) value(seeded));
                }
                l1.run("0F C7 30", L1Machine.REGION).launch();
                assertThat(l1.nested.isInL2()).isFalse();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {21, 22, 23, 24, 25, 26})
    void aVmcsThatIsWrongSomewhereIsRefusedOrRuns(long seed) {
        SplittableRandom seeded = new SplittableRandom(seed);
        CpuModel model = seed % 2 == 0 ? CpuModel.server() : CpuModel.kabylake();
        List<VmcsField> fields = new ArrayList<>();
        int ran = 0;
        for (int i = 0; i < 40; i++) {
            try (L1Machine l1 = new L1Machine(model)) {
                l1.on().baseline().ept();
                l1.eptPage(0);
                fields.clear();
                fields.addAll(l1.nested.capabilities().fields());
                l1.l2(L2[seeded.nextInt(L2.length)] + L2[seeded.nextInt(L2.length)] + "0F A2");
                scramble(l1, seeded, fields);
                l1.keepsGoing = true;
                l1.launch();
                ran += l1.nested.state().entries() > 0 ? 1 : 0;
            }
        }
        assertThat(ran).as("entries that succeeded").isPositive();
    }

    /// Changes a few fields, control bits that the processor allows, and tables.
    private void scramble(L1Machine l1, SplittableRandom seeded, List<VmcsField> fields) {
        for (int i = seeded.nextInt(3); i > 0; i--) {
            l1.set(fields.get(seeded.nextInt(fields.size())), value(seeded));
        }
        for (ControlWord word : ControlWord.values()) {
            long allowed = l1.nested.capabilities().allowed1(word);
            boolean change = l1.nested.capabilities().has(word.field()) && seeded.nextInt(3) == 0;
            if (change) {
                long few = seeded.nextLong();
                long bits = few & seeded.nextLong() & allowed;
                l1.set(word.field(), l1.get(word.field()) | bits);
            }
        }
        if (seeded.nextBoolean()) {
            l1.set(APIC_ACCESS_ADDRESS, 0xFEE0_0000L).set(VIRTUAL_APIC_ADDRESS, 0x9000_0000L);
            l1.set(VIRTUAL_PROCESSOR_IDENTIFIER, 1 + seeded.nextInt(20));
        }
        for (int i = 0; i < 3; i++) {
            long entry = L1Machine.EPT12 + 0x4000 + 8 * seeded.nextInt(64);
            l1.writeLong(entry, value(seeded));
        }
        for (int i = 0; i < 512; i++) {
            l1.writeLong(L1Machine.MSR_BITMAP + 8 * i, value(seeded));
        }
        l1.set(MSR_BITMAPS, L1Machine.MSR_BITMAP);
        l1.root.register(0, seeded.nextInt(3));
        l1.root.register(1, value(seeded));
    }

    @ParameterizedTest
    @ValueSource(longs = {31, 32})
    void vmxInstructionsTakeAnyOperand(long seed) {
        SplittableRandom seeded = new SplittableRandom(seed);
        String[] instructions = {
            "66 0F C7 30",
            "0F C7 30",
            "0F C7 38",
            "0F 78 C8",
            "0F 79 C8",
            "66 0F 38 80 08",
            "66 0F 38 81 08",
            "0F 01 C2",
            "0F 01 C3",
            "0F 01 C4",
            "F3 0F C7 30"
        };
        try (L1Machine l1 = new L1Machine()) {
            l1.on();
            for (int i = 0; i < 2000; i++) {
                if (!l1.nested.isOperating()) {
                    l1.run("F3 0F C7 30", L1Machine.VMXON_REGION);
                }
                String instruction = instructions[seeded.nextInt(instructions.length)];
                l1.root.register(1, value(seeded));
                if (instruction.startsWith("0F 78") || instruction.startsWith("0F 79")) {
                    l1.root.register(0, value(seeded));
                    l1.run(instruction);
                } else {
                    l1.writeLong(L1Machine.L1_DATA + 8, value(seeded));
                    l1.run(instruction, pointer(seeded));
                }
            }
            assertThat(l1.nested.state().instructions()).containsKey(ExitReason.VMXOFF);
        }
    }

    private static long pointer(SplittableRandom random) {
        return random.nextBoolean()
                ? L1Machine.VMXON_REGION + 0x1000 * random.nextInt(4)
                : value(random);
    }
}
