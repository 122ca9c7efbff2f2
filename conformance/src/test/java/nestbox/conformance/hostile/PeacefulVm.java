package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.cpu.StartState;
import nestbox.devices.BoardMap;
import nestbox.platform.GuestMemory;
import nestbox.platform.Ram;

import java.util.Arrays;

/// A pre-launched virtual machine beside those that mean harm: it counts up and takes note of any
/// interrupt, and leaves all its other memory as it found it.
final class PeacefulVm {
    /// Where its memory is on the board.
    static final long START = 0x1000_0000;

    static final int SIZE = 16 << 20;

    /// For a scenario. Its processor is the board's third.
    static final String SCENARIO =
            """
            <vm id="1">
              <vm_type>PRE_STD_VM</vm_type><name>peaceful</name>
              <cpu_affinity><pcpu_id>2</pcpu_id></cpu_affinity>
              <guest_flags>%s</guest_flags>
              <memory><start_hpa>0x10000000</start_hpa><size>0x1000000</size></memory>
            </vm>
            """;

    private static final int PAGE = 0x1000;

    /// A page that it changes: the two counters.
    private static final int COUNTERS = 0x2000;

    private static final int GDT = 0x3000;
    private static final int IDT = 0x4000;
    private static final int CODE = 0x5000;
    private static final int HANDLER = 0x5800;
    private static final int IDT_OPERAND = 0x5F00;

    /// Its stack, which an interrupt would change.
    private static final int STACK = 0x8000;

    /// What its firmware has written, and it itself, stays below; the pattern is above.
    private static final int PATTERN_START = 0x10_0000;

    private static final byte PATTERN = 0x3C;

    private PeacefulVm() {}

    static StartState load(Ram ram) {
        byte[] pattern = new byte[SIZE - PATTERN_START];
        Arrays.fill(pattern, PATTERN);
        ram.write(PATTERN_START, pattern, 0, pattern.length);
        ram.write(COUNTERS, new byte[PAGE], 0, PAGE);
        ram.writeLong(GDT + 8, 0x00CF_9B00_0000_FFFFL);
        ram.writeLong(GDT + 16, 0x00CF_9300_0000_FFFFL);
        for (int vector = 0; vector < 256; vector++) {
            ram.writeLong(IDT + 8L * vector, HANDLER | 0x8E00_0008_0000L);
        }
        ram.writeShort(IDT_OPERAND, 0x7FF);
        ram.writeInt(IDT_OPERAND + 2, IDT);
        CodeBuffer code = new CodeBuffer().move32(4, STACK);
        code.hex("0F011D").doubleWord(IDT_OPERAND);
        // The local APIC takes what is sent to it.
        code.move32(3, BoardMap.LOCAL_APIC + 0xF0).hex("C703").doubleWord(0x1FF).hex("FB");
        int loop = code.size();
        code.hex("FF05").doubleWord(COUNTERS).hex("EB").byteValue(loop - code.size() - 2 + 1);
        put(ram, CODE, code);
        put(ram, HANDLER, new CodeBuffer().hex("FF05").doubleWord(COUNTERS + 4).hex("FAF4EBFD"));
        return new StartState(false, CODE, 0, 0, 0, 0, GDT, 23, 8, 16);
    }

    private static void put(Ram ram, int address, CodeBuffer code) {
        byte[] bytes = code.toBytes();
        ram.write(address, bytes, 0, bytes.length);
    }

    /// How far it has counted.
    static int count(GuestMemory board) {
        return board.readInt(START + COUNTERS);
    }

    /// All its memory but the counters.
    static byte[] contents(GuestMemory board) {
        byte[] contents = new byte[SIZE];
        board.read(START, contents, 0, SIZE);
        Arrays.fill(contents, COUNTERS, COUNTERS + Integer.BYTES, (byte) 0);
        return contents;
    }

    /// Fails if anybody has changed it, or interrupted it.
    static void check(GuestMemory board, byte[] before) {
        assertThat(board.readInt(START + COUNTERS + 4)).as("interrupts").isZero();
        assertThat(Arrays.mismatch(contents(board), before))
                .as("memory of another VM")
                .isNegative();
    }
}
