package nestbox.conformance.oracle;

import java.util.SplittableRandom;

/// Chooses how a memory operand is addressed, and sets the registers so that it lies where wanted.
///
/// SDM Vol. 2A, "Addressing-Mode Encoding of ModR/M and SIB Bytes".
final class Addressing {
    private static final int NO_BASE = 5;
    private static final int NO_INDEX = 4;

    /// Base and index of 16-bit addresses, by ModRM.rm: BX is 3, BP 5, SI 6, DI 7.
    private static final int[][] REGISTERS_16 = {
        {3, 6}, {3, 7}, {5, 6}, {5, 7}, {6}, {7}, {5}, {3},
    };

    private final SplittableRandom random;
    private final Encoding code;
    private final State state;
    private final int avoided;

    /// Registers that take part in the address, a bit each.
    private int registers;

    private Addressing(SplittableRandom random, Encoding code, State state, int avoided) {
        this.random = random;
        this.code = code;
        this.state = state;
        this.avoided = avoided;
    }

    private int register() {
        int register;
        do {
            register = random.nextInt(code.mode64 ? 16 : 8);
        } while ((avoided >> register & 1) != 0);
        return register;
    }

    /// @param linear where the operand is to lie; RIP and immediate are chosen already
    /// @param avoided registers that the address can't use, a bit each
    /// @return the registers that must not change any more, a bit each
    static int choose(
            SplittableRandom random, Encoding code, State state, long linear, int avoided) {
        Addressing addressing = new Addressing(random, code, state, avoided);
        addressing.choose(addressing.effective(linear));
        return addressing.registers;
    }

    /// 16-bit addressing, which reaches only unmapped addresses. SDM Vol. 2A, Table 2-1.
    ///
    /// @return where the operand lies
    static long choose16(SplittableRandom random, Encoding code, State state) {
        code.mod = random.nextInt(3);
        code.rm = random.nextInt(8);
        boolean direct = code.mod == 0 && code.rm == 6;
        code.displacementSize = direct ? 2 : code.mod;
        code.displacement = code.mod == 1 ? random.nextInt(-128, 128) : random.nextInt(0x10000);
        long address = code.displacementSize == 0 ? 0 : code.displacement;
        for (int register : direct ? new int[0] : REGISTERS_16[code.rm]) {
            address += state.gpr(register);
        }
        return address & 0xFFFF;
    }

    private long effective(long linear) {
        long base = segmentBase(code, state);
        long address = linear - base;
        if (code.mode64 && code.prefix67 && address >>> 32 != 0) {
            code.prefix67 = false;
        }
        return address;
    }

    static long segmentBase(Encoding code, State state) {
        return switch (code.segment) {
            case 0x64 -> state.fsBase();
            case 0x65 -> state.gsBase();
            default -> 0;
        };
    }

    private void choose(long address) {
        boolean done =
                switch (random.nextInt(8)) {
                    case 0 -> ripRelative(address);
                    case 1 -> absolute(address);
                    case 2, 3, 4 -> indexed(address);
                    default -> false;
                };
        if (!done) {
            based(address);
        }
    }

    private static boolean fitsInt(long value) {
        return value == (int) value;
    }

    private boolean ripRelative(long address) {
        code.mod = 0;
        code.rm = NO_BASE;
        code.displacementSize = 4;
        int length = code.bytes(random).length;
        long displacement = code.mode64 ? address - (state.rip() + length) : (int) address;
        if (!fitsInt(displacement)) {
            code.displacementSize = 0;
            return false;
        }
        code.displacement = displacement;
        return true;
    }

    private boolean absolute(long address) {
        long wanted = code.addressSize() == 4 ? (int) address : address;
        if (!fitsInt(wanted)) {
            return false;
        }
        code.mod = 0;
        useSib(NO_BASE, NO_INDEX, random.nextInt(4));
        code.rexX = false;
        code.displacementSize = 4;
        code.displacement = wanted;
        return true;
    }

    private void useSib(int base, int index, int scale) {
        code.rm = 4;
        code.sib = true;
        code.base = base;
        code.index = index;
        code.scale = scale;
    }

    /// An index, with or without a base.
    private boolean indexed(long address) {
        int index = register();
        if (index == Encoding.RSP) {
            return false;
        }
        int scale = random.nextInt(4);
        code.rexX = index >= 8;
        if (random.nextInt(4) == 0) {
            code.mod = 0;
            useSib(NO_BASE, index & 7, scale);
            code.displacementSize = 4;
            long rough = random.nextInt();
            code.displacement = (int) (rough + Math.floorMod(address - rough, 1L << scale));
            set(index, address - code.displacement >> scale);
            return true;
        }
        int base = register();
        if (base == index) {
            return false;
        }
        code.rexB = base >= 8;
        chooseDisplacement(base);
        useSib(base & 7, index & 7, scale);
        long value = random.nextBoolean() ? random.nextInt(-64, 64) : random.nextLong();
        set(index, value);
        set(base, address - code.displacement - (value << scale));
        return true;
    }

    private void based(long address) {
        int base = register();
        code.rexB = base >= 8;
        code.rm = base & 7;
        chooseDisplacement(base);
        if (code.rm == 4) {
            useSib(4, NO_INDEX, random.nextInt(4));
            code.rexX = false;
        }
        set(base, address - code.displacement);
    }

    private void chooseDisplacement(int base) {
        code.mod = random.nextInt((base & 7) == NO_BASE ? 1 : 0, 3);
        code.displacementSize = code.mod == 2 ? 4 : code.mod;
        code.displacement =
                switch (code.mod) {
                    case 0 -> 0;
                    case 1 -> random.nextInt(-128, 128);
                    default -> random.nextInt();
                };
    }

    private void set(int register, long value) {
        registers |= 1 << register;
        if (code.addressSize() == 4) {
            state.gpr(register, value & 0xFFFF_FFFFL | random.nextLong() << 32);
        } else {
            state.gpr(register, value);
        }
    }
}
