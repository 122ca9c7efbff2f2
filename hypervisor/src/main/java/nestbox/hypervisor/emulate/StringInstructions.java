package nestbox.hypervisor.emulate;

import static nestbox.hypervisor.emulate.GuestState.*;

import nestbox.platform.PortIo;
import nestbox.x86.RFlags;
import nestbox.x86.StringOp;
import nestbox.x86.vmx.InstructionInformation;
import nestbox.x86.vmx.IoQualification;
import nestbox.x86.vmx.PendingDebug;
import nestbox.x86.vmx.VmcsField;

/// String instructions, element by element. SDM Vol. 2B, "REP/REPE/REPZ/REPNE/REPNZ—Repeat String
/// Operation Prefix".
///
/// Registers are up to date after each element, so a fault or an interrupt may come between two.
final class StringInstructions {
    /// Iterations after which events are looked at.
    private static final int MOST = 256;

    private final GuestLinear memory;
    private final GuestState guest;

    StringInstructions(GuestLinear memory) {
        this.memory = memory;
        guest = memory.guest();
    }

    /// What all elements have in common.
    ///
    /// @param segment of the source
    /// @param width of an element in bytes
    private record Shape(int addressSize, int segment, int width, boolean repeated) {}

    /// One element.
    @FunctionalInterface
    private interface Element {
        /// @return whether the repetition ends with it, whatever the count
        boolean run();
    }

    Emulated run(StringOp op, Instruction insn) {
        int width = op == StringOp.MOVS || op == StringOp.STOS ? insn.width(0) : insn.width(1);
        Shape shape =
                new Shape(insn.addressSize(), insn.address().segment(), width, insn.isRepeated());
        Element element =
                switch (op) {
                    case MOVS -> () -> moves(shape);
                    case STOS -> () -> stores(shape);
                    case LODS -> () -> loads(shape);
                    case CMPS -> () -> compares(shape) == (insn.repeat() == Instruction.REPNE);
                    case SCAS -> () -> scans(shape) == (insn.repeat() == Instruction.REPNE);
                    case INS, OUTS, IN, OUT ->
                            throw new AssertionError(op + " is no memory access");
                };
        return repeat(shape, insn.length(), element);
    }

    /// INS and OUTS, from what the VM exit says of them.
    Emulated run(PortIo ports) {
        IoQualification io = IoQualification.of(guest.read(VmcsField.EXIT_QUALIFICATION));
        InstructionInformation information =
                InstructionInformation.of(guest.read(VmcsField.EXIT_INSTRUCTION_INFORMATION));
        int addressSize = 2 << information.addressSize();
        Shape shape = new Shape(addressSize, information.segment(), io.bytes(), io.repeated());
        Element element =
                io.input()
                        ? () -> inputs(shape, ports, io.port())
                        : () -> outputs(shape, ports, io.port());
        return repeat(shape, (int) guest.read(VmcsField.EXIT_INSTRUCTION_LENGTH), element);
    }

    private Emulated repeat(Shape shape, int length, Element element) {
        if (!shape.repeated) {
            element.run();
            return new Emulated.Completed(length);
        }
        boolean traps = (guest.flags() & RFlags.TF) != 0;
        for (int left = traps ? 1 : MOST; ; left--) {
            long count = guest.register(RCX) & Widths.mask(shape.addressSize);
            if (count == 0) {
                return new Emulated.Completed(length);
            }
            if (left == 0) {
                return interrupted(traps);
            }
            boolean ends = element.run();
            guest.register(RCX, shape.addressSize, count - 1);
            memory.iterated();
            if (ends || count == 1) {
                return new Emulated.Completed(length);
            }
        }
    }

    /// A single-step trap follows each iteration.
    private Emulated interrupted(boolean traps) {
        if (traps) {
            VmcsField field = VmcsField.GUEST_PENDING_DEBUG_EXCEPTIONS;
            guest.write(field, guest.read(field) | PendingDebug.BS);
        }
        return new Emulated.Interrupted();
    }

    private boolean moves(Shape shape) {
        long from = source(shape);
        long to = destination(shape, Access.WRITE);
        memory.checkWritable(to, shape.width);
        memory.write(to, shape.width, memory.read(from, shape.width));
        advance(shape, RSI);
        advance(shape, RDI);
        return false;
    }

    private boolean stores(Shape shape) {
        long to = destination(shape, Access.WRITE);
        memory.write(to, shape.width, guest.register(RAX));
        advance(shape, RDI);
        return false;
    }

    private boolean loads(Shape shape) {
        guest.register(RAX, shape.width, memory.read(source(shape), shape.width));
        advance(shape, RSI);
        return false;
    }

    /// @return whether they are equal
    private boolean compares(Shape shape) {
        long left = memory.read(source(shape), shape.width);
        long right = memory.read(destination(shape, Access.READ), shape.width);
        advance(shape, RSI);
        return compared(shape, left, right);
    }

    /// @return whether it is equal to the accumulator
    private boolean scans(Shape shape) {
        long right = memory.read(destination(shape, Access.READ), shape.width);
        return compared(shape, guest.register(RAX), right);
    }

    private boolean compared(Shape shape, long left, long right) {
        Arithmetic difference = Arithmetic.subtract(left, right, false, shape.width);
        guest.statusFlags(difference.flags());
        advance(shape, RDI);
        return difference.isZero();
    }

    /// A port read can't be taken back, so the store must not fault after it.
    private boolean inputs(Shape shape, PortIo ports, int port) {
        long to = destination(shape, Access.WRITE);
        memory.checkWritable(to, shape.width);
        memory.write(to, shape.width, ports.read(port, shape.width));
        advance(shape, RDI);
        return false;
    }

    private boolean outputs(Shape shape, PortIo ports, int port) {
        long value = memory.read(source(shape), shape.width);
        ports.write(port, shape.width, (int) value);
        advance(shape, RSI);
        return false;
    }

    private long source(Shape shape) {
        long offset = guest.register(RSI) & Widths.mask(shape.addressSize);
        return memory.linear(shape.segment, offset, shape.width, Access.READ);
    }

    private long destination(Shape shape, Access access) {
        long offset = guest.register(RDI) & Widths.mask(shape.addressSize);
        return memory.linear(ES, offset, shape.width, access);
    }

    private void advance(Shape shape, int register) {
        boolean down = (guest.flags() & RFlags.DF) != 0;
        long by = down ? -shape.width : shape.width;
        guest.register(register, shape.addressSize, guest.register(register) + by);
    }
}
