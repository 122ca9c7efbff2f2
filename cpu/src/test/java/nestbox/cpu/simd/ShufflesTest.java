package nestbox.cpu.simd;

import static nestbox.cpu.simd.Operands.DST;
import static nestbox.cpu.simd.Operands.SRC;
import static nestbox.cpu.simd.Operands.THIRD;
import static nestbox.cpu.simd.Operands.put;
import static nestbox.cpu.simd.Operands.signed;
import static nestbox.cpu.simd.Operands.unsigned;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

import java.util.function.LongBinaryOperator;
import java.util.stream.Stream;

/// Moves across lanes equal a plain loop over the lanes of each 128-bit (or MMX) part.
class ShufflesTest {
    private static final int ROUNDS = 2000;

    @FunctionalInterface
    interface Instruction {
        void execute(long dst, long src, int imm, int bytes);
    }

    /// One 8- or 16-byte part: destination and source before, destination after.
    @FunctionalInterface
    interface Part {
        void compute(byte[] a, byte[] b, int imm, byte[] result);
    }

    record Row(String name, int least, Instruction instruction, Part part) {
        @Override
        public String toString() {
            return name;
        }
    }

    private static Row row(String name, int least, Instruction instruction, Part part) {
        return new Row(name, least, instruction, part);
    }

    private static Row pack(
            String name, LongBinaryOperator op, int from, long least, long greatest) {
        int to = from / 2;
        return row(
                name,
                8,
                (d, s, imm, n) -> Packed.join(op, d, s, n),
                (a, b, imm, r) -> {
                    int count = a.length * 8 / from;
                    for (int i = 0; i < count; i++) {
                        put(r, to, i, Math.clamp(signed(a, from, i), least, greatest));
                        put(r, to, count + i, Math.clamp(signed(b, from, i), least, greatest));
                    }
                });
    }

    private static Row horizontal(
            String name, LongBinaryOperator op, int width, LongBinaryOperator lane) {
        return row(
                name,
                8,
                (d, s, imm, n) -> Packed.join(op, d, s, n),
                (a, b, imm, r) -> {
                    int count = a.length * 8 / width / 2;
                    for (int i = 0; i < count; i++) {
                        put(
                                r,
                                width,
                                i,
                                lane.applyAsLong(
                                        signed(a, width, 2 * i), signed(a, width, 2 * i + 1)));
                        put(
                                r,
                                width,
                                count + i,
                                lane.applyAsLong(
                                        signed(b, width, 2 * i), signed(b, width, 2 * i + 1)));
                    }
                });
    }

    private static Part unpacked(int width, boolean high) {
        return (a, b, imm, r) -> {
            int count = a.length * 8 / width / 2;
            for (int i = 0; i < count; i++) {
                int from = high ? count + i : i;
                put(r, width, 2 * i, signed(a, width, from));
                put(r, width, 2 * i + 1, signed(b, width, from));
            }
        };
    }

    static Stream<Row> rows() {
        LongBinaryOperator addSaturated = (x, y) -> Math.clamp(x + y, -32768L, 32767L);
        LongBinaryOperator subSaturated = (x, y) -> Math.clamp(x - y, -32768L, 32767L);
        LongBinaryOperator bytes = Pairs::interleaveBytes;
        LongBinaryOperator words = Pairs::interleaveWords;
        LongBinaryOperator dwords = Pairs::interleaveDwords;
        return Stream.of(
                pack("packsswb", Pairs::packsswb, 16, -128, 127),
                pack("packuswb", Pairs::packuswb, 16, 0, 255),
                pack("packssdw", Pairs::packssdw, 32, -32768, 32767),
                pack("packusdw", Pairs::packusdw, 32, 0, 65535),
                horizontal("phaddw", Pairs::phaddw, 16, Long::sum),
                horizontal("phaddd", Pairs::phaddd, 32, Long::sum),
                horizontal("phaddsw", Pairs::phaddsw, 16, addSaturated),
                horizontal("phsubw", Pairs::phsubw, 16, (x, y) -> x - y),
                horizontal("phsubd", Pairs::phsubd, 32, (x, y) -> x - y),
                horizontal("phsubsw", Pairs::phsubsw, 16, subSaturated),
                row(
                        "punpcklbw",
                        8,
                        (d, s, imm, n) -> Packed.unpackLow(bytes, d, s, n),
                        unpacked(8, false)),
                row(
                        "punpcklwd",
                        8,
                        (d, s, imm, n) -> Packed.unpackLow(words, d, s, n),
                        unpacked(16, false)),
                row(
                        "punpckldq",
                        8,
                        (d, s, imm, n) -> Packed.unpackLow(dwords, d, s, n),
                        unpacked(32, false)),
                row(
                        "punpcklqdq",
                        16,
                        (d, s, imm, n) -> Packed.punpcklqdq(d, s, n),
                        unpacked(64, false)),
                row(
                        "punpckhbw",
                        8,
                        (d, s, imm, n) -> Packed.unpackHigh(bytes, d, s, n),
                        unpacked(8, true)),
                row(
                        "punpckhwd",
                        8,
                        (d, s, imm, n) -> Packed.unpackHigh(words, d, s, n),
                        unpacked(16, true)),
                row(
                        "punpckhdq",
                        8,
                        (d, s, imm, n) -> Packed.unpackHigh(dwords, d, s, n),
                        unpacked(32, true)),
                row(
                        "punpckhqdq",
                        16,
                        (d, s, imm, n) -> Packed.punpckhqdq(d, s, n),
                        unpacked(64, true)),
                row("pshufb", 8, (d, s, imm, n) -> Shuffles.pshufb(d, s, n), ShufflesTest::pshufb),
                row("pshufw", 8, Shuffles::pshufw, ShufflesTest::pshufw),
                row("pshufd", 16, Shuffles::pshufd, ShufflesTest::pshufd),
                row("pshuflw", 16, Shuffles::pshuflw, ShufflesTest::pshuflw),
                row("pshufhw", 16, Shuffles::pshufhw, ShufflesTest::pshufhw),
                row("palignr", 8, Shuffles::palignr, ShufflesTest::palignr),
                row(
                        "psrldq",
                        16,
                        (d, s, imm, n) -> Shuffles.psrldq(d, imm, n),
                        ShufflesTest::psrldq),
                row(
                        "pslldq",
                        16,
                        (d, s, imm, n) -> Shuffles.pslldq(d, imm, n),
                        ShufflesTest::pslldq),
                row("pblendw", 16, Shuffles::pblendw, ShufflesTest::pblendw));
    }

    private static void pshufb(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < r.length; i++) {
            r[i] = b[i] < 0 ? 0 : a[b[i] & r.length - 1];
        }
    }

    private static void pshufw(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < r.length / 2; i++) {
            put(r, 16, i, signed(b, 16, (i & 4) + (imm >>> 2 * (i & 3) & 3)));
        }
    }

    private static void pshufd(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < 4; i++) {
            put(r, 32, i, signed(b, 32, imm >>> 2 * i & 3));
        }
    }

    private static void pshuflw(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < 4; i++) {
            put(r, 16, i, signed(b, 16, imm >>> 2 * i & 3));
            put(r, 16, 4 + i, signed(b, 16, 4 + i));
        }
    }

    private static void pshufhw(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < 4; i++) {
            put(r, 16, i, signed(b, 16, i));
            put(r, 16, 4 + i, signed(b, 16, 4 + (imm >>> 2 * i & 3)));
        }
    }

    private static void palignr(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < r.length; i++) {
            int from = i + imm;
            r[i] = from < r.length ? b[from] : from < 2 * r.length ? a[from - r.length] : 0;
        }
    }

    private static void psrldq(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < 16; i++) {
            r[i] = i + imm < 16 ? a[i + imm] : 0;
        }
    }

    private static void pslldq(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < 16; i++) {
            r[i] = i >= imm ? a[i - imm] : 0;
        }
    }

    private static void pblendw(byte[] a, byte[] b, int imm, byte[] r) {
        for (int i = 0; i < 8; i++) {
            put(r, 16, i, (imm >>> i & 1) != 0 ? signed(b, 16, i) : signed(a, 16, i));
        }
    }

    @ParameterizedTest
    @MethodSource("rows")
    void partsEqualPlainLoops(Row row) {
        Operands operands = new Operands(row.name.hashCode());
        for (int round = 0; round < ROUNDS; round++) {
            int bytes = Math.max(row.least, 8 << operands.below(3));
            boolean same = operands.below(4) == 0;
            long src = same ? DST : SRC;
            int imm = operands.below(2) == 0 ? operands.below(256) : operands.below(34);
            operands.fill(DST, 32);
            operands.fill(SRC, 32);
            byte[] expected = new byte[bytes];
            int size = Math.min(bytes, 16);
            for (int i = 0; i < bytes; i += size) {
                byte[] result = new byte[size];
                row.part.compute(
                        Operands.bytes(DST + i, size), Operands.bytes(src + i, size), imm, result);
                System.arraycopy(result, 0, expected, i, size);
            }

            row.instruction.execute(DST, src, imm, bytes);

            assertThat(Operands.bytes(DST, bytes)).as("imm %d", imm).isEqualTo(expected);
        }
    }

    @Test
    void pblendvbTakesBytesWhoseMaskIsNegative() {
        Operands operands = new Operands(1);
        for (int round = 0; round < ROUNDS; round++) {
            operands.fill(DST, 32);
            operands.fill(SRC, 32);
            operands.fill(THIRD, 32);
            byte[] a = Operands.bytes(DST, 32);
            byte[] b = Operands.bytes(SRC, 32);
            byte[] mask = Operands.bytes(THIRD, 32);
            for (int i = 0; i < 32; i++) {
                a[i] = mask[i] < 0 ? b[i] : a[i];
            }
            Shuffles.pblendvb(DST, SRC, THIRD, 32);
            assertThat(Operands.bytes(DST, 32)).isEqualTo(a);
        }
    }

    @FunctionalInterface
    interface Extension {
        void execute(long dst, long src, int bytes);
    }

    record Extend(String name, Extension op, int from, int to, boolean signed) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Extend> extensions() {
        return Stream.of(
                new Extend("pmovsxbw", Shuffles::pmovsxbw, 8, 16, true),
                new Extend("pmovsxbd", Shuffles::pmovsxbd, 8, 32, true),
                new Extend("pmovsxbq", Shuffles::pmovsxbq, 8, 64, true),
                new Extend("pmovsxwd", Shuffles::pmovsxwd, 16, 32, true),
                new Extend("pmovsxwq", Shuffles::pmovsxwq, 16, 64, true),
                new Extend("pmovsxdq", Shuffles::pmovsxdq, 32, 64, true),
                new Extend("pmovzxbw", Shuffles::pmovzxbw, 8, 16, false),
                new Extend("pmovzxbd", Shuffles::pmovzxbd, 8, 32, false),
                new Extend("pmovzxbq", Shuffles::pmovzxbq, 8, 64, false),
                new Extend("pmovzxwd", Shuffles::pmovzxwd, 16, 32, false),
                new Extend("pmovzxwq", Shuffles::pmovzxwq, 16, 64, false),
                new Extend("pmovzxdq", Shuffles::pmovzxdq, 32, 64, false));
    }

    @ParameterizedTest
    @MethodSource("extensions")
    void extensionKeepsTheNumberOfEveryLane(Extend row) {
        Operands operands = new Operands(row.name.hashCode());
        for (int round = 0; round < ROUNDS; round++) {
            int bytes = 16 << operands.below(2);
            long src = operands.below(4) == 0 ? DST : SRC;
            operands.fill(DST, 32);
            operands.fill(SRC, 32);
            byte[] b = Operands.bytes(src, 32);
            byte[] expected = new byte[bytes];
            for (int i = 0; i < bytes * 8 / row.to; i++) {
                put(
                        expected,
                        row.to,
                        i,
                        row.signed ? signed(b, row.from, i) : unsigned(b, row.from, i));
            }
            row.op.execute(DST, src, bytes);
            assertThat(Operands.bytes(DST, bytes)).isEqualTo(expected);
        }
    }

    @Test
    void phminposuwFindsTheFirstLeastWord() {
        Operands operands = new Operands(2);
        for (int round = 0; round < ROUNDS; round++) {
            long src = operands.below(4) == 0 ? DST : SRC;
            operands.fill(src, 16);
            byte[] b = Operands.bytes(src, 16);
            int position = 0;
            for (int i = 1; i < 8; i++) {
                position = unsigned(b, 16, i) < unsigned(b, 16, position) ? i : position;
            }
            byte[] expected = new byte[16];
            put(expected, 16, 0, unsigned(b, 16, position));
            put(expected, 16, 1, position);
            Shuffles.phminposuw(DST, src);
            assertThat(Operands.bytes(DST, 16)).isEqualTo(expected);
        }
    }

    @Test
    void mpsadbwSumsEightGroupsOfFourBytes() {
        Operands operands = new Operands(3);
        for (int round = 0; round < ROUNDS; round++) {
            int imm = operands.below(256);
            long src = operands.below(4) == 0 ? DST : SRC;
            operands.fill(DST, 32);
            operands.fill(SRC, 32);
            byte[] a = Operands.bytes(DST, 32);
            byte[] b = Operands.bytes(src, 32);
            byte[] expected = new byte[32];
            for (int i = 0; i < 16; i++) {
                int part = i / 8;
                int choice = imm >>> 3 * part;
                int sum = 0;
                for (int k = 0; k < 4; k++) {
                    int x = a[16 * part + (choice & 4) + i % 8 + k] & 0xff;
                    int y = b[16 * part + 4 * (choice & 3) + k] & 0xff;
                    sum += Math.abs(x - y);
                }
                put(expected, 16, i, sum);
            }
            Shuffles.mpsadbw(DST, src, imm, 32);
            assertThat(Operands.bytes(DST, 32)).isEqualTo(expected);
        }
    }

    @Test
    void byteSignsGathersTheHighestBitOfEachByte() {
        Operands operands = new Operands(4);
        for (int round = 0; round < ROUNDS; round++) {
            long a = operands.word();
            int expected = 0;
            for (int i = 0; i < 8; i++) {
                expected |= (int) (a >>> 8 * i + 7 & 1) << i;
            }
            assertThat(Lanes.byteSigns(a)).isEqualTo(expected);
        }
    }
}
