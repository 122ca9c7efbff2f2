package nestbox.x86;

import static nestbox.x86.IntegerSimd.*;
import static nestbox.x86.OpcodeRow.Mandatory.NONE;
import static nestbox.x86.OpcodeRow.Mandatory.P66;
import static nestbox.x86.OpcodeRow.Mandatory.PF2;
import static nestbox.x86.OpcodeRow.Mandatory.PF3;
import static nestbox.x86.Operand.*;

/// The integer SIMD instructions of SDM Vol. 2D, Table A-3 (0F) with groups 12 to 14 of Table A-6,
/// Table A-4 (0F38) and Table A-5 (0F3A).
final class IntegerSimdMap {
    private static final int MAP_0F = 1;
    private static final int MAP_0F38 = 2;
    private static final int MAP_0F3A = 3;

    private IntegerSimdMap() {}

    private static OpcodeRow row(int map, int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(map, opcode, op, operands);
    }

    /// `op mm, mm/m64` without and `op xmm, xmm/m128` with prefix 66.
    private static void both(int map, int opcode, Op op) {
        row(map, opcode, op, Pq, Qq).prefix(NONE);
        row(map, opcode, op, Vx, Wx).prefix(P66);
    }

    private static void xmm(int map, int opcode, Op op) {
        row(map, opcode, op, Vx, Wx).prefix(P66);
    }

    private static void xmmImmediate(int opcode, Op op) {
        row(MAP_0F3A, opcode, op, Vx, Wx, Ib).prefix(P66);
    }

    /// A shift by an immediate: groups 12 to 14.
    private static void shift(int opcode, int digit, Op op) {
        row(MAP_0F, opcode, op, Nq, Ib).ext(digit).register().prefix(NONE);
        row(MAP_0F, opcode, op, Ux, Ib).ext(digit).register().prefix(P66);
    }

    static void rows() {
        unpackAndMove();
        shiftsByImmediate();
        insertAndExtract();
        arithmetic();
        map0F38();
        map0F3A();
    }

    // spotless:off
    private static void unpackAndMove() {
        row(MAP_0F, 0x60, PUNPCKLBW, Pq, Qd).prefix(NONE);
        row(MAP_0F, 0x60, PUNPCKLBW, Vx, Wx).prefix(P66);
        row(MAP_0F, 0x61, PUNPCKLWD, Pq, Qd).prefix(NONE);
        row(MAP_0F, 0x61, PUNPCKLWD, Vx, Wx).prefix(P66);
        row(MAP_0F, 0x62, PUNPCKLDQ, Pq, Qd).prefix(NONE);
        row(MAP_0F, 0x62, PUNPCKLDQ, Vx, Wx).prefix(P66);
        both(MAP_0F, 0x63, PACKSSWB);
        both(MAP_0F, 0x64, PCMPGTB);
        both(MAP_0F, 0x65, PCMPGTW);
        both(MAP_0F, 0x66, PCMPGTD);
        both(MAP_0F, 0x67, PACKUSWB);
        both(MAP_0F, 0x68, PUNPCKHBW);
        both(MAP_0F, 0x69, PUNPCKHWD);
        both(MAP_0F, 0x6A, PUNPCKHDQ);
        both(MAP_0F, 0x6B, PACKSSDW);
        xmm(MAP_0F, 0x6C, PUNPCKLQDQ);
        xmm(MAP_0F, 0x6D, PUNPCKHQDQ);
        row(MAP_0F, 0x6E, MOVD_LOAD, Pq, Ey).prefix(NONE);
        row(MAP_0F, 0x6E, MOVD_LOAD, Vx, Ey).prefix(P66);
        row(MAP_0F, 0x6F, MOVQ_LOAD, Pq, Qq).prefix(NONE);
        row(MAP_0F, 0x6F, MOVDQA_LOAD, Vx, Wx).prefix(P66);
        row(MAP_0F, 0x6F, MOVDQU_LOAD, Vx, Wx).prefix(PF3);
        row(MAP_0F, 0x70, PSHUFW, Pq, Qq, Ib).prefix(NONE);
        row(MAP_0F, 0x70, PSHUFD, Vx, Wx, Ib).prefix(P66);
        row(MAP_0F, 0x70, PSHUFHW, Vx, Wx, Ib).prefix(PF3);
        row(MAP_0F, 0x70, PSHUFLW, Vx, Wx, Ib).prefix(PF2);
        both(MAP_0F, 0x74, PCMPEQB);
        both(MAP_0F, 0x75, PCMPEQW);
        both(MAP_0F, 0x76, PCMPEQD);
        row(MAP_0F, 0x77, EMMS).prefix(NONE);
        row(MAP_0F, 0x7E, MOVD_STORE, Ey, Pq).prefix(NONE);
        row(MAP_0F, 0x7E, MOVD_STORE, Ey, Vx).prefix(P66);
        row(MAP_0F, 0x7E, MOVQ_LOAD, Vx, Wq).prefix(PF3);
        row(MAP_0F, 0x7F, MOVQ_STORE, Qq, Pq).prefix(NONE);
        row(MAP_0F, 0x7F, MOVDQA_STORE, Wx, Vx).prefix(P66);
        row(MAP_0F, 0x7F, MOVDQU_STORE, Wx, Vx).prefix(PF3);
    }

    private static void shiftsByImmediate() {
        shift(0x71, 2, PSRLW_IMM);
        shift(0x71, 4, PSRAW_IMM);
        shift(0x71, 6, PSLLW_IMM);
        shift(0x72, 2, PSRLD_IMM);
        shift(0x72, 4, PSRAD_IMM);
        shift(0x72, 6, PSLLD_IMM);
        shift(0x73, 2, PSRLQ_IMM);
        row(MAP_0F, 0x73, PSRLDQ, Ux, Ib).ext(3).register().prefix(P66);
        shift(0x73, 6, PSLLQ_IMM);
        row(MAP_0F, 0x73, PSLLDQ, Ux, Ib).ext(7).register().prefix(P66);
    }

    private static void insertAndExtract() {
        row(MAP_0F, 0xC4, PINSRW, Pq, Mw, Ib).memory().prefix(NONE);
        row(MAP_0F, 0xC4, PINSRW, Pq, Rd, Ib).register().prefix(NONE);
        row(MAP_0F, 0xC4, PINSRW, Vx, Mw, Ib).memory().prefix(P66);
        row(MAP_0F, 0xC4, PINSRW, Vx, Rd, Ib).register().prefix(P66);
        row(MAP_0F, 0xC5, PEXTRW_REG, Gd, Nq, Ib).register().prefix(NONE);
        row(MAP_0F, 0xC5, PEXTRW_REG, Gd, Ux, Ib).register().prefix(P66);
        row(MAP_0F, 0xD6, MOVQ_STORE, Wq, Vx).prefix(P66);
        row(MAP_0F, 0xD6, MOVQ2DQ, Vx, Nq).register().prefix(PF3);
        row(MAP_0F, 0xD6, MOVDQ2Q, Pq, Ux).register().prefix(PF2);
        row(MAP_0F, 0xD7, PMOVMSKB, Gd, Nq).register().prefix(NONE);
        row(MAP_0F, 0xD7, PMOVMSKB, Gd, Ux).register().prefix(P66);
        row(MAP_0F, 0xE7, MOVNTQ, Mq, Pq).memory().prefix(NONE);
        row(MAP_0F, 0xE7, MOVNTDQ, Mx, Vx).memory().prefix(P66);
        row(MAP_0F, 0xF0, LDDQU, Vx, Mx).memory().prefix(PF2);
        row(MAP_0F, 0xF7, MASKMOV, Pq, Nq).register().prefix(NONE);
        row(MAP_0F, 0xF7, MASKMOV, Vx, Ux).register().prefix(P66);
    }

    private static void arithmetic() {
        both(MAP_0F, 0xD1, PSRLW);
        both(MAP_0F, 0xD2, PSRLD);
        both(MAP_0F, 0xD3, PSRLQ);
        both(MAP_0F, 0xD4, PADDQ);
        both(MAP_0F, 0xD5, PMULLW);
        both(MAP_0F, 0xD8, PSUBUSB);
        both(MAP_0F, 0xD9, PSUBUSW);
        both(MAP_0F, 0xDA, PMINUB);
        both(MAP_0F, 0xDB, PAND);
        both(MAP_0F, 0xDC, PADDUSB);
        both(MAP_0F, 0xDD, PADDUSW);
        both(MAP_0F, 0xDE, PMAXUB);
        both(MAP_0F, 0xDF, PANDN);
        both(MAP_0F, 0xE0, PAVGB);
        both(MAP_0F, 0xE1, PSRAW);
        both(MAP_0F, 0xE2, PSRAD);
        both(MAP_0F, 0xE3, PAVGW);
        both(MAP_0F, 0xE4, PMULHUW);
        both(MAP_0F, 0xE5, PMULHW);
        both(MAP_0F, 0xE8, PSUBSB);
        both(MAP_0F, 0xE9, PSUBSW);
        both(MAP_0F, 0xEA, PMINSW);
        both(MAP_0F, 0xEB, POR);
        both(MAP_0F, 0xEC, PADDSB);
        both(MAP_0F, 0xED, PADDSW);
        both(MAP_0F, 0xEE, PMAXSW);
        both(MAP_0F, 0xEF, PXOR);
        both(MAP_0F, 0xF1, PSLLW);
        both(MAP_0F, 0xF2, PSLLD);
        both(MAP_0F, 0xF3, PSLLQ);
        both(MAP_0F, 0xF4, PMULUDQ);
        both(MAP_0F, 0xF5, PMADDWD);
        both(MAP_0F, 0xF6, PSADBW);
        both(MAP_0F, 0xF8, PSUBB);
        both(MAP_0F, 0xF9, PSUBW);
        both(MAP_0F, 0xFA, PSUBD);
        both(MAP_0F, 0xFB, PSUBQ);
        both(MAP_0F, 0xFC, PADDB);
        both(MAP_0F, 0xFD, PADDW);
        both(MAP_0F, 0xFE, PADDD);
    }

    private static void map0F38() {
        both(MAP_0F38, 0x00, PSHUFB);
        both(MAP_0F38, 0x01, PHADDW);
        both(MAP_0F38, 0x02, PHADDD);
        both(MAP_0F38, 0x03, PHADDSW);
        both(MAP_0F38, 0x04, PMADDUBSW);
        both(MAP_0F38, 0x05, PHSUBW);
        both(MAP_0F38, 0x06, PHSUBD);
        both(MAP_0F38, 0x07, PHSUBSW);
        both(MAP_0F38, 0x08, PSIGNB);
        both(MAP_0F38, 0x09, PSIGNW);
        both(MAP_0F38, 0x0A, PSIGND);
        both(MAP_0F38, 0x0B, PMULHRSW);
        xmm(MAP_0F38, 0x10, PBLENDVB);
        xmm(MAP_0F38, 0x17, PTEST);
        both(MAP_0F38, 0x1C, PABSB);
        both(MAP_0F38, 0x1D, PABSW);
        both(MAP_0F38, 0x1E, PABSD);
        row(MAP_0F38, 0x20, PMOVSXBW, Vx, Wq).prefix(P66);
        row(MAP_0F38, 0x21, PMOVSXBD, Vx, Wd).prefix(P66);
        row(MAP_0F38, 0x22, PMOVSXBQ, Vx, Ww).prefix(P66);
        row(MAP_0F38, 0x23, PMOVSXWD, Vx, Wq).prefix(P66);
        row(MAP_0F38, 0x24, PMOVSXWQ, Vx, Wd).prefix(P66);
        row(MAP_0F38, 0x25, PMOVSXDQ, Vx, Wq).prefix(P66);
        xmm(MAP_0F38, 0x28, PMULDQ);
        xmm(MAP_0F38, 0x29, PCMPEQQ);
        row(MAP_0F38, 0x2A, MOVNTDQA, Vx, Mx).memory().prefix(P66);
        xmm(MAP_0F38, 0x2B, PACKUSDW);
        row(MAP_0F38, 0x30, PMOVZXBW, Vx, Wq).prefix(P66);
        row(MAP_0F38, 0x31, PMOVZXBD, Vx, Wd).prefix(P66);
        row(MAP_0F38, 0x32, PMOVZXBQ, Vx, Ww).prefix(P66);
        row(MAP_0F38, 0x33, PMOVZXWD, Vx, Wq).prefix(P66);
        row(MAP_0F38, 0x34, PMOVZXWQ, Vx, Wd).prefix(P66);
        row(MAP_0F38, 0x35, PMOVZXDQ, Vx, Wq).prefix(P66);
        xmm(MAP_0F38, 0x37, PCMPGTQ);
        xmm(MAP_0F38, 0x38, PMINSB);
        xmm(MAP_0F38, 0x39, PMINSD);
        xmm(MAP_0F38, 0x3A, PMINUW);
        xmm(MAP_0F38, 0x3B, PMINUD);
        xmm(MAP_0F38, 0x3C, PMAXSB);
        xmm(MAP_0F38, 0x3D, PMAXSD);
        xmm(MAP_0F38, 0x3E, PMAXUW);
        xmm(MAP_0F38, 0x3F, PMAXUD);
        xmm(MAP_0F38, 0x40, PMULLD);
        xmm(MAP_0F38, 0x41, PHMINPOSUW);
        xmm(MAP_0F38, 0xDB, AESIMC);
        xmm(MAP_0F38, 0xDC, AESENC);
        xmm(MAP_0F38, 0xDD, AESENCLAST);
        xmm(MAP_0F38, 0xDE, AESDEC);
        xmm(MAP_0F38, 0xDF, AESDECLAST);
        row(MAP_0F38, 0xF0, CRC32, Gy, Eb).prefix(PF2);
        row(MAP_0F38, 0xF1, CRC32, Gy, Ev).prefix(PF2);
    }

    private static void map0F3A() {
        xmmImmediate(0x0E, PBLENDW);
        row(MAP_0F3A, 0x0F, PALIGNR, Pq, Qq, Ib).prefix(NONE);
        xmmImmediate(0x0F, PALIGNR);
        row(MAP_0F3A, 0x14, PEXTRB, Mb, Vx, Ib).memory().prefix(P66);
        row(MAP_0F3A, 0x14, PEXTRB, Rd, Vx, Ib).register().prefix(P66);
        row(MAP_0F3A, 0x15, PEXTRW, Mw, Vx, Ib).memory().prefix(P66);
        row(MAP_0F3A, 0x15, PEXTRW, Rd, Vx, Ib).register().prefix(P66);
        row(MAP_0F3A, 0x16, PEXTRD, Ey, Vx, Ib).prefix(P66);
        row(MAP_0F3A, 0x20, PINSRB, Vx, Mb, Ib).memory().prefix(P66);
        row(MAP_0F3A, 0x20, PINSRB, Vx, Rd, Ib).register().prefix(P66);
        row(MAP_0F3A, 0x22, PINSRD, Vx, Ey, Ib).prefix(P66);
        xmmImmediate(0x42, MPSADBW);
        xmmImmediate(0x44, PCLMULQDQ);
        xmmImmediate(0x60, PCMPESTRM);
        xmmImmediate(0x61, PCMPESTRI);
        xmmImmediate(0x62, PCMPISTRM);
        xmmImmediate(0x63, PCMPISTRI);
        xmmImmediate(0xDF, AESKEYGENASSIST);
    }
    // spotless:on
}
