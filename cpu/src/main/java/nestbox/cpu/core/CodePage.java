package nestbox.cpu.core;

/// The decoded blocks of one physical page, found by offset and mode.
final class CodePage {
    private static final int GRANULE_SHIFT = 6;

    private Block[] table = new Block[16];
    private int count;

    /// One bit per 64 bytes that some block was decoded from.
    private long granules;

    Block find(int start, int mode) {
        int mask = table.length - 1;
        for (int i = hash(start, mode) & mask; ; i = i + 1 & mask) {
            Block block = table[i];
            if (block == null || block.start == start && block.mode == mode) {
                return block;
            }
        }
    }

    void add(Block block) {
        if (2 * ++count > table.length) {
            Block[] old = table;
            table = new Block[2 * old.length];
            for (Block moved : old) {
                if (moved != null) {
                    insert(moved);
                }
            }
        }
        insert(block);
        int last = block.start + block.length - 1 >> GRANULE_SHIFT;
        for (int granule = block.start >> GRANULE_SHIFT; granule <= last; granule++) {
            granules |= 1L << granule;
        }
    }

    /// Whether bytes from `start` on may be part of a block.
    boolean covers(int start, long length) {
        int last = (int) Math.min(63, start + length - 1 >> GRANULE_SHIFT);
        for (int granule = start >> GRANULE_SHIFT; granule <= last; granule++) {
            if ((granules >>> granule & 1) != 0) {
                return true;
            }
        }
        return false;
    }

    /// Marks all blocks as gone, while none of them runs.
    void retire() {
        for (Block block : table) {
            if (block != null) {
                block.valid = false;
            }
        }
    }

    /// Marks all blocks as gone. The one that runs stops after its current instruction.
    void drop() {
        for (Block block : table) {
            if (block != null) {
                block.valid = false;
                Insn[] insns = block.insns;
                for (int i = 0; i < insns.length; i++) {
                    insns[i] = Restart.at(insns[i]);
                }
            }
        }
    }

    private void insert(Block block) {
        int mask = table.length - 1;
        int i = hash(block.start, block.mode) & mask;
        while (table[i] != null) {
            i = i + 1 & mask;
        }
        table[i] = block;
    }

    private static int hash(int start, int mode) {
        return start * 0x9E3779B1 >>> 16 ^ mode * 31;
    }
}
