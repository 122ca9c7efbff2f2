package nestbox.x86;

import static nestbox.x86.OpcodeRow.Mandatory.*;
import static nestbox.x86.Operand.*;

/// The instructions of SDM Vol. 3C, "VMX Instruction Reference", with their places in groups 7 and
/// 9 of Vol. 2D, Table A-6.
///
/// None is marked as privileged: in VMX non-root operation their VM exits come before the check of
/// the privilege level.
final class VmxMap {
    private VmxMap() {}

    private static OpcodeRow row(int opcode, Op op, Operand... operands) {
        return OpcodeMap.row(1, opcode, op, operands);
    }

    // spotless:off
    static void rows() {
        row(0x01, VmxOp.VMCALL).ext(0).register().rm(1).prefix(NONE).endsBlock();
        row(0x01, VmxOp.VMLAUNCH).ext(0).register().rm(2).prefix(NONE).endsBlock();
        row(0x01, VmxOp.VMRESUME).ext(0).register().rm(3).prefix(NONE).endsBlock();
        row(0x01, VmxOp.VMXOFF).ext(0).register().rm(4).prefix(NONE).endsBlock();
        row(0x01, VmxOp.VMFUNC).ext(2).register().rm(4).prefix(NONE).endsBlock();
        row(0x78, VmxOp.VMREAD,  Ey, Gy).prefix(NONE).forced64().endsBlock();
        row(0x79, VmxOp.VMWRITE, Gy, Ey).prefix(NONE).forced64().endsBlock();
        row(0xC7, VmxOp.VMPTRLD, Mq).ext(6).memory().prefix(NONE).endsBlock();
        row(0xC7, VmxOp.VMCLEAR, Mq).ext(6).memory().prefix(P66).endsBlock();
        row(0xC7, VmxOp.VMXON,   Mq).ext(6).memory().prefix(PF3).endsBlock();
        row(0xC7, VmxOp.VMPTRST, Mq).ext(7).memory().prefix(NONE).endsBlock();

        OpcodeMap.row(2, 0x80, VmxOp.INVEPT,  Gy, Mx).memory().prefix(P66).forced64().endsBlock();
        OpcodeMap.row(2, 0x81, VmxOp.INVVPID, Gy, Mx).memory().prefix(P66).forced64().endsBlock();
    }
    // spotless:on
}
