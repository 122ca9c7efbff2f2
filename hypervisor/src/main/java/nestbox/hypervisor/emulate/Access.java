package nestbox.hypervisor.emulate;

import nestbox.x86.PageFormat;

/// What an instruction does with memory.
public enum Access {
    READ(0),
    WRITE(PageFormat.FAULT_WRITE),
    FETCH(PageFormat.FAULT_FETCH);

    private final int faultBits;

    Access(int faultBits) {
        this.faultBits = faultBits;
    }

    /// What it puts into a page fault's error code.
    int faultBits() {
        return faultBits;
    }
}
