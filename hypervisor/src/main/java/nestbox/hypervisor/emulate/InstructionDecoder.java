package nestbox.hypervisor.emulate;

import nestbox.hypervisor.emulate.Instruction.Address;
import nestbox.platform.GuestMemory;
import nestbox.x86.OpcodeMap;
import nestbox.x86.OpcodeRow;
import nestbox.x86.OpcodeRow.Mandatory;
import nestbox.x86.OpcodeRow.Size64;
import nestbox.x86.Operand;
import nestbox.x86.vmx.VmcsField;

/// Decodes the instruction at the guest's RIP. SDM Vol. 2A, "Instruction Format".
///
/// Which encodings there are and what operands they have, the rows of [OpcodeMap] say, as for the
/// processor.
final class InstructionDecoder {
    private static final int MAX_LENGTH = 15;
    private static final int NONE = Instruction.NO_REGISTER;

    private final GuestLinear memory;
    private final GuestState guest;

    private long rip;
    private int length;

    /// Guest-physical address of the last byte that was read.
    private long fetchedFrom;

    private int codeSize;
    private boolean operandSizePrefix;
    private boolean addressSizePrefix;
    private boolean lock;
    private int repeat;
    private int segment;
    private int rex;
    private int modRm;
    private int operandSize;
    private int addressSize;

    InstructionDecoder(GuestLinear memory) {
        this.memory = memory;
        guest = memory.guest();
    }

    /// @throws GuestException #PF or #GP of the fetch, #UD of an undefined encoding
    Instruction decode() {
        rip = guest.read(VmcsField.GUEST_RIP);
        codeSize = guest.codeSize();
        length = 0;
        int opcode = prefixes();
        int map = 0;
        if (opcode == 0x0F) {
            opcode = next8();
            map = opcode == 0x38 ? 2 : opcode == 0x3A ? 3 : 1;
            opcode = map == 1 ? opcode : next8();
        }
        modRm = OpcodeMap.hasModRm(map, opcode) ? next8() : 0;
        OpcodeRow row = OpcodeMap.find(map, opcode, mandatory(), modRm, codeSize == 8);
        if (row == null) {
            throw GuestException.undefined();
        }
        sizes(row);
        Address address = address(row);
        long immediate = immediate(row);
        boolean ripRelative = row.hasModRm() && modRm >> 6 == 0 && (modRm & 7) == 5;
        if (ripRelative && codeSize == 8) {
            long from = rip + length;
            address = new Address(address.segment(), NONE, NONE, 0, address.displacement() + from);
        }
        Instruction insn =
                new Instruction(
                        row,
                        opcode,
                        length,
                        operandSize,
                        addressSize,
                        rex,
                        modRm,
                        address,
                        immediate,
                        lock,
                        repeat);
        if (lock && !(row.isLockable() && insn.isMemory())) {
            throw GuestException.undefined();
        }
        return insn;
    }

    /// Reads prefixes and returns the first opcode byte. REX counts only directly before it.
    private int prefixes() {
        operandSizePrefix = false;
        addressSizePrefix = false;
        lock = false;
        repeat = 0;
        segment = NONE;
        rex = 0;
        while (true) {
            int b = next8();
            int before = rex;
            rex = 0;
            switch (b) {
                case 0x66 -> operandSizePrefix = true;
                case 0x67 -> addressSizePrefix = true;
                case 0xF0 -> lock = true;
                case 0xF2, 0xF3 -> repeat = b;
                case 0x26, 0x2E, 0x36, 0x3E -> segment = codeSize == 8 ? segment : b >> 3 & 3;
                case 0x64, 0x65 -> segment = b & 7;
                default -> {
                    if (codeSize != 8 || (b & 0xF0) != 0x40) {
                        rex = before;
                        return b;
                    }
                    rex = b;
                }
            }
        }
    }

    private Mandatory mandatory() {
        return switch (repeat) {
            case 0xF2 -> Mandatory.PF2;
            case 0xF3 -> Mandatory.PF3;
            default -> operandSizePrefix ? Mandatory.P66 : Mandatory.NONE;
        };
    }

    private void sizes(OpcodeRow row) {
        boolean other = operandSizePrefix && row.mandatory() != Mandatory.P66;
        if (codeSize == 8) {
            boolean wide =
                    (rex & 8) != 0
                            || row.size64() == Size64.FORCED_64
                            || row.size64() == Size64.DEFAULT_64 && !other;
            operandSize = wide ? 8 : other ? 2 : 4;
            addressSize = addressSizePrefix ? 4 : 8;
        } else {
            operandSize = other ? 6 - codeSize : codeSize;
            addressSize = addressSizePrefix ? 6 - codeSize : codeSize;
        }
    }

    private Address address(OpcodeRow row) {
        if (!row.hasModRm() || modRm >= 0xC0) {
            return Address.of(segment == NONE ? GuestState.DS : segment);
        }
        return addressSize == 2 ? address16() : address32();
    }

    private Address in(int defaultSegment, int base, int index, int scale, long displacement) {
        int chosen = segment == NONE ? defaultSegment : segment;
        return new Address(chosen, base, index, scale, displacement);
    }

    /// SDM Vol. 2A, Table 2-1, "16-Bit Addressing Forms with the ModR/M Byte".
    private Address address16() {
        int mod = modRm >> 6;
        int rm = modRm & 7;
        boolean direct = mod == 0 && rm == 6;
        int base =
                switch (rm) {
                    case 0, 1, 7 -> GuestState.RBX;
                    case 4 -> GuestState.RSI;
                    case 5 -> GuestState.RDI;
                    default -> direct ? NONE : GuestState.RBP;
                };
        int index = rm > 3 ? NONE : (rm & 1) == 0 ? GuestState.RSI : GuestState.RDI;
        int displacement = mod == 1 ? (byte) next8() : mod == 2 || direct ? (short) next(2) : 0;
        int usual = base == GuestState.RBP ? GuestState.SS : GuestState.DS;
        return in(usual, base, index, 0, displacement);
    }

    /// SDM Vol. 2A, Tables 2-2 and 2-3.
    private Address address32() {
        int mod = modRm >> 6;
        int base = modRm & 7 | (rex & 1) << 3;
        int index = NONE;
        int scale = 0;
        if ((modRm & 7) == 4) {
            int sib = next8();
            scale = sib >> 6;
            index = sib >> 3 & 7 | (rex & 2) << 2;
            index = index == GuestState.RSP ? NONE : index;
            base = sib & 7 | (rex & 1) << 3;
        }
        boolean noBase = mod == 0 && (base & 7) == GuestState.RBP;
        int displacement = mod == 1 ? (byte) next8() : mod == 2 || noBase ? (int) next(4) : 0;
        boolean stack = !noBase && (base == GuestState.RSP || base == GuestState.RBP);
        int usual = stack ? GuestState.SS : GuestState.DS;
        return in(usual, noBase ? NONE : base, index, scale, displacement);
    }

    /// The immediate operand, or the offset that stands for an address.
    private long immediate(OpcodeRow row) {
        for (Operand operand : row.operands()) {
            int width = operand.width(operandSize);
            switch (operand.place()) {
                case IMMEDIATE -> {
                    long value = next(width);
                    return operand == Operand.Iw ? value : Widths.signExtend(value, width);
                }
                case OFFSET -> {
                    return next(addressSize);
                }
                default -> {}
            }
        }
        return 0;
    }

    private long next(int width) {
        long value = 0;
        for (int i = 0; i < width; i++) {
            value |= (long) next8() << 8 * i;
        }
        return value;
    }

    private int next8() {
        if (length == MAX_LENGTH) {
            throw GuestException.generalProtection();
        }
        long linear = memory.linear(GuestState.CS, rip + length, 1, Access.FETCH);
        boolean samePage = length > 0 && (linear & GuestMemory.PAGE_SIZE - 1) != 0;
        fetchedFrom = samePage ? fetchedFrom + 1 : memory.fetchAddress(linear);
        length++;
        return memory.fetched(fetchedFrom);
    }
}
