package nestbox.hypervisor.emulate;

import static nestbox.x86.vmx.VmcsField.*;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.hypervisor.emulate.GuestMachine.Mode;
import nestbox.x86.ControlBits;
import nestbox.x86.PageFormat;
import nestbox.x86.RFlags;
import nestbox.x86.Vector;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.VmcsField;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/// Page walks end like those of the processor: with the same page fault, or the same accessed and
/// dirty flags.
class GuestLinearTest {
    private static final long SEED = 0x5EED_0017;
    private static final int CASES = 1500;
    private static final String DONE = "done";
    private static final long DATA_INDEX = 0x40;

    private final GuestMachine machine = new GuestMachine();

    /// Everything that an access depends on.
    private record Case(Mode mode, int cpl, Access access, long linear, long random) {}

    @ParameterizedTest
    @EnumSource(names = {"LONG", "COMPATIBILITY", "PAE", "PAGED_32"})
    void walksLikeTheProcessor(Mode mode) {
        SplittableRandom random = new SplittableRandom(SEED + mode.ordinal());
        System.out.printf("%s: seed %x%n", mode, SEED + mode.ordinal());
        Set<String> ends = new TreeSet<>();
        try (machine) {
            for (int i = 0; i < CASES; i++) {
                Case access = random(mode, random);
                prepare(access);
                String expected = byProcessor();
                byte[] contents = machine.contents(true);
                prepare(access);
                String actual = byHypervisor(access);
                assertThat(actual).as("case %d %s", i, access).isEqualTo(expected);
                assertThat(Arrays.equals(machine.contents(true), contents))
                        .as("flags after case %d %s: %s", i, access, actual)
                        .isTrue();
                ends.add(expected.replaceAll(" .*", ""));
            }
        }
        // With and without protection, from user and supervisor, reads, writes and fetches.
        assertThat(ends).contains(DONE).hasSizeGreaterThan(8);
    }

    private static Case random(Mode mode, SplittableRandom random) {
        Access access = Access.values()[random.nextInt(3)];
        // Other indices than those of the code, at all levels.
        long linear = (DATA_INDEX + random.nextInt(64)) << 12 | random.nextInt(0xFF0);
        linear |= (long) (1 + random.nextInt(0x1FF)) << 21;
        if (mode == Mode.LONG) {
            linear |= (long) (1 + random.nextInt(0x1FF)) << 30 | (1L + random.nextInt(0xFF)) << 39;
            linear = random.nextBoolean() ? linear : linear | -1L << 47;
        } else {
            linear |= (1L + random.nextInt(3)) << 30;
        }
        return new Case(mode, random.nextBoolean() ? 0 : 3, access, linear, random.nextLong());
    }

    private void prepare(Case access) {
        SplittableRandom random = new SplittableRandom(access.random);
        machine.clear();
        machine.mode(access.mode, access.cpl);
        machine.pageTables(access.mode);
        byte[] data = new byte[GuestMachine.DATA_BYTES];
        Arrays.fill(data, (byte) 0xCC); // INT3, where a fetch arrives
        machine.memory.write(GuestMachine.DATA, data, 0, data.length);
        String program =
                switch (access.access) {
                    case READ -> "8A03"; // MOV AL, [RBX]
                    case WRITE -> "8803"; // MOV [RBX], AL
                    case FETCH -> "FFE3"; // JMP RBX
                };
        byte[] code = HexFormat.of().parseHex(program + "0F01C1");
        machine.memory.write(GuestMachine.MEMORY + GuestMachine.CODE, code, 0, code.length);
        GuestState guest = new GuestState(machine.root);
        guest.write(GUEST_RIP, GuestMachine.CODE);
        guest.register(GuestState.RAX, 0xCC);
        guest.register(GuestState.RBX, access.linear);
        guest.write(GUEST_RFLAGS, RFlags.FIXED | (random.nextBoolean() ? RFlags.AC : 0));
        flip(guest, GUEST_CR0, ControlBits.CR0_WP, random);
        flip(guest, GUEST_CR4, ControlBits.CR4_SMEP, random);
        flip(guest, GUEST_CR4, ControlBits.CR4_SMAP, random);
        flip(guest, GUEST_CR4, ControlBits.CR4_PSE, random);
        flip(guest, GUEST_EFER, ControlBits.EFER_NXE, random);
        entries(access, guest, random);
        machine.hideData(0);
    }

    private static void flip(GuestState guest, VmcsField field, long bit, SplittableRandom random) {
        guest.write(field, guest.read(field) ^ (random.nextBoolean() ? bit : 0));
    }

    /// Changes the entries on the way to the address; those of the code are the supervisor's if it
    /// runs.
    private void entries(Case access, GuestState guest, SplittableRandom random) {
        boolean small = access.mode == Mode.PAGED_32;
        int bits = small ? 10 : 9;
        int levels = small ? 2 : access.mode == Mode.PAE ? 3 : 4;
        for (int level = 0; level < levels; level++) {
            int shift = 12 + bits * (levels - 1 - level);
            int index = (int) (access.linear >>> shift) & (1 << bits) - 1;
            if (access.mode == Mode.PAE && level == 0) {
                if (random.nextInt(8) == 0) {
                    guest.write(GUEST_PDPTE0.plus(index), 0);
                }
                continue;
            }
            long table = GuestMachine.MEMORY + GuestMachine.TABLES + level * GuestMachine.PAGE;
            long at = table + (small ? 4 : 8) * index;
            if (small) {
                machine.memory.writeInt(at, (int) changed(machine.memory.readInt(at), random));
            } else {
                machine.memory.writeLong(at, changed(machine.memory.readLong(at), random));
            }
            if (level == levels - 1 && access.cpl == 0) {
                long code = table + (small ? 4 : 8) * (GuestMachine.CODE >> 12);
                int entry = machine.memory.readInt(code);
                machine.memory.writeInt(code, entry & ~(int) PageFormat.USER);
            }
        }
    }

    private static long changed(long entry, SplittableRandom random) {
        return switch (random.nextInt(24)) {
            case 0 -> entry & ~PageFormat.PRESENT;
            case 1, 2 -> entry & ~PageFormat.WRITABLE;
            case 3, 4, 5 -> entry & ~PageFormat.USER;
            case 6 -> entry | PageFormat.EXECUTE_DISABLE;
            case 7 -> entry | PageFormat.PAGE_SIZE;
            case 8, 9 -> entry & ~PageFormat.ADDRESS | PageFormat.PAGE_SIZE;
            case 10 -> entry | 1L << 40 + random.nextInt(24);
            case 11 -> entry | PageFormat.ACCESSED;
            case 12 -> entry | PageFormat.DIRTY;
            case 13 -> entry & ~PageFormat.ADDRESS | PageFormat.PAGE_SIZE | 1 << 12;
            case 14 -> entry & ~PageFormat.ADDRESS | PageFormat.PAGE_SIZE | 1 << 14;
            default -> entry;
        };
    }

    private String byProcessor() {
        machine.run(reason -> false);
        if (machine.root.vmread(EXIT_REASON) != ExitReason.EXCEPTION_OR_NMI.number()) {
            return DONE;
        }
        int vector = (int) machine.root.vmread(EXIT_INTERRUPTION_INFORMATION) & 0xFF;
        if (vector == Vector.BP) {
            return DONE;
        }
        assertThat(vector).isEqualTo(Vector.PF);
        return fault(
                (int) machine.root.vmread(EXIT_INTERRUPTION_ERROR_CODE),
                machine.root.vmread(EXIT_QUALIFICATION));
    }

    private String byHypervisor(Case access) {
        GuestState guest = new GuestState(machine.root);
        GuestLinear memory = new GuestLinear(guest, machine.memory, new AllRam());
        try {
            // The processor fetches the instruction first.
            memory.fetch(GuestMachine.CODE);
            switch (access.access) {
                case READ -> memory.read(access.linear, 1);
                case WRITE -> memory.write(access.linear, 1, 0xCC);
                case FETCH -> memory.fetch(access.linear);
            }
            return DONE;
        } catch (GuestException exception) {
            assertThat(exception.vector()).isEqualTo(Vector.PF);
            return fault(exception.errorCode(), exception.address());
        }
    }

    private static String fault(int errorCode, long address) {
        return "#PF(%x) %x".formatted(errorCode, address);
    }

    private static final class AllRam implements GuestPhysical {
        @Override
        public long ram(long address, boolean write) {
            return GuestMachine.host(address) + (address & GuestMachine.PAGE - 1);
        }

        @Override
        public long read(long address, int width) {
            throw new AssertionError("all is RAM");
        }

        @Override
        public void write(long address, int width, long value) {
            throw new AssertionError("all is RAM");
        }
    }
}
