package nestbox.conformance.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import nestbox.platform.GuestMemory;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// What a guest's processor leaves alone while its devices are made to lie: where their addresses
/// would most often lead, filled with a pattern.
final class OthersMemory {
    private record Part(long address, byte[] contents) {}

    private static final int STACKS = 0x4000;
    private static final int EDGE = 0x1_0000;

    private final GuestMemory memory;
    private final List<Part> parts = new ArrayList<>();

    OthersMemory(GuestMemory memory) {
        this.memory = memory;
        add(Memory.DATA + STACKS, Memory.DATA + Memory.DATA_SIZE);
        add(BrokenRings.OWN_END, 2 << 20);
        add(GuestMemory.PCI_HOLE - EDGE, GuestMemory.PCI_HOLE);
        add(GuestMemory.FOUR_GIB, memory.highTop());
    }

    private void add(long start, long end) {
        byte[] contents = new byte[(int) (end - start)];
        for (int i = 0; i < contents.length; i++) {
            contents[i] = (byte) (i * 31 + (i >> 8));
        }
        memory.write(start, contents, 0, contents.length);
        parts.add(new Part(start, contents));
    }

    void check(String when) {
        for (Part part : parts) {
            byte[] now = new byte[part.contents.length];
            memory.read(part.address, now, 0, now.length);
            assertThat(Arrays.mismatch(now, part.contents))
                    .as("%x, %s", part.address, when)
                    .isNegative();
        }
    }
}
