package nestbox.cpu.x87;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Restart;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.fp.Extended;
import nestbox.cpu.fp.ExtendedConversion;
import nestbox.cpu.fp.ExtendedRemainder;
import nestbox.cpu.fp.ExtendedUnit;
import nestbox.cpu.fp.FloatException;
import nestbox.cpu.fp.Transcendental;
import nestbox.platform.IrqLine;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.Vector;

/// The x87 FPU of a processor: its register stack, its status, and how it reports exceptions.
///
/// The registers themselves are in the state block, since MMX instructions, FXSAVE and translated
/// code reach them there. An exception found by one instruction is reported by the *next* waiting
/// one. SDM Vol. 1, "x87 FPU Execution Environment".
public final class Fpu {
    static final int STACK_FAULT = 0x40;
    static final int ERROR_SUMMARY = 0x80;
    static final int C0 = 0x100;
    static final int C1 = 0x200;
    static final int C2 = 0x400;
    static final int C3 = 0x4000;
    static final int CONDITIONS = C0 | C1 | C2 | C3;
    static final int BUSY = 0x8000;
    static final int TOP_SHIFT = 11;
    static final int TOP = 7 << TOP_SHIFT;

    /// Bits of the control word that exist, and the one that always reads as set.
    static final int CONTROL_BITS = 0x1F7F;

    static final int CONTROL_FIXED = 0x40;

    private static final long UNAVAILABLE = ControlBits.CR0_EM | ControlBits.CR0_TS;
    private static final int SIGN_EXPONENT = 8;
    private static final int OPCODE_BITS = 0x7FF;

    final ExtendedUnit unit = new ExtendedUnit();
    final ExtendedConversion conversion = new ExtendedConversion(unit);
    final ExtendedRemainder remainder = new ExtendedRemainder(unit);
    final Transcendental transcendental = new Transcendental(unit);

    private final Cpu cpu;
    private final boolean dataPointerOnExceptionOnly;
    private final boolean selectorsDeprecated;
    private IrqLine error = IrqLine.unconnected();
    private boolean errorConnected;
    private boolean errorIgnored;
    private boolean resultWithheld;

    public Fpu(Cpu cpu) {
        this.cpu = cpu;
        dataPointerOnExceptionOnly = cpu.features.has(Cpuid.FDP_EXCPTN_ONLY);
        selectorsDeprecated = cpu.features.has(Cpuid.FPU_CS_DS_DEPRECATED);
    }

    /// Connects FERR#, by which errors reach IRQ 13 while CR0.NE is clear.
    public void connectError(IrqLine line) {
        error = line;
        errorConnected = true;
    }

    /// IGNNE#: the board's handler has seen the error and wants to execute x87 instructions (a
    /// write to port F0). It lasts until the error is cleared.
    public void ignoreError() {
        errorIgnored = (status() & ERROR_SUMMARY) != 0;
        error.set(false);
    }

    // Entering an instruction

    /// Checks for #NM. SDM Vol. 3A, "Setting the EM and MP flags", Table 2-2.
    void checkAvailable() {
        if ((cpu.cr0 & UNAVAILABLE) != 0) {
            throw cpu.fault(Vector.NM, 0);
        }
    }

    /// Starts a waiting instruction: it is available, and no error of an earlier one is pending.
    void enter() {
        checkAvailable();
        checkError();
        int control = cpu.get16(StateBlock.X87_CONTROL);
        if (control != unit.control()) {
            unit.control(control);
        }
    }

    /// #MF, or FERR# with the processor frozen until the interrupt comes. SDM Vol. 1, "MS-DOS
    /// Compatibility Sub-mode".
    public void checkError() {
        if ((status() & ERROR_SUMMARY) == 0) {
            return;
        }
        if ((cpu.cr0 & ControlBits.CR0_NE) != 0) {
            throw cpu.fault(Vector.MF, 0);
        }
        if (errorConnected && !errorIgnored) {
            error.set(true);
            cpu.attention();
            // Time passes while it waits, so that a run ends even if the interrupt never comes.
            cpu.set64(StateBlock.EXECUTED, cpu.executed() + 1);
            throw cpu.fault(Restart.VECTOR, 0);
        }
    }

    /// Remembers a non-control instruction and its operand for FSTENV and FXSAVE.
    void track(Insn insn) {
        cpu.set16(StateBlock.X87_OPCODE, (insn.opcode << 8 | insn.modRm) & OPCODE_BITS);
        cpu.set64(StateBlock.X87_IP, cpu.rip() + insn.offset);
        cpu.set16(StateBlock.X87_CS, selectorsDeprecated ? 0 : selector(Insn.CS));
        if (insn.isMemory && !dataPointerOnExceptionOnly) {
            trackOperand(insn);
        }
    }

    private void trackOperand(Insn insn) {
        cpu.set64(StateBlock.X87_DP, cpu.effectiveAddress(insn));
        cpu.set16(StateBlock.X87_DS, selectorsDeprecated ? 0 : selector(insn.segment));
    }

    private int selector(int segment) {
        return cpu.segments[segment].selector;
    }

    // Status

    int status() {
        return cpu.get16(StateBlock.X87_STATUS);
    }

    /// Sets the status word; the error summary follows from flags and masks.
    void status(int word) {
        int control = cpu.get16(StateBlock.X87_CONTROL);
        boolean pending = (word & ~control & FloatException.ALL) != 0;
        int rest = word & ~(ERROR_SUMMARY | BUSY);
        cpu.set16(StateBlock.X87_STATUS, pending ? rest | ERROR_SUMMARY | BUSY : rest);
        if (!pending && errorConnected) {
            errorIgnored = false;
            error.set(false);
        }
    }

    /// Sets the control word, whose masks decide on the error summary.
    void control(int word) {
        cpu.set16(StateBlock.X87_CONTROL, word & CONTROL_BITS | CONTROL_FIXED);
        status(status());
    }

    /// Gives C0 to C3 the values of those of `set`.
    void conditions(int set) {
        cpu.set16(StateBlock.X87_STATUS, status() & ~CONDITIONS | set);
    }

    void clearC1() {
        cpu.set16(StateBlock.X87_STATUS, status() & ~C1);
    }

    void clearC2() {
        cpu.set16(StateBlock.X87_STATUS, status() & ~C2);
    }

    /// Takes over exceptions and C1 of the last operation.
    ///
    /// @return whether there is a result
    boolean report(Insn insn) {
        int flags = unit.flags;
        int old = status();
        int word = old & ~C1 | (unit.roundedUp ? C1 : 0);
        if ((flags & ~(old & unit.control())) == 0) {
            cpu.set16(StateBlock.X87_STATUS, word); // nothing that isn't set already, and masked
            resultWithheld = false;
            return true;
        }
        status(word | flags);
        if (unit.unmasked() != 0 && insn.isMemory && dataPointerOnExceptionOnly) {
            trackOperand(insn);
        }
        resultWithheld = unit.suppressed();
        return !resultWithheld;
    }

    /// Whether the last [#report] or [#stackFault] said that there is no result.
    boolean isResultWithheld() {
        return resultWithheld;
    }

    /// Raises a stack fault.
    ///
    /// @return whether it is masked, so that the indefinite is the result
    boolean stackFault(boolean overflow) {
        unit.forgetOperand();
        int word = status() & ~C1 | (overflow ? C1 : 0);
        status(word | STACK_FAULT | FloatException.INVALID);
        resultWithheld = !isInvalidMasked();
        return !resultWithheld;
    }

    boolean isInvalidMasked() {
        return (cpu.get16(StateBlock.X87_CONTROL) & FloatException.INVALID) != 0;
    }

    // The stack

    int top() {
        return status() >>> TOP_SHIFT & 7;
    }

    void top(int value) {
        cpu.set16(StateBlock.X87_STATUS, status() & ~TOP | (value & 7) << TOP_SHIFT);
    }

    private int physical(int i) {
        return top() + i & 7;
    }

    boolean isEmpty(int i) {
        return (cpu.get8(StateBlock.X87_TAGS) >>> physical(i) & 1) == 0;
    }

    void free(int i) {
        int tags = cpu.get8(StateBlock.X87_TAGS) & ~(1 << physical(i));
        cpu.set8(StateBlock.X87_TAGS, tags);
    }

    /// Whether a push would find its register in use.
    boolean isFull() {
        return !isEmpty(7);
    }

    long significand(int i) {
        return SPACE.get(I64, cpu.x87Register(physical(i)));
    }

    int signExponent(int i) {
        return SPACE.get(I16, cpu.x87Register(physical(i)) + SIGN_EXPONENT) & 0xFFFF;
    }

    void set(int i, long significand, int signExponent) {
        int number = physical(i);
        long place = cpu.x87Register(number);
        SPACE.set(I64, place, significand);
        SPACE.set(I16, place + SIGN_EXPONENT, (short) signExponent);
        cpu.set8(StateBlock.X87_TAGS, cpu.get8(StateBlock.X87_TAGS) | 1 << number);
    }

    /// Sets what a register holds without making it valid.
    void setEmpty(int i, long significand, int signExponent) {
        long place = cpu.x87Register(physical(i));
        SPACE.set(I64, place, significand);
        SPACE.set(I16, place + SIGN_EXPONENT, (short) signExponent);
    }

    /// Sets a register to the last operation's result.
    void setResult(int i) {
        set(i, unit.significand, unit.signExponent);
    }

    void setIndefinite(int i) {
        set(i, Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT);
    }

    void push(long significand, int signExponent) {
        top(top() - 1);
        set(0, significand, signExponent);
    }

    void pushResult() {
        push(unit.significand, unit.signExponent);
    }

    void pushIndefinite() {
        push(Extended.INDEFINITE_SIGNIFICAND, Extended.INDEFINITE_SIGN_EXPONENT);
    }

    void pop() {
        free(0);
        top(top() + 1);
    }

    // MMX

    /// Takes the registers over for MMX: all valid, TOP zero. SDM Vol. 3A, Table "Effects of MMX
    /// Instructions on x87 FPU State".
    public void takeOverByMmx() {
        top(0);
        cpu.set8(StateBlock.X87_TAGS, 0xFF);
    }

    /// Writes an MMX register: sign and exponent become ones.
    public void setMmx(int number, long value) {
        takeOverByMmx();
        SPACE.set(I64, cpu.x87Register(number), value);
        SPACE.set(I16, cpu.x87Register(number) + SIGN_EXPONENT, (short) -1);
    }

    /// FINIT. SDM Vol. 3A, Table "IA-32 and Intel 64 Processor States Following Power-up".
    public void initialize() {
        cpu.set16(StateBlock.X87_CONTROL, ExtendedUnit.RESET_CONTROL);
        status(0);
        cpu.set8(StateBlock.X87_TAGS, 0);
        cpu.set16(StateBlock.X87_OPCODE, 0);
        cpu.set64(StateBlock.X87_IP, 0);
        cpu.set64(StateBlock.X87_DP, 0);
        cpu.set16(StateBlock.X87_CS, 0);
        cpu.set16(StateBlock.X87_DS, 0);
    }

    /// Control and status words from a saved image.
    public void restore(int controlWord, int statusWord) {
        cpu.set16(StateBlock.X87_CONTROL, controlWord & CONTROL_BITS | CONTROL_FIXED);
        status(statusWord);
    }
}
