package nestbox.cpu.sse;

import nestbox.cpu.core.Semantic;
import nestbox.cpu.fp.BinaryConversion;
import nestbox.cpu.fp.BinaryUnit;
import nestbox.x86.Cpuid;
import nestbox.x86.FloatSimd;

/// The meaning of each SSE floating-point instruction.
public final class FloatSimdOperations {
    /// Both operands are 32 bits wide.
    @FunctionalInterface
    private interface Binary32 {
        int apply(BinaryUnit unit, int a, int b);
    }

    @FunctionalInterface
    private interface Binary64 {
        long apply(BinaryUnit unit, long a, long b);
    }

    private FloatSimdOperations() {}

    public static Semantic of(FloatSimd op) {
        Semantic semantic = semantic(op);
        return switch (op) {
            case ADDSUBPS, ADDSUBPD, HADDPS, HADDPD, HSUBPS, HSUBPD, MOVDDUP, MOVSHDUP, MOVSLDUP ->
                    requiring(Cpuid.SSE3, semantic);
            case DPPS,
                    DPPD,
                    ROUNDPS,
                    ROUNDPD,
                    ROUNDSS,
                    ROUNDSD,
                    BLENDPS,
                    BLENDPD,
                    BLENDVPS,
                    BLENDVPD,
                    INSERTPS,
                    EXTRACTPS ->
                    requiring(Cpuid.SSE4_1, semantic);
            default -> semantic;
        };
    }

    private static Semantic requiring(Cpuid feature, Semantic semantic) {
        return (cpu, insn) -> {
            if (!cpu.features.has(feature)) {
                throw cpu.undefined();
            }
            semantic.execute(cpu, insn);
        };
    }

    private static Semantic ps(Binary32 op) {
        return SseArithmetic.ps((sse, insn, a, b) -> op.apply(sse.unit, a, b));
    }

    private static Semantic pd(Binary64 op) {
        return SseArithmetic.pd((sse, insn, a, b) -> op.apply(sse.unit, a, b));
    }

    private static Semantic ss(Binary32 op) {
        return SseArithmetic.ss((sse, insn, a, b) -> op.apply(sse.unit, a, b));
    }

    private static Semantic sd(Binary64 op) {
        return SseArithmetic.sd((sse, insn, a, b) -> op.apply(sse.unit, a, b));
    }

    // spotless:off
    private static Semantic semantic(FloatSimd op) {
        return switch (op) {
            case ADDPS -> ps(BinaryUnit::add32);
            case ADDPD -> pd(BinaryUnit::add64);
            case ADDSS -> ss(BinaryUnit::add32);
            case ADDSD -> sd(BinaryUnit::add64);
            case SUBPS -> ps(BinaryUnit::subtract32);
            case SUBPD -> pd(BinaryUnit::subtract64);
            case SUBSS -> ss(BinaryUnit::subtract32);
            case SUBSD -> sd(BinaryUnit::subtract64);
            case MULPS -> ps(BinaryUnit::multiply32);
            case MULPD -> pd(BinaryUnit::multiply64);
            case MULSS -> ss(BinaryUnit::multiply32);
            case MULSD -> sd(BinaryUnit::multiply64);
            case DIVPS -> ps(BinaryUnit::divide32);
            case DIVPD -> pd(BinaryUnit::divide64);
            case DIVSS -> ss(BinaryUnit::divide32);
            case DIVSD -> sd(BinaryUnit::divide64);
            case MINPS -> ps(BinaryUnit::minimum32);
            case MINPD -> pd(BinaryUnit::minimum64);
            case MINSS -> ss(BinaryUnit::minimum32);
            case MINSD -> sd(BinaryUnit::minimum64);
            case MAXPS -> ps(BinaryUnit::maximum32);
            case MAXPD -> pd(BinaryUnit::maximum64);
            case MAXSS -> ss(BinaryUnit::maximum32);
            case MAXSD -> sd(BinaryUnit::maximum64);

            case SQRTPS -> ps((unit, a, b) -> unit.squareRoot32(b));
            case SQRTPD -> pd((unit, a, b) -> unit.squareRoot64(b));
            case SQRTSS -> ss((unit, a, b) -> unit.squareRoot32(b));
            case SQRTSD -> sd((unit, a, b) -> unit.squareRoot64(b));
            case RCPPS -> ps((unit, a, b) -> BinaryConversion.reciprocal32(b));
            case RCPSS -> ss((unit, a, b) -> BinaryConversion.reciprocal32(b));
            case RSQRTPS -> ps((unit, a, b) -> BinaryConversion.reciprocalSquareRoot32(b));
            case RSQRTSS -> ss((unit, a, b) -> BinaryConversion.reciprocalSquareRoot32(b));

            case ADDSUBPS -> SseArithmetic::addsubps;
            case ADDSUBPD -> SseArithmetic::addsubpd;
            case HADDPS ->
                    SseArithmetic.horizontalSingle((sse, insn, a, b) -> sse.unit.add32(a, b));
            case HADDPD ->
                    SseArithmetic.horizontalDouble((sse, insn, a, b) -> sse.unit.add64(a, b));
            case HSUBPS ->
                    SseArithmetic.horizontalSingle((sse, insn, a, b) -> sse.unit.subtract32(a, b));
            case HSUBPD ->
                    SseArithmetic.horizontalDouble((sse, insn, a, b) -> sse.unit.subtract64(a, b));
            case DPPS -> SseArithmetic::dpps;
            case DPPD -> SseArithmetic::dppd;
            case ROUNDPS ->
                    SseArithmetic.ps(
                            (sse, insn, a, b) ->
                                    sse.conversion.roundToInteger32(b, (int) insn.immediate));
            case ROUNDPD ->
                    SseArithmetic.pd(
                            (sse, insn, a, b) ->
                                    sse.conversion.roundToInteger64(b, (int) insn.immediate));
            case ROUNDSS ->
                    SseArithmetic.ss(
                            (sse, insn, a, b) ->
                                    sse.conversion.roundToInteger32(b, (int) insn.immediate));
            case ROUNDSD ->
                    SseArithmetic.sd(
                            (sse, insn, a, b) ->
                                    sse.conversion.roundToInteger64(b, (int) insn.immediate));

            case CMPPS -> SseArithmetic.ps(SseArithmetic::matches);
            case CMPPD -> SseArithmetic.pd(SseArithmetic::matches);
            case CMPSS -> SseArithmetic.ss(SseArithmetic::matches);
            case CMPSD -> SseArithmetic.sd(SseArithmetic::matches);
            case COMISS -> SseArithmetic.compareSingle(BinaryUnit::compare32);
            case COMISD -> SseArithmetic.compareDouble(BinaryUnit::compare64);
            case UCOMISS -> SseArithmetic.compareSingle(BinaryUnit::compareUnordered32);
            case UCOMISD -> SseArithmetic.compareDouble(BinaryUnit::compareUnordered64);

            case CVTDQ2PS -> SseArithmetic.ps((sse, insn, a, b) -> sse.conversion.integerTo32(b));
            case CVTPS2DQ ->
                    SseArithmetic.ps((sse, insn, a, b) -> (int) sse.conversion.toInteger32(b, 32));
            case CVTTPS2DQ ->
                    SseArithmetic.ps(
                            (sse, insn, a, b) -> (int) sse.conversion.toIntegerTruncating32(b, 32));
            case CVTDQ2PD -> SseConversions.pair(4, 8, (c, v) -> c.integerTo64((int) v));
            case CVTPD2DQ -> SseConversions.pair(8, 4, (c, v) -> c.toInteger64(v, 32));
            case CVTTPD2DQ -> SseConversions.pair(8, 4, (c, v) -> c.toIntegerTruncating64(v, 32));
            case CVTPS2PD -> SseConversions.pair(4, 8, (c, v) -> c.binary32To64((int) v));
            case CVTPD2PS -> SseConversions.pair(8, 4, (c, v) -> c.binary64To32(v));
            case CVTSS2SD -> SseConversions.scalar(4, 8, (c, v) -> c.binary32To64((int) v));
            case CVTSD2SS -> SseConversions.scalar(8, 4, (c, v) -> c.binary64To32(v));
            case CVTSI2SS -> SseConversions.fromGeneral(4, (c, v) -> c.integerTo32(v));
            case CVTSI2SD -> SseConversions.fromGeneral(8, (c, v) -> c.integerTo64(v));
            case CVTSS2SI -> SseConversions::cvtss2si;
            case CVTSD2SI -> SseConversions::cvtsd2si;
            case CVTTSS2SI -> SseConversions::cvttss2si;
            case CVTTSD2SI -> SseConversions::cvttsd2si;
            case CVTPI2PS -> SseConversions::cvtpi2ps;
            case CVTPI2PD -> SseConversions::cvtpi2pd;
            case CVTPS2PI -> SseConversions.toMmx(4, (c, v) -> c.toInteger32((int) v, 32));
            case CVTPD2PI -> SseConversions.toMmx(8, (c, v) -> c.toInteger64(v, 32));
            case CVTTPS2PI ->
                    SseConversions.toMmx(4, (c, v) -> c.toIntegerTruncating32((int) v, 32));
            case CVTTPD2PI -> SseConversions.toMmx(8, (c, v) -> c.toIntegerTruncating64(v, 32));

            case ANDPS -> SseMoves.logic((a, b) -> a & b);
            case ANDNPS -> SseMoves.logic((a, b) -> ~a & b);
            case ORPS -> SseMoves.logic((a, b) -> a | b);
            case XORPS -> SseMoves.logic((a, b) -> a ^ b);
            case SHUFPS -> SseMoves::shufps;
            case SHUFPD -> SseMoves::shufpd;
            case UNPCKLPS -> SseMoves.unpackSingle(0);
            case UNPCKHPS -> SseMoves.unpackSingle(8);
            case UNPCKLPD -> SseMoves.unpackDouble(0);
            case UNPCKHPD -> SseMoves.unpackDouble(8);
            case BLENDPS -> SseMoves::blendps;
            case BLENDPD -> SseMoves::blendpd;
            case BLENDVPS -> SseMoves::blendvps;
            case BLENDVPD -> SseMoves::blendvpd;
            case INSERTPS -> SseMoves::insertps;
            case EXTRACTPS -> SseMoves::extractps;
            case MOVDDUP -> SseMoves::movddup;
            case MOVSLDUP -> SseMoves.duplicate(0);
            case MOVSHDUP -> SseMoves.duplicate(4);
            case MOVMSKPS -> SseMoves::movmskps;
            case MOVMSKPD -> SseMoves::movmskpd;

            case MOVAPS_LOAD -> SseMoves.load(true);
            case MOVAPS_STORE -> SseMoves.store(true);
            case MOVUPS_LOAD -> SseMoves.load(false);
            case MOVUPS_STORE -> SseMoves.store(false);
            case MOVSS_LOAD -> SseMoves::movssLoad;
            case MOVSD_LOAD -> SseMoves::movsdLoad;
            case MOVSS_STORE -> SseMoves::movssStore;
            case MOVSD_STORE -> SseMoves::movsdStore;
            case MOVLPS_LOAD -> SseMoves.loadHalf(0);
            case MOVLPS_STORE -> SseMoves.storeHalf(0);
            case MOVHPS_LOAD -> SseMoves.loadHalf(8);
            case MOVHPS_STORE -> SseMoves.storeHalf(8);
            case MOVHLPS -> SseMoves.crossHalves(8, 0);
            case MOVLHPS -> SseMoves.crossHalves(0, 8);

            case LDMXCSR -> SseMoves::ldmxcsr;
            case STMXCSR -> SseMoves::stmxcsr;
        };
    }
    // spotless:on
}
