package nestbox.cpu.sse;

import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.fp.BinaryConversion;
import nestbox.cpu.fp.BinaryUnit;
import nestbox.cpu.simd.VectorOperands;
import nestbox.x86.ControlBits;
import nestbox.x86.Vector;

/// The frame of an SSE floating-point instruction: whether it may run, under which MXCSR, and
/// which exceptions its elements raised together.
///
/// Results are gathered in [#result()] and copied to the destination after [#finish()], because an
/// unmasked exception in the last element keeps back the first as well. SDM Vol. 1, "Handling
/// SIMD Floating-Point Exceptions in Software".
public final class SseUnit {
    /// Bits of MXCSR that exist; others are #GP.
    public static final int MXCSR_MASK = 0xFFFF;

    private static final int RESULT = StateBlock.SCRATCH + 64;

    final BinaryUnit unit = new BinaryUnit();
    final BinaryConversion conversion = new BinaryConversion(unit);
    private final Cpu cpu;

    public SseUnit(Cpu cpu) {
        this.cpu = cpu;
    }

    /// For instructions that raise no floating-point exceptions.
    void check() {
        VectorOperands.checkSse(cpu);
    }

    /// Starts an instruction that may raise floating-point exceptions.
    void begin() {
        check();
        unit.begin(cpu.get32(StateBlock.MXCSR));
    }

    /// Reports exceptions in MXCSR; an unmasked one is #XM, or #UD if the operating system doesn't
    /// know that.
    void finish() {
        int raised = unit.raised();
        if (raised == 0) {
            return;
        }
        cpu.set32(StateBlock.MXCSR, cpu.get32(StateBlock.MXCSR) | raised);
        if (unit.unmasked() != 0) {
            boolean known = (cpu.cr4 & ControlBits.CR4_OSXMMEXCPT) != 0;
            throw cpu.fault(known ? Vector.XM : Vector.UD, 0);
        }
    }

    /// Where results are gathered, as an offset in the address space reservation.
    long result() {
        return cpu.base + RESULT;
    }

    /// Copies the gathered 16 bytes to a register.
    void deliver(long destination) {
        SPACE.set(I64, destination, SPACE.get(I64, result()));
        SPACE.set(I64, destination + 8, SPACE.get(I64, result() + 8));
    }
}
