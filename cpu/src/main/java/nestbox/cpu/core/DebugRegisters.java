package nestbox.cpu.core;

import nestbox.x86.ControlBits;

/// DR0–DR7 and the matches found while an instruction ran. SDM Vol. 3B, "Debug Registers".
///
/// While a breakpoint is armed the processor runs one instruction at a time, and pages with data
/// breakpoints are kept out of the TLB: then the checks cost nothing when nobody debugs.
public final class DebugRegisters {
    public static final long DR6_FIXED = 0xFFFF_0FF0L;
    public static final long DR6_BD = 1 << 13;
    public static final long DR6_BS = 1 << 14;
    public static final long DR6_BT = 1 << 15;
    public static final long DR6_RTM = 1 << 16;
    public static final long DR7_FIXED = 1 << 10;
    public static final long DR7_GD = 1 << 13;

    private static final int EXECUTE = 0;
    private static final int WRITE = 1;
    private static final int IO = 2;

    private final Cpu cpu;
    private final long[] address = new long[4];
    public long dr6 = DR6_FIXED;
    private long dr7 = DR7_FIXED;

    /// DR6 bits of debug exceptions to be delivered when the current instruction is complete.
    private long pending;

    /// The cause of a debug exception that is about to become a VM exit.
    private long unreported;

    /// TF was set when the current instruction began: a trap follows it.
    private boolean stepping;

    DebugRegisters(Cpu cpu) {
        this.cpu = cpu;
    }

    public void reset() {
        java.util.Arrays.fill(address, 0);
        dr6 = DR6_FIXED;
        dr7 = DR7_FIXED;
        pending = 0;
    }

    public long address(int number) {
        return address[number];
    }

    public void address(int number, long value) {
        address[number] = value;
        changed();
    }

    public long dr7() {
        return dr7;
    }

    public void dr7(long value) {
        dr7 = dr7Of(value);
        changed();
    }

    /// What DR7 holds after a value was moved to it.
    public static long dr7Of(long value) {
        return value & 0xFFFF_2FFFL | DR7_FIXED;
    }

    private void changed() {
        cpu.mmu.flushAll();
        cpu.updateSingleStep();
    }

    /// Whether any breakpoint is enabled.
    public boolean isArmed() {
        return (dr7 & 0xFF) != 0;
    }

    private boolean isEnabled(int number) {
        return (dr7 >>> 2 * number & 3) != 0;
    }

    private int type(int number) {
        return (int) (dr7 >>> 16 + 4 * number) & 3;
    }

    private int length(int number) {
        return switch ((int) (dr7 >>> 18 + 4 * number) & 3) {
            case 0 -> 1;
            case 1 -> 2;
            case 2 -> 8;
            default -> 4;
        };
    }

    private boolean overlaps(int number, long linear, int width) {
        int length = length(number);
        long start = address[number] & -length;
        return linear + width - 1 - start >= 0 && start + length - 1 - linear >= 0;
    }

    /// Whether a data breakpoint lies in the page.
    boolean watchesPage(long linear) {
        for (int i = 0; i < 4; i++) {
            if (isEnabled(i) && type(i) != EXECUTE && ((address[i] ^ linear) & -4096) == 0) {
                return true;
            }
        }
        return false;
    }

    /// Whether accesses to the page must be looked at one by one.
    public boolean watches(long linear) {
        return (dr7 & 0xFF) != 0 && watchesPage(linear);
    }

    /// Notes matches of a data access.
    public void onAccess(long linear, int width, boolean write) {
        if ((dr7 & 0xFF) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            boolean counts = type(i) == 3 || write && type(i) == WRITE;
            if (isEnabled(i) && counts && overlaps(i, linear, width)) {
                pending |= 1L << i;
            }
        }
    }

    /// Notes matches of a port access.
    public void onPort(int port, int width) {
        if ((dr7 & 0xFF) == 0 || (cpu.cr4 & ControlBits.CR4_DE) == 0) {
            return;
        }
        for (int i = 0; i < 4; i++) {
            if (isEnabled(i) && type(i) == IO && overlaps(i, port, width)) {
                pending |= 1L << i;
            }
        }
    }

    /// DR6 bits of the code breakpoints at an instruction's linear address.
    long codeMatches(long linear) {
        long matches = 0;
        for (int i = 0; i < 4; i++) {
            if (isEnabled(i) && type(i) == EXECUTE && address[i] == linear) {
                matches |= 1L << i;
            }
        }
        return matches;
    }

    public long pending() {
        return pending;
    }

    public void addPending(long bits) {
        pending |= bits;
    }

    void beginStep(boolean trap) {
        stepping = trap;
    }

    /// The current instruction takes no single-step trap.
    public void endStep() {
        stepping = false;
    }

    /// The instruction, or one iteration of it, is complete.
    void completeStep() {
        if (stepping) {
            pending |= DR6_BS;
        }
    }

    public void clearPending() {
        pending = 0;
    }

    /// The cause of a debug exception that became a VM exit.
    public long takeUnreported() {
        long bits = unreported;
        unreported = 0;
        return bits;
    }

    /// Sets the cause of a debug exception that is delivered now. If it will be a VM exit, DR6 and
    /// DR7 stay as they are.
    public void report(long bits) {
        pending = 0;
        if (cpu.vmx.interceptsDebug()) {
            unreported = bits;
            return;
        }
        dr6 = dr6 & ~0xFL | bits | DR6_FIXED;
        dr7 &= ~DR7_GD;
    }
}
