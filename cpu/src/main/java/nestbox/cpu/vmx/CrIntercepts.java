package nestbox.cpu.vmx;

import static nestbox.x86.ControlBits.*;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.x86.SystemOp;
import nestbox.x86.vmx.CrQualification;
import nestbox.x86.vmx.CrQualification.Access;
import nestbox.x86.vmx.DrQualification;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.VmcsField;

/// A guest's accesses to control and debug registers: guest/host masks, read shadows, CR3-target
/// values, the TPR shadow. SDM Vol. 3C, chapter "VMX Non-Root Operation".
final class CrIntercepts {
    private CrIntercepts() {}

    private static int width(Cpu cpu) {
        return cpu.isLongMode64() ? 8 : 4;
    }

    private static long mask(Cpu cpu, int register) {
        return cpu.vmx
                .vmcs()
                .read(
                        register == 0
                                ? VmcsField.CR0_GUEST_HOST_MASK
                                : VmcsField.CR4_GUEST_HOST_MASK);
    }

    private static long shadow(Cpu cpu, int register) {
        return cpu.vmx
                .vmcs()
                .read(register == 0 ? VmcsField.CR0_READ_SHADOW : VmcsField.CR4_READ_SHADOW);
    }

    /// What a guest reads from CR0 or CR4.
    private static long visible(Cpu cpu, int register) {
        long mask = mask(cpu, register);
        long real = register == 0 ? cpu.cr0 : cpu.cr4;
        return shadow(cpu, register) & mask | real & ~mask;
    }

    private static GuestFault exit(Cpu cpu, Insn insn, CrQualification qualification) {
        return cpu.vmx.exit(insn, ExitReason.CONTROL_REGISTER_ACCESS, qualification.toLong());
    }

    private static GuestFault exit(Cpu cpu, Insn insn, Access access) {
        return exit(cpu, insn, CrQualification.ofMove(insn.reg, access, insn.rm));
    }

    static boolean movFrom(Cpu cpu, Insn insn) {
        Vmx vmx = cpu.vmx;
        boolean exits =
                insn.reg == 3 && vmx.on(PrimaryControl.CR3_STORE_EXITING)
                        || insn.reg == 8 && vmx.on(PrimaryControl.CR8_STORE_EXITING);
        if (exits) {
            throw exit(cpu, insn, Access.MOV_FROM_CR);
        }
        switch (insn.reg) {
            case 0, 4 -> cpu.set(8 * insn.rm, width(cpu), visible(cpu, insn.reg));
            case 8 -> {
                if (!vmx.on(PrimaryControl.USE_TPR_SHADOW)) {
                    return false;
                }
                cpu.set(8 * insn.rm, width(cpu), vmx.apic.taskPriorityClass());
            }
            default -> {
                return false;
            }
        }
        return true;
    }

    static boolean movTo(Cpu cpu, Insn insn) {
        long value = cpu.get(8 * insn.rm, width(cpu));
        return switch (insn.reg) {
            case 0, 4 -> movToMasked(cpu, insn, value);
            case 3 -> {
                if (cpu.vmx.on(PrimaryControl.CR3_LOAD_EXITING) && !isTarget(cpu, value)) {
                    throw exit(cpu, insn, Access.MOV_TO_CR);
                }
                yield false;
            }
            case 8 -> movToCr8(cpu, insn, value);
            default -> false;
        };
    }

    private static boolean movToMasked(Cpu cpu, Insn insn, long value) {
        long mask = mask(cpu, insn.reg);
        if (((value ^ shadow(cpu, insn.reg)) & mask) != 0) {
            throw exit(cpu, insn, Access.MOV_TO_CR);
        }
        if (insn.reg == 0) {
            cpu.controls.cr0(value & ~mask | cpu.cr0 & mask);
        } else {
            cpu.controls.cr4(value & ~mask | cpu.cr4 & mask);
        }
        return true;
    }

    private static boolean isTarget(Cpu cpu, long value) {
        long count = cpu.vmx.vmcs().read(VmcsField.CR3_TARGET_COUNT);
        for (int i = 0; i < count && i < cpu.vmx.capabilities.cr3Targets(); i++) {
            if (cpu.vmx.vmcs().read(VmcsField.CR3_TARGET_VALUE_0.plus(i)) == value) {
                return true;
            }
        }
        return false;
    }

    private static boolean movToCr8(Cpu cpu, Insn insn, long value) {
        if (cpu.vmx.on(PrimaryControl.CR8_LOAD_EXITING)) {
            throw exit(cpu, insn, Access.MOV_TO_CR);
        }
        if (!cpu.vmx.on(PrimaryControl.USE_TPR_SHADOW)) {
            return false;
        }
        if (value >>> 4 != 0) {
            throw cpu.generalProtection();
        }
        cpu.vmx.apic.taskPriorityClass((int) value);
        return true;
    }

    static boolean clts(Cpu cpu, Insn insn) {
        boolean owned = (mask(cpu, 0) & CR0_TS) != 0;
        if (owned && (shadow(cpu, 0) & CR0_TS) != 0) {
            throw exit(cpu, insn, CrQualification.ofClts());
        }
        // A task-switched flag that the host owns stays as it is.
        return owned;
    }

    static boolean lmsw(Cpu cpu, Insn insn) {
        int source = (int) cpu.loadRm(insn, insn.destination, 2);
        long mask = mask(cpu, 0);
        long shadow = shadow(cpu, 0);
        long changes = (source ^ shadow) & mask & 0xE;
        boolean setsPe = (source & ~shadow & mask & CR0_PE) != 0;
        if (changes != 0 || setsPe) {
            GuestFault exit = exit(cpu, insn, CrQualification.ofLmsw(insn.isMemory, source));
            if (insn.isMemory) {
                cpu.vmx.exit.guestLinear = cpu.linear(insn, 2, false);
            }
            throw exit;
        }
        // LMSW can't clear PE.
        long writable = 0xF & ~mask;
        long low = source & writable | cpu.cr0 & ~writable & 0xF | cpu.cr0 & CR0_PE;
        cpu.controls.cr0(cpu.cr0 & ~0xFL | low);
        return true;
    }

    static boolean smsw(Cpu cpu, Insn insn) {
        if ((cpu.cr4 & CR4_UMIP) != 0 && cpu.cpl != 0) {
            return false;
        }
        long value = visible(cpu, 0);
        if (insn.isMemory) {
            cpu.store(insn, 2, value & 0xFFFF);
        } else {
            cpu.set(insn.destination, insn.operandSize, value);
        }
        return true;
    }

    static boolean movDr(Cpu cpu, Insn insn) {
        if (!cpu.vmx.on(PrimaryControl.MOV_DR_EXITING)) {
            return false;
        }
        boolean read = insn.row.op() == SystemOp.MOV_FROM_DR;
        throw cpu.vmx.exit(
                insn, ExitReason.MOV_DR, new DrQualification(insn.reg & 7, read, insn.rm).toLong());
    }
}
