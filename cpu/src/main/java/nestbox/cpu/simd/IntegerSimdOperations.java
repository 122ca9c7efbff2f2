package nestbox.cpu.simd;

import nestbox.cpu.core.Semantic;
import nestbox.x86.Cpuid;
import nestbox.x86.IntegerSimd;

import java.util.function.LongBinaryOperator;

/// The meaning of each integer SIMD operation: what happens to the lanes, and the shape of
/// instruction around it.
public final class IntegerSimdOperations {
    /// An operation on whole registers, 8 (MMX), 16 or more bytes.
    @FunctionalInterface
    interface Operation {
        void apply(long dst, long src, int bytes);
    }

    /// The same with an immediate, 0 to 255.
    @FunctionalInterface
    interface ImmediateOperation {
        void apply(long dst, long src, int immediate, int bytes);
    }

    /// An operation that exists for 128 bits only.
    @FunctionalInterface
    interface BlockOperation {
        void apply(long dst, long src);
    }

    private static final int IMPLICIT_MASK_REGISTER = 0;

    private IntegerSimdOperations() {}

    // Shapes

    private static Semantic lanes(LongBinaryOperator op) {
        return (cpu, insn) -> {
            VectorOperands.check(cpu, insn.width);
            long src = VectorOperands.source(cpu, insn);
            Packed.lanes(
                    op, VectorOperands.destination(cpu, insn.reg, insn.width), src, insn.width);
        };
    }

    private static Semantic shift(LongBinaryOperator op) {
        return (cpu, insn) -> {
            VectorOperands.check(cpu, insn.width);
            long count = Packed.load(VectorOperands.source(cpu, insn));
            Packed.shift(
                    op, VectorOperands.destination(cpu, insn.reg, insn.width), count, insn.width);
        };
    }

    /// The destination is named by ModRM.rm: groups 12 to 14.
    private static Semantic shiftImmediate(LongBinaryOperator op) {
        return shiftWhole((dst, count, bytes) -> Packed.shift(op, dst, count, bytes));
    }

    private static Semantic shiftWhole(Operation op) {
        return (cpu, insn) -> {
            VectorOperands.check(cpu, insn.width);
            long dst = VectorOperands.destination(cpu, insn.rm, insn.width);
            op.apply(dst, insn.immediate & 0xFF, insn.width);
        };
    }

    private static Semantic whole(Operation op) {
        return (cpu, insn) -> {
            VectorOperands.check(cpu, insn.width);
            long src = VectorOperands.source(cpu, insn);
            op.apply(VectorOperands.destination(cpu, insn.reg, insn.width), src, insn.width);
        };
    }

    private static Semantic join(LongBinaryOperator op) {
        return whole((dst, src, bytes) -> Packed.join(op, dst, src, bytes));
    }

    private static Semantic unpackLow(LongBinaryOperator interleave) {
        return whole((dst, src, bytes) -> Packed.unpackLow(interleave, dst, src, bytes));
    }

    private static Semantic unpackHigh(LongBinaryOperator interleave) {
        return whole((dst, src, bytes) -> Packed.unpackHigh(interleave, dst, src, bytes));
    }

    private static Semantic immediate(ImmediateOperation op) {
        return (cpu, insn) -> {
            VectorOperands.check(cpu, insn.width);
            long src = VectorOperands.source(cpu, insn);
            long dst = VectorOperands.destination(cpu, insn.reg, insn.width);
            op.apply(dst, src, (int) insn.immediate & 0xFF, insn.width);
        };
    }

    private static Semantic block(BlockOperation op) {
        return whole((dst, src, bytes) -> op.apply(dst, src));
    }

    private static Semantic pblendvb() {
        return (cpu, insn) -> {
            VectorOperands.checkSse(cpu);
            long src = VectorOperands.source(cpu, insn);
            long mask = cpu.vector(IMPLICIT_MASK_REGISTER);
            Shuffles.pblendvb(cpu.vector(insn.reg), src, mask, insn.width);
        };
    }

    /// What an operation does to a processor.
    public static Semantic of(IntegerSimd op) {
        Semantic semantic = meaning(op);
        Cpuid feature = op.feature();
        if (feature == Cpuid.SSE2) {
            return semantic;
        }
        return (cpu, insn) -> {
            if (!cpu.features.has(feature)) {
                throw cpu.undefined();
            }
            semantic.execute(cpu, insn);
        };
    }

    // spotless:off
    private static Semantic meaning(IntegerSimd op) {
        return switch (op) {
            case PADDB -> lanes(Lanes::paddb);
            case PADDW -> lanes(Lanes::paddw);
            case PADDD -> lanes(Lanes::paddd);
            case PADDQ -> lanes(Lanes::paddq);
            case PADDSB -> lanes(Lanes::paddsb);
            case PADDSW -> lanes(Lanes::paddsw);
            case PADDUSB -> lanes(Lanes::paddusb);
            case PADDUSW -> lanes(Lanes::paddusw);
            case PSUBB -> lanes(Lanes::psubb);
            case PSUBW -> lanes(Lanes::psubw);
            case PSUBD -> lanes(Lanes::psubd);
            case PSUBQ -> lanes(Lanes::psubq);
            case PSUBSB -> lanes(Lanes::psubsb);
            case PSUBSW -> lanes(Lanes::psubsw);
            case PSUBUSB -> lanes(Lanes::psubusb);
            case PSUBUSW -> lanes(Lanes::psubusw);
            case PAVGB -> lanes(Lanes::pavgb);
            case PAVGW -> lanes(Lanes::pavgw);
            case PABSB -> lanes(Lanes::pabsb);
            case PABSW -> lanes(Lanes::pabsw);
            case PABSD -> lanes(Lanes::pabsd);
            case PSIGNB -> lanes(Lanes::psignb);
            case PSIGNW -> lanes(Lanes::psignw);
            case PSIGND -> lanes(Lanes::psignd);

            case PCMPEQB -> lanes(Lanes::pcmpeqb);
            case PCMPEQW -> lanes(Lanes::pcmpeqw);
            case PCMPEQD -> lanes(Lanes::pcmpeqd);
            case PCMPEQQ -> lanes(Lanes::pcmpeqq);
            case PCMPGTB -> lanes(Lanes::pcmpgtb);
            case PCMPGTW -> lanes(Lanes::pcmpgtw);
            case PCMPGTD -> lanes(Lanes::pcmpgtd);
            case PCMPGTQ -> lanes(Lanes::pcmpgtq);
            case PMINUB -> lanes(Lanes::pminub);
            case PMINUW -> lanes(Lanes::pminuw);
            case PMINUD -> lanes(Lanes::pminud);
            case PMINSB -> lanes(Lanes::pminsb);
            case PMINSW -> lanes(Lanes::pminsw);
            case PMINSD -> lanes(Lanes::pminsd);
            case PMAXUB -> lanes(Lanes::pmaxub);
            case PMAXUW -> lanes(Lanes::pmaxuw);
            case PMAXUD -> lanes(Lanes::pmaxud);
            case PMAXSB -> lanes(Lanes::pmaxsb);
            case PMAXSW -> lanes(Lanes::pmaxsw);
            case PMAXSD -> lanes(Lanes::pmaxsd);
            case PAND -> lanes(Lanes::pand);
            case PANDN -> lanes(Lanes::pandn);
            case POR -> lanes(Lanes::por);
            case PXOR -> lanes(Lanes::pxor);

            case PMULLW -> lanes(Products::pmullw);
            case PMULHW -> lanes(Products::pmulhw);
            case PMULHUW -> lanes(Products::pmulhuw);
            case PMULHRSW -> lanes(Products::pmulhrsw);
            case PMULLD -> lanes(Products::pmulld);
            case PMULDQ -> lanes(Products::pmuldq);
            case PMULUDQ -> lanes(Products::pmuludq);
            case PMADDWD -> lanes(Products::pmaddwd);
            case PMADDUBSW -> lanes(Products::pmaddubsw);
            case PSADBW -> lanes(Products::psadbw);

            case PSLLW -> shift(Shifts::psllw);
            case PSLLD -> shift(Shifts::pslld);
            case PSLLQ -> shift(Shifts::psllq);
            case PSRLW -> shift(Shifts::psrlw);
            case PSRLD -> shift(Shifts::psrld);
            case PSRLQ -> shift(Shifts::psrlq);
            case PSRAW -> shift(Shifts::psraw);
            case PSRAD -> shift(Shifts::psrad);
            case PSLLW_IMM -> shiftImmediate(Shifts::psllw);
            case PSLLD_IMM -> shiftImmediate(Shifts::pslld);
            case PSLLQ_IMM -> shiftImmediate(Shifts::psllq);
            case PSRLW_IMM -> shiftImmediate(Shifts::psrlw);
            case PSRLD_IMM -> shiftImmediate(Shifts::psrld);
            case PSRLQ_IMM -> shiftImmediate(Shifts::psrlq);
            case PSRAW_IMM -> shiftImmediate(Shifts::psraw);
            case PSRAD_IMM -> shiftImmediate(Shifts::psrad);
            case PSLLDQ ->
                    shiftWhole((dst, count, bytes) -> Shuffles.pslldq(dst, (int) count, bytes));
            case PSRLDQ ->
                    shiftWhole((dst, count, bytes) -> Shuffles.psrldq(dst, (int) count, bytes));

            case PACKSSWB -> join(Pairs::packsswb);
            case PACKUSWB -> join(Pairs::packuswb);
            case PACKSSDW -> join(Pairs::packssdw);
            case PACKUSDW -> join(Pairs::packusdw);
            case PHADDW -> join(Pairs::phaddw);
            case PHADDD -> join(Pairs::phaddd);
            case PHADDSW -> join(Pairs::phaddsw);
            case PHSUBW -> join(Pairs::phsubw);
            case PHSUBD -> join(Pairs::phsubd);
            case PHSUBSW -> join(Pairs::phsubsw);
            case PUNPCKLBW -> unpackLow(Pairs::interleaveBytes);
            case PUNPCKLWD -> unpackLow(Pairs::interleaveWords);
            case PUNPCKLDQ -> unpackLow(Pairs::interleaveDwords);
            case PUNPCKLQDQ -> whole(Packed::punpcklqdq);
            case PUNPCKHBW -> unpackHigh(Pairs::interleaveBytes);
            case PUNPCKHWD -> unpackHigh(Pairs::interleaveWords);
            case PUNPCKHDQ -> unpackHigh(Pairs::interleaveDwords);
            case PUNPCKHQDQ -> whole(Packed::punpckhqdq);
            case PSHUFB -> whole(Shuffles::pshufb);
            case PSHUFW -> immediate(Shuffles::pshufw);
            case PSHUFD -> immediate(Shuffles::pshufd);
            case PSHUFLW -> immediate(Shuffles::pshuflw);
            case PSHUFHW -> immediate(Shuffles::pshufhw);
            case PALIGNR -> immediate(Shuffles::palignr);
            case PBLENDW -> immediate(Shuffles::pblendw);
            case PBLENDVB -> pblendvb();
            case PMOVSXBW -> whole(Shuffles::pmovsxbw);
            case PMOVSXBD -> whole(Shuffles::pmovsxbd);
            case PMOVSXBQ -> whole(Shuffles::pmovsxbq);
            case PMOVSXWD -> whole(Shuffles::pmovsxwd);
            case PMOVSXWQ -> whole(Shuffles::pmovsxwq);
            case PMOVSXDQ -> whole(Shuffles::pmovsxdq);
            case PMOVZXBW -> whole(Shuffles::pmovzxbw);
            case PMOVZXBD -> whole(Shuffles::pmovzxbd);
            case PMOVZXBQ -> whole(Shuffles::pmovzxbq);
            case PMOVZXWD -> whole(Shuffles::pmovzxwd);
            case PMOVZXWQ -> whole(Shuffles::pmovzxwq);
            case PMOVZXDQ -> whole(Shuffles::pmovzxdq);
            case PHMINPOSUW -> block(Shuffles::phminposuw);
            case MPSADBW -> immediate(Shuffles::mpsadbw);

            case AESENC -> block(Aes::aesenc);
            case AESENCLAST -> block(Aes::aesenclast);
            case AESDEC -> block(Aes::aesdec);
            case AESDECLAST -> block(Aes::aesdeclast);
            case AESIMC -> block(Aes::aesimc);
            case AESKEYGENASSIST ->
                    immediate((dst, src, imm, bytes) -> Aes.aeskeygenassist(dst, src, imm));
            case PCLMULQDQ ->
                    immediate((dst, src, imm, bytes) -> Polynomials.pclmulqdq(dst, src, imm));

            case MOVD_LOAD -> VectorMoves::movdLoad;
            case MOVD_STORE -> VectorMoves::movdStore;
            case MOVQ_LOAD -> VectorMoves::movqLoad;
            case MOVQ_STORE -> VectorMoves::movqStore;
            case MOVDQA_LOAD -> VectorMoves::movdqaLoad;
            case MOVDQA_STORE -> VectorMoves::movdqaStore;
            case MOVDQU_LOAD, LDDQU -> VectorMoves::movdquLoad;
            case MOVDQU_STORE -> VectorMoves::movdquStore;
            case MOVNTDQA -> VectorMoves::movdqaLoad;
            case MOVNTDQ -> VectorMoves::movdqaStore;
            case MOVNTQ -> VectorMoves::movqStore;
            case MOVQ2DQ -> VectorMoves::movq2dq;
            case MOVDQ2Q -> VectorMoves::movdq2q;
            case MASKMOV -> VectorMoves::maskmov;
            case PMOVMSKB -> VectorMoves::pmovmskb;
            case PINSRB -> VectorMoves::pinsrb;
            case PINSRW -> VectorMoves::pinsrw;
            case PINSRD -> VectorMoves::pinsrd;
            case PEXTRB -> VectorMoves::pextrb;
            case PEXTRW -> VectorMoves::pextrw;
            case PEXTRW_REG -> VectorMoves::pextrwFromRm;
            case PEXTRD -> VectorMoves::pextrd;
            case EMMS -> VectorOperands::emms;

            case PTEST -> ScalarResults::ptest;
            case PCMPESTRI -> ScalarResults::pcmpestri;
            case PCMPESTRM -> ScalarResults::pcmpestrm;
            case PCMPISTRI -> ScalarResults::pcmpistri;
            case PCMPISTRM -> ScalarResults::pcmpistrm;
            case CRC32 -> ScalarResults::crc32;
        };
    }
    // spotless:on
}
