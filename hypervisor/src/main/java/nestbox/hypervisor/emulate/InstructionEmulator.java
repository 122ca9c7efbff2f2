package nestbox.hypervisor.emulate;

import static nestbox.hypervisor.emulate.GuestState.*;

import nestbox.hypervisor.emulate.Instruction.Address;
import nestbox.platform.PortIo;
import nestbox.x86.Alu;
import nestbox.x86.Bits;
import nestbox.x86.Move;
import nestbox.x86.Op;
import nestbox.x86.Operand;
import nestbox.x86.RFlags;
import nestbox.x86.StringOp;
import nestbox.x86.vmx.AccessRights;
import nestbox.x86.vmx.VmcsField;

import java.util.function.Supplier;

/// Does the work of an instruction that accesses memory which L0 emulates.
///
/// Hardware tells that there was an access and where, not what it was to do, so the instruction is
/// decoded and carried out on the guest's registers and memory. What it raises is thrown before
/// anything is changed. An access outside RAM is one call of [GuestPhysical], except that one
/// across pages is split into bytes.
public final class InstructionEmulator {
    private final GuestLinear memory;
    private final GuestState guest;
    private final InstructionDecoder decoder;
    private final StringInstructions strings;

    private Instruction insn;

    public InstructionEmulator(GuestLinear memory) {
        this.memory = memory;
        guest = memory.guest();
        decoder = new InstructionDecoder(memory);
        strings = new StringInstructions(memory);
    }

    /// Carries out the instruction at the guest's RIP.
    ///
    /// @throws GuestException what the instruction raises
    public Emulated emulate() {
        return attempt(this::carryOut);
    }

    private Emulated carryOut() {
        insn = decoder.decode();
        Op op = insn.row().op();
        if (op instanceof StringOp string && string.compareTo(StringOp.INS) < 0) {
            return strings.run(string, insn);
        }
        // What has no operands accesses no memory: the guest has changed its code meanwhile.
        boolean done =
                !insn.row().operands().isEmpty()
                        && switch (op) {
                            case Move move -> moves(move);
                            case Alu alu -> calculates(alu);
                            case Bits bits -> testsBits(bits);
                            default -> false;
                        };
        return done
                ? new Emulated.Completed(insn.length())
                : new Emulated.Unsupported(insn.row().toString());
    }

    /// Carries out INS or OUTS after the VM exit that it caused. The processor has checked that the
    /// guest may access the port.
    ///
    /// @throws GuestException what the instruction raises
    public Emulated emulatePortString(PortIo ports) {
        return attempt(() -> strings.run(ports));
    }

    /// What has to wait for an answer leaves nothing half done behind.
    private Emulated attempt(Supplier<Emulated> instruction) {
        memory.attempt();
        try {
            return instruction.get();
        } catch (Attempts.Unanswered unanswered) {
            memory.takeBack();
            throw unanswered;
        } finally {
            memory.keep();
        }
    }

    // Families of operations

    private boolean moves(Move op) {
        switch (op) {
            case MOV, MOVZX -> store(0, load(1));
            case MOVSX, MOVSXD -> store(0, Widths.signExtend(load(1), insn.width(1)));
            case MOVBE -> store(0, Long.reverseBytes(load(1)) >>> 64 - 8 * insn.width(0));
            case XCHG -> {
                long old = loadForWrite(0);
                long value = load(1);
                store(0, value);
                store(1, old);
            }
            case CMOV -> {
                long value = load(1);
                store(0, conditionHolds() ? value : load(0));
            }
            case SETCC -> store(0, conditionHolds() ? 1 : 0);
            case PUSH -> push(load(0));
            case POP -> pop();
            case MOV_FROM_SREG -> {
                return storeSelector();
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    private boolean conditionHolds() {
        return Arithmetic.holds(insn.opcode() & 0xF, guest.flags());
    }

    private boolean storeSelector() {
        int number = insn.reg() & 7;
        if (number > GS) {
            throw GuestException.undefined();
        }
        if (insn.isMemory()) {
            long selector = guest.read(VmcsField.GUEST_ES_SELECTOR.plus(number));
            memory.write(address(2, Access.WRITE), 2, selector);
        }
        return insn.isMemory();
    }

    private boolean calculates(Alu op) {
        boolean carry = (guest.flags() & RFlags.CF) != 0;
        int width = insn.width(0);
        switch (op) {
            case ADD -> update(Arithmetic.add(loadForWrite(0), load(1), false, width));
            case ADC -> update(Arithmetic.add(loadForWrite(0), load(1), carry, width));
            case SUB -> update(Arithmetic.subtract(loadForWrite(0), load(1), false, width));
            case SBB -> update(Arithmetic.subtract(loadForWrite(0), load(1), carry, width));
            case AND -> update(Arithmetic.logic(loadForWrite(0) & load(1), width));
            case OR -> update(Arithmetic.logic(loadForWrite(0) | load(1), width));
            case XOR -> update(Arithmetic.logic(loadForWrite(0) ^ load(1), width));
            case CMP -> setFlags(Arithmetic.subtract(load(0), load(1), false, width));
            case TEST -> setFlags(Arithmetic.logic(load(0) & load(1), width));
            case INC -> {
                Arithmetic sum = Arithmetic.add(loadForWrite(0), 1, false, width);
                update(sum.withCarryOf(guest.flags()));
            }
            case DEC -> {
                Arithmetic difference = Arithmetic.subtract(loadForWrite(0), 1, false, width);
                update(difference.withCarryOf(guest.flags()));
            }
            case NEG -> update(Arithmetic.subtract(0, loadForWrite(0), false, width));
            case NOT -> store(0, ~loadForWrite(0));
            case XADD -> {
                long old = loadForWrite(0);
                update(Arithmetic.add(old, load(1), false, width));
                store(1, old);
            }
            case CMPXCHG -> compareAndExchange(width);
            case CMPXCHG8B -> compareAndExchangePair(insn.operandSize() == 8 ? 8 : 4);
            default -> {
                return false;
            }
        }
        return true;
    }

    private void update(Arithmetic result) {
        store(0, result.value());
        setFlags(result);
    }

    private void setFlags(Arithmetic result) {
        guest.statusFlags(result.flags());
    }

    /// The destination is written in any case. SDM Vol. 2A, "CMPXCHG—Compare and Exchange".
    private void compareAndExchange(int width) {
        long old = loadForWrite(0);
        Arithmetic difference = Arithmetic.subtract(guest.register(RAX), old, false, width);
        boolean equal = difference.isZero();
        store(0, equal ? load(1) : old);
        if (!equal) {
            guest.register(RAX, width, old);
        }
        setFlags(difference);
    }

    /// CMPXCHG8B and CMPXCHG16B.
    ///
    /// @param half the width of each of the four registers
    private void compareAndExchangePair(int half) {
        long low = address(2 * half, Access.WRITE);
        if (half == 8 && (low & 15) != 0) {
            throw GuestException.generalProtection();
        }
        long high = low + half;
        memory.checkWritable(low, half);
        memory.checkWritable(high, half);
        long oldLow = memory.read(low, half);
        long oldHigh = memory.read(high, half);
        long mask = Widths.mask(half);
        boolean equal =
                oldLow == (guest.register(RAX) & mask) && oldHigh == (guest.register(RDX) & mask);
        memory.write(low, half, equal ? guest.register(RBX) : oldLow);
        memory.write(high, half, equal ? guest.register(RCX) : oldHigh);
        long flags = guest.flags();
        guest.statusFlags(equal ? flags | RFlags.ZF : flags & ~RFlags.ZF);
        if (!equal) {
            guest.register(RAX, half, oldLow);
            guest.register(RDX, half, oldHigh);
        }
    }

    /// With a register as bit offset, the offset reaches beyond the operand. SDM Vol. 2A, "BT—Bit
    /// Test".
    private boolean testsBits(Bits op) {
        if (op.compareTo(Bits.BTC) > 0 || !insn.isMemory()) {
            return false;
        }
        int width = insn.width(0);
        boolean immediate = insn.operand(1) == Operand.Ib;
        long offset = immediate ? 0 : Widths.signExtend(load(1), width);
        long bit = 1L << ((immediate ? insn.immediate() : offset) & 8 * width - 1);
        long away = (offset >> Integer.numberOfTrailingZeros(8 * width)) * width;
        Access access = op == Bits.BT ? Access.READ : Access.WRITE;
        long at = linear(effectiveAddress() + away, width, access);
        long value = op == Bits.BT ? memory.read(at, width) : memory.readForWrite(at, width);
        switch (op) {
            case BTS -> memory.write(at, width, value | bit);
            case BTR -> memory.write(at, width, value & ~bit);
            case BTC -> memory.write(at, width, value ^ bit);
            default -> {}
        }
        long others = guest.flags() & ~RFlags.CF;
        guest.statusFlags((value & bit) != 0 ? others | RFlags.CF : others);
        return true;
    }

    // The stack

    private void push(long value) {
        long top = guest.register(RSP) - insn.operandSize();
        memory.write(stack(top, Access.WRITE), insn.operandSize(), value);
        guest.register(RSP, stackSize(), top);
    }

    /// RSP as base of the destination is used after the increment. SDM Vol. 2B, "POP".
    private void pop() {
        long before = guest.register(RSP);
        long value = memory.read(stack(before, Access.READ), insn.operandSize());
        guest.register(RSP, stackSize(), before + insn.operandSize());
        try {
            store(0, value);
        } catch (RuntimeException exception) {
            guest.register(RSP, before);
            throw exception;
        }
    }

    private long stack(long offset, Access access) {
        long masked = offset & Widths.mask(stackSize());
        return memory.linear(SS, masked, insn.operandSize(), access);
    }

    private int stackSize() {
        if (guest.is64Bit()) {
            return 8;
        }
        long rights = guest.read(VmcsField.GUEST_SS_ACCESS_RIGHTS);
        return (rights & AccessRights.DEFAULT_BIG) != 0 ? 4 : 2;
    }

    // Operands

    private long effectiveAddress() {
        Address address = insn.address();
        long base = address.base() < 0 ? 0 : guest.register(address.base());
        long index = address.index() < 0 ? 0 : guest.register(address.index());
        return base + (index << address.scale()) + address.displacement();
    }

    private long linear(long effective, int width, Access access) {
        long offset = effective & Widths.mask(insn.addressSize());
        return memory.linear(insn.address().segment(), offset, width, access);
    }

    private long address(int width, Access access) {
        return linear(effectiveAddress(), width, access);
    }

    private long load(int operand) {
        int width = insn.width(operand);
        return switch (insn.operand(operand).place()) {
            case RM, MEMORY ->
                    insn.isMemory()
                            ? memory.read(address(width, Access.READ), width)
                            : register(insn.rm(), width);
            case OFFSET -> memory.read(linear(insn.immediate(), width, Access.READ), width);
            case IMMEDIATE -> insn.immediate();
            default -> register(number(operand), width);
        };
    }

    /// Loads what is stored next, so that a fault comes before anything is changed.
    private long loadForWrite(int operand) {
        int width = insn.width(operand);
        return isInMemory(operand)
                ? memory.readForWrite(address(width, Access.WRITE), width)
                : load(operand);
    }

    private void store(int operand, long value) {
        int width = insn.width(operand);
        if (isInMemory(operand)) {
            memory.write(address(width, Access.WRITE), width, value);
        } else if (insn.operand(operand).place() == Operand.Place.OFFSET) {
            memory.write(linear(insn.immediate(), width, Access.WRITE), width, value);
        } else {
            register(number(operand), width, value);
        }
    }

    private boolean isInMemory(int operand) {
        Operand.Place place = insn.operand(operand).place();
        return insn.isMemory() && (place == Operand.Place.RM || place == Operand.Place.MEMORY);
    }

    /// The general register that an operand is.
    private int number(int operand) {
        return switch (insn.operand(operand).place()) {
            case RM, RM_REGISTER -> insn.rm();
            case REG -> insn.reg();
            case OPCODE -> insn.opcode() & 7 | (insn.rex() & 1) << 3;
            default -> RAX;
        };
    }

    private long register(int number, int width) {
        return isHighByte(number, width)
                ? guest.register(number - 4) >>> 8 & 0xFF
                : guest.register(number) & Widths.mask(width);
    }

    private void register(int number, int width, long value) {
        if (isHighByte(number, width)) {
            long others = guest.register(number - 4) & ~0xFF00L;
            guest.register(number - 4, others | (value & 0xFF) << 8);
        } else {
            guest.register(number, width, value);
        }
    }

    /// AH, CH, DH and BH.
    private boolean isHighByte(int number, int width) {
        return width == 1 && insn.rex() == 0 && number >= 4 && number < 8;
    }
}
