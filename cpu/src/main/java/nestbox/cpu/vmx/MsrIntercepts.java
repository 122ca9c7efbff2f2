package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.Insn;
import nestbox.cpu.entry.ExitBitmaps;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.PrimaryControl;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.TertiaryControl;
import nestbox.x86.vmx.VmcsField;

import java.util.OptionalLong;

/// A guest's accesses to model-specific registers and the time-stamp counter: MSR bitmaps, virtual
/// x2APIC registers, TSC offset. SDM Vol. 3C, "MSR-Bitmap Address" and "Changes to Instruction
/// Behavior in VMX Non-Root Operation".
final class MsrIntercepts {
    private static final int X2APIC_RANGE = 8;

    private MsrIntercepts() {}

    private static boolean exits(Cpu cpu, int number, boolean write) {
        if (!cpu.vmx.on(PrimaryControl.USE_MSR_BITMAPS)) {
            return true;
        }
        return ExitBitmaps.msr(
                cpu.vmx.facts, cpu.vmx.vmcs().read(VmcsField.MSR_BITMAPS), number, write);
    }

    private static void edxEax(Cpu cpu, long value) {
        cpu.set32(Cpu.RAX, (int) value);
        cpu.set32(Cpu.RDX, (int) (value >>> 32));
    }

    static boolean read(Cpu cpu, Insn insn) {
        int number = cpu.get32(Cpu.RCX);
        if (exits(cpu, number, false)) {
            throw cpu.vmx.exit(insn, ExitReason.RDMSR, 0);
        }
        if (number == Msr.IA32_TIME_STAMP_COUNTER.number()) {
            edxEax(cpu, cpu.vmx.time.guestTsc(cpu.tsc.read()));
            return true;
        }
        if (number == Msr.IA32_SPEC_CTRL.number()
                && cpu.vmx.on(TertiaryControl.VIRTUALIZE_SPEC_CTRL)) {
            edxEax(cpu, cpu.vmx.vmcs().read(VmcsField.SPEC_CTRL_SHADOW));
            return true;
        }
        if (number >>> 8 == X2APIC_RANGE) {
            OptionalLong virtual = cpu.vmx.apic.readMsr(number);
            virtual.ifPresent(value -> edxEax(cpu, value));
            return virtual.isPresent();
        }
        return false;
    }

    static boolean write(Cpu cpu, Insn insn) {
        int number = cpu.get32(Cpu.RCX);
        if (exits(cpu, number, true)) {
            throw cpu.vmx.exit(insn, ExitReason.WRMSR, 0);
        }
        long value = cpu.get64(Cpu.RDX) << 32 | cpu.get64(Cpu.RAX) & 0xFFFF_FFFFL;
        if (number == Msr.IA32_SPEC_CTRL.number()
                && cpu.vmx.on(TertiaryControl.VIRTUALIZE_SPEC_CTRL)) {
            writeSpeculationControl(cpu, value);
            return true;
        }
        return number >>> 8 == X2APIC_RANGE && cpu.vmx.apic.writeMsr(number, value);
    }

    /// The guest changes the bits that the mask leaves to it, and reads back what it wrote.
    private static void writeSpeculationControl(Cpu cpu, long value) {
        long mask = cpu.vmx.vmcs().read(VmcsField.SPEC_CTRL_MASK);
        int number = Msr.IA32_SPEC_CTRL.number();
        cpu.msrs.write(number, cpu.msrs.read(number) & mask | value & ~mask);
        cpu.vmx.vmcs().write(VmcsField.SPEC_CTRL_SHADOW, value);
    }

    /// RDTSC and RDTSCP.
    static boolean timeStamp(Cpu cpu, Insn insn, ExitReason reason) {
        boolean withAux = reason == ExitReason.RDTSCP;
        if (withAux && !cpu.vmx.on(SecondaryControl.ENABLE_RDTSCP)) {
            throw cpu.undefined();
        }
        if ((cpu.cr4 & ControlBits.CR4_TSD) != 0 && cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
        if (cpu.vmx.on(PrimaryControl.RDTSC_EXITING)) {
            throw cpu.vmx.exit(insn, reason, 0);
        }
        edxEax(cpu, cpu.vmx.time.guestTsc(cpu.tsc.read()));
        if (withAux) {
            cpu.set32(Cpu.RCX, (int) cpu.msrs.tscAux());
        }
        return true;
    }
}
