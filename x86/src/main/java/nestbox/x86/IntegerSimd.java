package nestbox.x86;

import static nestbox.x86.Cpuid.AESNI;
import static nestbox.x86.Cpuid.SSE2;
import static nestbox.x86.Cpuid.SSE3;
import static nestbox.x86.Cpuid.SSE4_1;
import static nestbox.x86.Cpuid.SSE4_2;
import static nestbox.x86.Cpuid.SSSE3;

/// MMX instructions and the integer part of SSE to SSE4.2, with AES, PCLMULQDQ and CRC32.
///
/// One constant serves the MMX and the XMM form; which one is meant follows from the operands of
/// the row. Mnemonics that move between different kinds of operands have a constant for each.
public enum IntegerSimd implements Op {
    // spotless:off
    PADDB, PADDW, PADDD, PADDQ, PADDSB, PADDSW, PADDUSB, PADDUSW,
    PSUBB, PSUBW, PSUBD, PSUBQ, PSUBSB, PSUBSW, PSUBUSB, PSUBUSW,
    PAVGB, PAVGW,
    PABSB(SSSE3), PABSW(SSSE3), PABSD(SSSE3), PSIGNB(SSSE3), PSIGNW(SSSE3), PSIGND(SSSE3),
    PCMPEQB, PCMPEQW, PCMPEQD, PCMPEQQ(SSE4_1), PCMPGTB, PCMPGTW, PCMPGTD, PCMPGTQ(SSE4_2),
    PMINUB, PMINUW(SSE4_1), PMINUD(SSE4_1), PMINSB(SSE4_1), PMINSW, PMINSD(SSE4_1),
    PMAXUB, PMAXUW(SSE4_1), PMAXUD(SSE4_1), PMAXSB(SSE4_1), PMAXSW, PMAXSD(SSE4_1),
    PAND, PANDN, POR, PXOR,
    PMULLW, PMULHW, PMULHUW, PMULHRSW(SSSE3), PMULLD(SSE4_1), PMULDQ(SSE4_1), PMULUDQ, PMADDWD,
    PMADDUBSW(SSSE3), PSADBW,

    PSLLW, PSLLD, PSLLQ, PSRLW, PSRLD, PSRLQ, PSRAW, PSRAD,
    PSLLW_IMM, PSLLD_IMM, PSLLQ_IMM, PSRLW_IMM, PSRLD_IMM, PSRLQ_IMM, PSRAW_IMM, PSRAD_IMM,
    PSLLDQ, PSRLDQ,

    PACKSSWB, PACKUSWB, PACKSSDW, PACKUSDW(SSE4_1),
    PHADDW(SSSE3), PHADDD(SSSE3), PHADDSW(SSSE3), PHSUBW(SSSE3), PHSUBD(SSSE3), PHSUBSW(SSSE3),
    PUNPCKLBW, PUNPCKLWD, PUNPCKLDQ, PUNPCKLQDQ, PUNPCKHBW, PUNPCKHWD, PUNPCKHDQ, PUNPCKHQDQ,
    PSHUFB(SSSE3), PSHUFW, PSHUFD, PSHUFLW, PSHUFHW, PALIGNR(SSSE3), PBLENDW(SSE4_1),
    PBLENDVB(SSE4_1),
    PMOVSXBW(SSE4_1), PMOVSXBD(SSE4_1), PMOVSXBQ(SSE4_1), PMOVSXWD(SSE4_1), PMOVSXWQ(SSE4_1),
    PMOVSXDQ(SSE4_1),
    PMOVZXBW(SSE4_1), PMOVZXBD(SSE4_1), PMOVZXBQ(SSE4_1), PMOVZXWD(SSE4_1), PMOVZXWQ(SSE4_1),
    PMOVZXDQ(SSE4_1),
    PHMINPOSUW(SSE4_1), MPSADBW(SSE4_1),

    /// MOVD and MOVQ between a general register or memory and a vector register.
    MOVD_LOAD, MOVD_STORE,
    /// MOVQ between vector registers or memory: the load clears bits 127:64.
    MOVQ_LOAD, MOVQ_STORE,
    MOVDQA_LOAD, MOVDQA_STORE, MOVDQU_LOAD, MOVDQU_STORE,
    LDDQU(SSE3), MOVNTDQA(SSE4_1), MOVNTDQ, MOVNTQ, MOVQ2DQ, MOVDQ2Q,
    MASKMOV, PMOVMSKB,
    PINSRB(SSE4_1), PINSRW, PINSRD(SSE4_1), PEXTRB(SSE4_1), PEXTRW(SSE4_1), PEXTRD(SSE4_1),
    /// The older encoding of PEXTRW, from ModRM.rm to a general register.
    PEXTRW_REG,
    EMMS,

    PTEST(SSE4_1), PCMPESTRI(SSE4_2), PCMPESTRM(SSE4_2), PCMPISTRI(SSE4_2), PCMPISTRM(SSE4_2),
    AESENC(AESNI), AESENCLAST(AESNI), AESDEC(AESNI), AESDECLAST(AESNI), AESIMC(AESNI),
    AESKEYGENASSIST(AESNI),
    PCLMULQDQ(Cpuid.PCLMULQDQ), CRC32(SSE4_2);
    // spotless:on

    private final Cpuid feature;

    IntegerSimd() {
        this(SSE2);
    }

    IntegerSimd(Cpuid feature) {
        this.feature = feature;
    }

    /// The feature flag without which the operation is undefined; SSE2 stands for all that every
    /// processor with Intel 64 architecture has.
    public Cpuid feature() {
        return feature;
    }
}
