package nestbox.x86;

import static nestbox.x86.FloatSimd.*;
import static nestbox.x86.OpcodeRow.Mandatory.NONE;
import static nestbox.x86.OpcodeRow.Mandatory.P66;
import static nestbox.x86.OpcodeRow.Mandatory.PF2;
import static nestbox.x86.OpcodeRow.Mandatory.PF3;
import static nestbox.x86.Operand.*;

/// The floating-point instructions on XMM registers of SDM Vol. 2D, Tables.
final class FloatSimdMap {
    private FloatSimdMap() {}

    private static OpcodeRow row(int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(1, opcode, op, operands);
    }

    /// One opcode with its four forms: no prefix, 66, F3, F2.
    private static void four(int opcode, Op ps, Op pd, Op ss, Op sd) {
        row(opcode, ps, Vx, Wx).prefix(NONE);
        row(opcode, pd, Vx, Wx).prefix(P66);
        row(opcode, ss, Vx, Wd).prefix(PF3);
        row(opcode, sd, Vx, Wq).prefix(PF2);
    }

    private static void both(int opcode, Op ps, Op pd, Operand... operands) {
        row(opcode, ps, operands).prefix(NONE);
        row(opcode, pd, operands).prefix(P66);
    }

    // spotless:off
    static void rows() {
        moves();
        arithmetic();
        conversions();

        row(0xAE, LDMXCSR, Md).ext(2).memory().prefix(NONE);
        row(0xAE, STMXCSR, Md).ext(3).memory().prefix(NONE);

        OpcodeMap.row(2, 0x14, BLENDVPS, Vx, Wx).prefix(P66);
        OpcodeMap.row(2, 0x15, BLENDVPD, Vx, Wx).prefix(P66);
        OpcodeMap.row(3, 0x08, ROUNDPS, Vx, Wx, Ib).prefix(P66);
        OpcodeMap.row(3, 0x09, ROUNDPD, Vx, Wx, Ib).prefix(P66);
        OpcodeMap.row(3, 0x0A, ROUNDSS, Vx, Wd, Ib).prefix(P66);
        OpcodeMap.row(3, 0x0B, ROUNDSD, Vx, Wq, Ib).prefix(P66);
        OpcodeMap.row(3, 0x0C, BLENDPS, Vx, Wx, Ib).prefix(P66);
        OpcodeMap.row(3, 0x0D, BLENDPD, Vx, Wx, Ib).prefix(P66);
        OpcodeMap.row(3, 0x17, EXTRACTPS, Ed, Vx, Ib).prefix(P66);
        OpcodeMap.row(3, 0x21, INSERTPS, Vx, Wd, Ib).prefix(P66);
        OpcodeMap.row(3, 0x40, DPPS, Vx, Wx, Ib).prefix(P66);
        OpcodeMap.row(3, 0x41, DPPD, Vx, Wx, Ib).prefix(P66);
    }

    private static void moves() {
        four(0x10, MOVUPS_LOAD, MOVUPS_LOAD, MOVSS_LOAD, MOVSD_LOAD);
        both(0x11, MOVUPS_STORE, MOVUPS_STORE, Wx, Vx);
        row(0x11, MOVSS_STORE, Wd, Vx).prefix(PF3);
        row(0x11, MOVSD_STORE, Wq, Vx).prefix(PF2);
        row(0x12, MOVHLPS, Vx, Ux).register().prefix(NONE);
        row(0x12, MOVLPS_LOAD, Vx, Mq).memory().prefix(NONE);
        row(0x12, MOVLPS_LOAD, Vx, Mq).memory().prefix(P66);
        row(0x12, MOVSLDUP, Vx, Wx).prefix(PF3);
        row(0x12, MOVDDUP, Vx, Wq).prefix(PF2);
        row(0x13, MOVLPS_STORE, Mq, Vx).memory().prefix(NONE);
        row(0x13, MOVLPS_STORE, Mq, Vx).memory().prefix(P66);
        both(0x14, UNPCKLPS, UNPCKLPD, Vx, Wx);
        both(0x15, UNPCKHPS, UNPCKHPD, Vx, Wx);
        row(0x16, MOVLHPS, Vx, Ux).register().prefix(NONE);
        row(0x16, MOVHPS_LOAD, Vx, Mq).memory().prefix(NONE);
        row(0x16, MOVHPS_LOAD, Vx, Mq).memory().prefix(P66);
        row(0x16, MOVSHDUP, Vx, Wx).prefix(PF3);
        row(0x17, MOVHPS_STORE, Mq, Vx).memory().prefix(NONE);
        row(0x17, MOVHPS_STORE, Mq, Vx).memory().prefix(P66);
        both(0x28, MOVAPS_LOAD, MOVAPS_LOAD, Vx, Wx);
        both(0x29, MOVAPS_STORE, MOVAPS_STORE, Wx, Vx);
        row(0x2B, MOVAPS_STORE, Mx, Vx).memory().prefix(NONE);
        row(0x2B, MOVAPS_STORE, Mx, Vx).memory().prefix(P66);
        row(0x50, MOVMSKPS, Gd, Ux).register().prefix(NONE);
        row(0x50, MOVMSKPD, Gd, Ux).register().prefix(P66);
        both(0xC6, SHUFPS, SHUFPD, Vx, Wx, Ib);
    }

    private static void arithmetic() {
        four(0x51, SQRTPS, SQRTPD, SQRTSS, SQRTSD);
        row(0x52, RSQRTPS, Vx, Wx).prefix(NONE);
        row(0x52, RSQRTSS, Vx, Wd).prefix(PF3);
        row(0x53, RCPPS, Vx, Wx).prefix(NONE);
        row(0x53, RCPSS, Vx, Wd).prefix(PF3);
        both(0x54, ANDPS, ANDPS, Vx, Wx);
        both(0x55, ANDNPS, ANDNPS, Vx, Wx);
        both(0x56, ORPS, ORPS, Vx, Wx);
        both(0x57, XORPS, XORPS, Vx, Wx);
        four(0x58, ADDPS, ADDPD, ADDSS, ADDSD);
        four(0x59, MULPS, MULPD, MULSS, MULSD);
        four(0x5C, SUBPS, SUBPD, SUBSS, SUBSD);
        four(0x5D, MINPS, MINPD, MINSS, MINSD);
        four(0x5E, DIVPS, DIVPD, DIVSS, DIVSD);
        four(0x5F, MAXPS, MAXPD, MAXSS, MAXSD);
        row(0x2E, UCOMISS, Vx, Wd).prefix(NONE);
        row(0x2E, UCOMISD, Vx, Wq).prefix(P66);
        row(0x2F, COMISS, Vx, Wd).prefix(NONE);
        row(0x2F, COMISD, Vx, Wq).prefix(P66);
        row(0x7C, HADDPD, Vx, Wx).prefix(P66);
        row(0x7C, HADDPS, Vx, Wx).prefix(PF2);
        row(0x7D, HSUBPD, Vx, Wx).prefix(P66);
        row(0x7D, HSUBPS, Vx, Wx).prefix(PF2);
        both(0xC2, CMPPS, CMPPD, Vx, Wx, Ib);
        row(0xC2, CMPSS, Vx, Wd, Ib).prefix(PF3);
        row(0xC2, CMPSD, Vx, Wq, Ib).prefix(PF2);
        row(0xD0, ADDSUBPD, Vx, Wx).prefix(P66);
        row(0xD0, ADDSUBPS, Vx, Wx).prefix(PF2);
    }

    private static void conversions() {
        row(0x2A, CVTPI2PS, Vx, Qq).prefix(NONE);
        row(0x2A, CVTPI2PD, Vx, Qq).prefix(P66);
        row(0x2A, CVTSI2SS, Vx, Ey).prefix(PF3);
        row(0x2A, CVTSI2SD, Vx, Ey).prefix(PF2);
        row(0x2C, CVTTPS2PI, Pq, Wq).prefix(NONE);
        row(0x2C, CVTTPD2PI, Pq, Wx).prefix(P66);
        row(0x2C, CVTTSS2SI, Gy, Wd).prefix(PF3);
        row(0x2C, CVTTSD2SI, Gy, Wq).prefix(PF2);
        row(0x2D, CVTPS2PI, Pq, Wq).prefix(NONE);
        row(0x2D, CVTPD2PI, Pq, Wx).prefix(P66);
        row(0x2D, CVTSS2SI, Gy, Wd).prefix(PF3);
        row(0x2D, CVTSD2SI, Gy, Wq).prefix(PF2);
        row(0x5A, CVTPS2PD, Vx, Wq).prefix(NONE);
        row(0x5A, CVTPD2PS, Vx, Wx).prefix(P66);
        row(0x5A, CVTSS2SD, Vx, Wd).prefix(PF3);
        row(0x5A, CVTSD2SS, Vx, Wq).prefix(PF2);
        row(0x5B, CVTDQ2PS, Vx, Wx).prefix(NONE);
        row(0x5B, CVTPS2DQ, Vx, Wx).prefix(P66);
        row(0x5B, CVTTPS2DQ, Vx, Wx).prefix(PF3);
        row(0xE6, CVTTPD2DQ, Vx, Wx).prefix(P66);
        row(0xE6, CVTDQ2PD, Vx, Wq).prefix(PF3);
        row(0xE6, CVTPD2DQ, Vx, Wx).prefix(PF2);
    }
    // spotless:on
}
