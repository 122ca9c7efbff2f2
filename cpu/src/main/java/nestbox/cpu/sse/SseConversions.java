package nestbox.cpu.sse;

import static nestbox.platform.NativeSpace.I32;
import static nestbox.platform.NativeSpace.I64;
import static nestbox.platform.NativeSpace.SPACE;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.BinaryConversion;

/// Conversions whose source and destination have elements of different kinds.
final class SseConversions {
    /// An element of 64 bits (zero-extended from 32) to one of another kind.
    @FunctionalInterface
    interface Element {
        long convert(BinaryConversion conversion, long source);
    }

    private SseConversions() {}

    private static long get(long place, int bytes) {
        return bytes == 4 ? SPACE.get(I32, place) & 0xFFFF_FFFFL : SPACE.get(I64, place);
    }

    /// Two elements into two of another size; what is left of the destination becomes zero.
    static Semantic pair(int sourceBytes, int destinationBytes, Element op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long source = cpu.vectorSource(insn, 2 * sourceBytes, true);
            long low = op.convert(sse.conversion, get(source, sourceBytes));
            long high = op.convert(sse.conversion, get(source + sourceBytes, sourceBytes));
            sse.finish();
            storePair(cpu.vector(insn.reg), destinationBytes, low, high);
        };
    }

    private static void storePair(long place, int bytes, long low, long high) {
        if (bytes == 4) {
            SPACE.set(I64, place, low & 0xFFFF_FFFFL | high << 32);
            SPACE.set(I64, place + 8, 0L);
        } else {
            SPACE.set(I64, place, low);
            SPACE.set(I64, place + 8, high);
        }
    }

    /// CVTSS2SD and CVTSD2SS: the rest of the destination stays.
    static Semantic scalar(int sourceBytes, int destinationBytes, Element op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            long source = cpu.vectorSource(insn, sourceBytes, false);
            long value = op.convert(sse.conversion, get(source, sourceBytes));
            sse.finish();
            storeScalar(cpu.vector(insn.reg), destinationBytes, value);
        };
    }

    private static void storeScalar(long place, int bytes, long value) {
        if (bytes == 4) {
            SPACE.set(I32, place, (int) value);
        } else {
            SPACE.set(I64, place, value);
        }
    }

    /// CVTSI2SS and CVTSI2SD.
    static Semantic fromGeneral(int destinationBytes, Element op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            int unused = 64 - 8 * insn.sourceWidth;
            long value = cpu.loadRm(insn, insn.source, insn.sourceWidth) << unused >> unused;
            long converted = op.convert(sse.conversion, value);
            sse.finish();
            storeScalar(cpu.vector(insn.reg), destinationBytes, converted);
        };
    }

    static void cvtss2si(Cpu cpu, Insn insn) {
        int bits = singleSource(cpu, insn);
        long value = cpu.sse.conversion.toInteger32(bits, 8 * insn.width);
        cpu.sse.finish();
        cpu.set(insn.destination, insn.width, value);
    }

    static void cvttss2si(Cpu cpu, Insn insn) {
        int bits = singleSource(cpu, insn);
        long value = cpu.sse.conversion.toIntegerTruncating32(bits, 8 * insn.width);
        cpu.sse.finish();
        cpu.set(insn.destination, insn.width, value);
    }

    static void cvtsd2si(Cpu cpu, Insn insn) {
        long bits = doubleSource(cpu, insn);
        long value = cpu.sse.conversion.toInteger64(bits, 8 * insn.width);
        cpu.sse.finish();
        cpu.set(insn.destination, insn.width, value);
    }

    static void cvttsd2si(Cpu cpu, Insn insn) {
        long bits = doubleSource(cpu, insn);
        long value = cpu.sse.conversion.toIntegerTruncating64(bits, 8 * insn.width);
        cpu.sse.finish();
        cpu.set(insn.destination, insn.width, value);
    }

    private static int singleSource(Cpu cpu, Insn insn) {
        cpu.sse.begin();
        return SPACE.get(I32, cpu.vectorSource(insn, 4, false));
    }

    private static long doubleSource(Cpu cpu, Insn insn) {
        cpu.sse.begin();
        return SPACE.get(I64, cpu.vectorSource(insn, 8, false));
    }

    // MMX registers

    /// CVTPI2PS: the upper half of the destination stays.
    static void cvtpi2ps(Cpu cpu, Insn insn) {
        long source = mmxSource(cpu, insn);
        int low = cpu.sse.conversion.integerTo32((int) source);
        int high = cpu.sse.conversion.integerTo32(source >> 32);
        cpu.sse.finish();
        SPACE.set(I64, cpu.vector(insn.reg), low & 0xFFFF_FFFFL | (long) high << 32);
    }

    /// CVTPI2PD: with a memory operand, the x87 FPU isn't involved.
    static void cvtpi2pd(Cpu cpu, Insn insn) {
        long source;
        if (insn.isMemory) {
            cpu.sse.begin();
            source = cpu.load(insn, 8);
        } else {
            source = mmxSource(cpu, insn);
        }
        long low = cpu.sse.conversion.integerTo64((int) source);
        long high = cpu.sse.conversion.integerTo64(source >> 32);
        storePair(cpu.vector(insn.reg), 8, low, high);
    }

    private static long mmxSource(Cpu cpu, Insn insn) {
        cpu.sse.begin();
        cpu.fpu.checkError();
        long source = SPACE.get(I64, cpu.mmxSource(insn, 8));
        cpu.fpu.takeOverByMmx();
        return source;
    }

    /// CVTPS2PI and its kin: two elements into an MMX register. The x87 FPU is taken over even if
    /// an unmasked exception keeps the result back.
    static Semantic toMmx(int sourceBytes, Element op) {
        return (cpu, insn) -> {
            SseUnit sse = cpu.sse;
            sse.begin();
            cpu.fpu.checkError();
            long source = cpu.vectorSource(insn, 2 * sourceBytes, true);
            long low = op.convert(sse.conversion, get(source, sourceBytes));
            long high = op.convert(sse.conversion, get(source + sourceBytes, sourceBytes));
            cpu.fpu.takeOverByMmx();
            sse.finish();
            cpu.fpu.setMmx(insn.reg & 7, low & 0xFFFF_FFFFL | high << 32);
        };
    }
}
