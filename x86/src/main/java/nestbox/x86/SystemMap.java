package nestbox.x86;

import static nestbox.x86.OpcodeRow.Mandatory.*;
import static nestbox.x86.Operand.*;

/// The system instructions of SDM Vol. 2D, Table A-3, with groups 6, 7, 9 and 15 of Table A-6.
final class SystemMap {
    private SystemMap() {}

    private static OpcodeRow row(int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(1, opcode, op, operands);
    }

    // spotless:off
    static void rows() {
        row(0x00, SystemOp.SLDT, Ev).ext(0);
        row(0x00, SystemOp.STR,  Ev).ext(1);
        row(0x00, SystemOp.LLDT, Ew).ext(2).endsBlock();
        row(0x00, SystemOp.LTR,  Ew).ext(3).endsBlock();
        row(0x00, SystemOp.VERR, Ew).ext(4);
        row(0x00, SystemOp.VERW, Ew).ext(5);

        row(0x01, SystemOp.MONITOR).ext(1).register().rm(0).prefix(NONE).endsBlock();
        row(0x01, SystemOp.MWAIT).ext(1).register().rm(1).prefix(NONE).endsBlock();
        row(0x01, SystemOp.CLAC).ext(1).register().rm(2).prefix(NONE).endsBlock();
        row(0x01, SystemOp.STAC).ext(1).register().rm(3).prefix(NONE).endsBlock();
        row(0x01, SystemOp.XGETBV).ext(2).register().rm(0).prefix(NONE);
        row(0x01, SystemOp.XSETBV).ext(2).register().rm(1).prefix(NONE).endsBlock();
        row(0x01, SystemOp.SWAPGS).ext(7).register().rm(0).only64().ring0().endsBlock();
        row(0x01, SystemOp.RDTSCP).ext(7).register().rm(1);
        row(0x01, SystemOp.SGDT, M).ext(0).memory().forced64();
        row(0x01, SystemOp.SIDT, M).ext(1).memory().forced64();
        row(0x01, SystemOp.LGDT, M).ext(2).memory().forced64().ring0().endsBlock();
        row(0x01, SystemOp.LIDT, M).ext(3).memory().forced64().ring0().endsBlock();
        row(0x01, SystemOp.SMSW, Ev).ext(4);
        row(0x01, SystemOp.LMSW, Ew).ext(6).ring0().endsBlock();
        row(0x01, SystemOp.INVLPG, Mb).ext(7).memory().ring0().endsBlock();

        row(0x02, SystemOp.LAR, Gv, Ew);
        row(0x03, SystemOp.LSL, Gv, Ew);
        row(0x05, Branch.SYSCALL).endsBlock();
        row(0x06, SystemOp.CLTS).ring0().endsBlock();
        row(0x07, Branch.SYSRET).endsBlock();
        row(0x08, SystemOp.INVD).ring0();
        row(0x09, SystemOp.WBINVD).ring0();
        row(0x20, SystemOp.MOV_FROM_CR, Ry, Cd).forced64().ring0();
        row(0x21, SystemOp.MOV_FROM_DR, Ry, Dd).forced64().ring0();
        row(0x22, SystemOp.MOV_TO_CR, Cd, Ry).forced64().ring0().endsBlock();
        row(0x23, SystemOp.MOV_TO_DR, Dd, Ry).forced64().ring0().endsBlock();
        row(0x30, SystemOp.WRMSR).ring0().endsBlock();
        row(0x31, SystemOp.RDTSC);
        row(0x32, SystemOp.RDMSR).ring0();
        row(0x33, SystemOp.RDPMC);
        row(0x34, Branch.SYSENTER).endsBlock();
        row(0x35, Branch.SYSEXIT).endsBlock();
        row(0x37, SystemOp.GETSEC).prefix(NONE).endsBlock();
        row(0xA2, SystemOp.CPUID).endsBlock();
        row(0xAA, SystemOp.RSM).endsBlock();

        row(0xAE, SystemOp.RDFSBASE, Ry).ext(0).register().prefix(PF3).only64();
        row(0xAE, SystemOp.RDGSBASE, Ry).ext(1).register().prefix(PF3).only64();
        row(0xAE, SystemOp.WRFSBASE, Ry).ext(2).register().prefix(PF3).only64();
        row(0xAE, SystemOp.WRGSBASE, Ry).ext(3).register().prefix(PF3).only64();
        row(0xAE, SystemOp.CLFLUSH, Mb).ext(7).memory().prefix(NONE);
        row(0xAE, SystemOp.CLFLUSH, Mb).ext(7).memory().prefix(P66);

        row(0xAE, SystemOp.UMONITOR, Ry).ext(6).register().prefix(PF3).endsBlock();
        row(0xAE, SystemOp.UMWAIT, Rd).ext(6).register().prefix(PF2).endsBlock();
        row(0xAE, SystemOp.TPAUSE, Rd).ext(6).register().prefix(P66).endsBlock();

        row(0xC7, SystemOp.RDRAND, Rv).ext(6).register().prefix(NO_REP);
        row(0xC7, SystemOp.RDSEED, Rv).ext(7).register().prefix(NO_REP);

        OpcodeMap.row(2, 0x82, SystemOp.INVPCID, Gy, Mx).memory().prefix(P66).forced64().ring0().endsBlock();
    }
    // spotless:on
}
