package nestbox.conformance.hostile;

/// Where a hostile guest keeps its things.
final class Memory {
    static final int GDT = 0x1000;
    static final int DESCRIPTORS = 64;
    static final int LDT = 0x1800;
    static final int IDT = 0x2000;

    /// The TSS that is loaded, with its I/O permission bitmap, and those that tasks may switch to.
    static final int TSS = 0x3000;

    static final int OTHER_TSS = 0x6000;
    static final int OTHER_TSS_SIZE = 0x80;

    /// What brings the processor into the state of the case.
    static final int PROLOGUE = 0x8000;

    static final int FLOAT_STATE = 0x9000;
    static final int PROLOGUE_STACK = 0xA000;

    static final int PML4 = 0x1_0000;
    static final int PDPT = 0x1_1000;
    static final int PAGE_DIRECTORY = 0x1_2000;
    static final int PAGE_TABLE = 0x1_3000;
    static final int LEGACY_DIRECTORY = 0x1_4000;
    static final int LEGACY_TABLE = 0x1_5000;
    static final int PAE_PDPT = 0x1_6000;

    static final int CODE = 0x2_0000;
    static final int CODE_SIZE = 0x2000;
    static final int DATA = 0x3_0000;
    static final int DATA_SIZE = 0x6_0000;

    private Memory() {}
}
