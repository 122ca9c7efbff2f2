package nestbox.cpu.xsave;

import static nestbox.platform.NativeSpace.I16;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.StateBlock;
import nestbox.cpu.fp.BinaryUnit;
import nestbox.cpu.fp.ExtendedUnit;
import nestbox.x86.ControlBits;
import nestbox.x86.Cpuid;
import nestbox.x86.Msr;

/// A state component as the XSAVE feature set knows it: its bit, its place, and how it is saved,
/// restored and initialized.
///
/// XINUSE is computed from what the registers hold, rather than tracked, so that it doesn't depend
/// on history. SDM Vol. 1, "XSAVE-Supported Features and State-Component Bitmaps".
enum Component {
    X87(ControlBits.XCR0_X87, 0) {
        @Override
        boolean inUse(Cpu cpu) {
            long status = cpu.get16(StateBlock.X87_STATUS) | cpu.get16(StateBlock.X87_OPCODE);
            long pointers = cpu.get64(StateBlock.X87_IP) | cpu.get64(StateBlock.X87_DP);
            long selectors = cpu.get16(StateBlock.X87_CS) | cpu.get16(StateBlock.X87_DS);
            long registers = cpu.get8(StateBlock.X87_TAGS);
            for (int i = 0; i < 8; i++) {
                long register = cpu.x87Register(i);
                registers |= SPACE.get(I64, register) | SPACE.get(I16, register + 8);
            }
            return cpu.get16(StateBlock.X87_CONTROL) != ExtendedUnit.RESET_CONTROL
                    || (status | pointers | selectors | registers) != 0;
        }

        @Override
        void save(Cpu cpu, int segment, long area, long at, boolean wide) {
            LegacyRegion.saveX87(cpu, segment, area, wide);
        }

        @Override
        void restore(Cpu cpu, int segment, long area, long at, boolean wide) {
            LegacyRegion.restoreX87(cpu, segment, area, wide);
        }

        @Override
        void initialize(Cpu cpu) {
            cpu.fpu.initialize();
            for (int i = 0; i < 8; i++) {
                SPACE.set(I64, cpu.x87Register(i), 0L);
                SPACE.set(I16, cpu.x87Register(i) + 8, (short) 0);
            }
        }
    },

    /// XMM0 to XMM15. MXCSR has rules of its own.
    SSE(ControlBits.XCR0_SSE, 0) {
        @Override
        boolean inUse(Cpu cpu) {
            return isAnySet(cpu, 0);
        }

        @Override
        void save(Cpu cpu, int segment, long area, long at, boolean wide) {
            LegacyRegion.saveXmm(cpu, segment, area);
        }

        @Override
        void restore(Cpu cpu, int segment, long area, long at, boolean wide) {
            LegacyRegion.restoreXmm(cpu, segment, area);
        }

        @Override
        void initialize(Cpu cpu) {
            clear(cpu, 0);
        }
    },

    /// The upper halves of YMM0 to YMM15.
    AVX(ControlBits.XCR0_AVX, 256) {
        @Override
        boolean inUse(Cpu cpu) {
            return isAnySet(cpu, UPPER_HALF);
        }

        @Override
        void save(Cpu cpu, int segment, long area, long at, boolean wide) {
            for (int i = 0; i < LegacyRegion.vectorRegisters(cpu); i++) {
                long half = cpu.vector(i) + UPPER_HALF;
                cpu.write64(segment, at + 16 * i, SPACE.get(I64, half));
                cpu.write64(segment, at + 16 * i + 8, SPACE.get(I64, half + 8));
            }
        }

        @Override
        void restore(Cpu cpu, int segment, long area, long at, boolean wide) {
            for (int i = 0; i < LegacyRegion.vectorRegisters(cpu); i++) {
                long half = cpu.vector(i) + UPPER_HALF;
                SPACE.set(I64, half, cpu.read64(segment, at + 16 * i));
                SPACE.set(I64, half + 8, cpu.read64(segment, at + 16 * i + 8));
            }
        }

        @Override
        void initialize(Cpu cpu) {
            clear(cpu, UPPER_HALF);
        }
    },

    /// Hardware duty cycling: IA32_PM_CTL1.
    HDC(ControlBits.XSS_HDC, 8) {
        private static final long INITIAL = 1;

        @Override
        boolean inUse(Cpu cpu) {
            return cpu.features.has(Cpuid.HDC)
                    && cpu.msrs.read(Msr.IA32_PM_CTL1.number()) != INITIAL;
        }

        @Override
        void save(Cpu cpu, int segment, long area, long at, boolean wide) {
            cpu.write64(segment, at, cpu.msrs.read(Msr.IA32_PM_CTL1.number()));
        }

        @Override
        void restore(Cpu cpu, int segment, long area, long at, boolean wide) {
            cpu.msrs.write(Msr.IA32_PM_CTL1.number(), cpu.read64(segment, at));
        }

        @Override
        void initialize(Cpu cpu) {
            cpu.msrs.write(Msr.IA32_PM_CTL1.number(), INITIAL);
        }
    };

    static final Component[] ALL = values();

    private static final int UPPER_HALF = 16;

    final long bit;

    /// Bytes beyond the legacy region and the header.
    final int size;

    Component(long bit, int size) {
        this.bit = bit;
        this.size = size;
    }

    /// Whether it differs from its initial configuration.
    abstract boolean inUse(Cpu cpu);

    /// @param area linear address of the XSAVE area
    /// @param at linear address of this component, if it isn't in the legacy region
    abstract void save(Cpu cpu, int segment, long area, long at, boolean wide);

    abstract void restore(Cpu cpu, int segment, long area, long at, boolean wide);

    abstract void initialize(Cpu cpu);

    /// XINUSE.
    static long allInUse(Cpu cpu) {
        long bits = 0;
        for (Component component : ALL) {
            if (component.inUse(cpu)) {
                bits |= component.bit;
            }
        }
        return bits;
    }

    static boolean isMxcsrInitial(Cpu cpu) {
        return cpu.get32(StateBlock.MXCSR) == BinaryUnit.RESET_MXCSR;
    }

    private static boolean isAnySet(Cpu cpu, int offset) {
        long bits = 0;
        for (int i = 0; i < LegacyRegion.vectorRegisters(cpu); i++) {
            long half = cpu.vector(i) + offset;
            bits |= SPACE.get(I64, half) | SPACE.get(I64, half + 8);
        }
        return bits != 0;
    }

    private static void clear(Cpu cpu, int offset) {
        for (int i = 0; i < LegacyRegion.vectorRegisters(cpu); i++) {
            long half = cpu.vector(i) + offset;
            SPACE.set(I64, half, 0L);
            SPACE.set(I64, half + 8, 0L);
        }
    }
}
