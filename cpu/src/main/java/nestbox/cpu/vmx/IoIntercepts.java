package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.entry.ExitBitmaps;
import nestbox.x86.Operand;
import nestbox.x86.StringOp;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.IoQualification;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.VmcsField;

/// A guest's accesses to ports. SDM Vol. 3C, "I/O-Bitmap Addresses".
public final class IoIntercepts {
    private IoIntercepts() {}

    /// Comes after the permission checks of IOPL and TSS.
    ///
    /// @throws GuestFault a VM exit
    public static void check(Cpu cpu, Insn insn, int port, int width) {
        boolean exits =
                cpu.vmx.on(PrimaryControl.USE_IO_BITMAPS)
                        ? isInBitmap(cpu, port, width)
                        : cpu.vmx.on(PrimaryControl.UNCONDITIONAL_IO_EXITING);
        if (exits) {
            throw exit(cpu, insn, port, width);
        }
    }

    private static boolean isInBitmap(Cpu cpu, int port, int width) {
        long a = cpu.vmx.vmcs().read(VmcsField.IO_BITMAP_A);
        long b = cpu.vmx.vmcs().read(VmcsField.IO_BITMAP_B);
        return ExitBitmaps.ports(cpu.vmx.facts, a, b, port, width);
    }

    private static GuestFault exit(Cpu cpu, Insn insn, int port, int width) {
        StringOp op = (StringOp) insn.row.op();
        boolean input = op == StringOp.IN || op == StringOp.INS;
        boolean string = op == StringOp.INS || op == StringOp.OUTS;
        boolean immediate = insn.row.operands().contains(Operand.Ib);
        boolean repeated = string && (insn.rep || insn.repne);
        IoQualification qualification =
                new IoQualification(width, input, string, repeated, immediate, port);
        GuestFault exit = cpu.vmx.exit(insn, ExitReason.IO_INSTRUCTION, qualification.toLong());
        if (string) {
            int segment = input ? Insn.ES : insn.segment;
            int register = input ? Cpu.RDI : Cpu.RSI;
            long offset = cpu.get64(register) & insn.addressMask;
            long base = cpu.get64(Cpu.SEGMENT_BASES + 8 * segment);
            cpu.vmx.exit.guestLinear =
                    cpu.isLongMode64() ? base + offset : base + offset & 0xFFFF_FFFFL;
            cpu.vmx.exit.instructionInformation = InstructionForms.string(insn, segment).toLong();
        }
        return exit;
    }
}
