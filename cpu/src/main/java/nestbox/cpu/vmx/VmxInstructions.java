package nestbox.cpu.vmx;

import nestbox.cpu.core.Cpu;
import nestbox.cpu.core.GuestFault;
import nestbox.cpu.core.Insn;
import nestbox.cpu.core.Semantic;
import nestbox.cpu.entry.ExecutionControlRules;
import nestbox.cpu.entry.ExitBitmaps;
import nestbox.cpu.model.VmxCapabilities;
import nestbox.x86.ControlBits;
import nestbox.x86.Msr;
import nestbox.x86.RFlags;
import nestbox.x86.VmxOp;
import nestbox.x86.vmx.EptVpidCapability;
import nestbox.x86.vmx.ExitReason;
import nestbox.x86.vmx.InvalidationType;
import nestbox.x86.vmx.MiscCapability;
import nestbox.x86.vmx.SecondaryControl;
import nestbox.x86.vmx.VmInstructionError;
import nestbox.x86.vmx.VmcsField;
import nestbox.x86.vmx.VmcsRegion;

import java.util.Optional;

/// The VMX instructions. SDM Vol. 3C, "VMX Instruction Reference", whose order of checks this is.
public final class VmxInstructions {
    private static final int EPT_POINTERS = 512;

    /// IA32_FEATURE_CONTROL: locked, and VMXON allowed outside SMX operation.
    private static final long LOCKED_WITH_VMX = 0b101;

    private VmxInstructions() {}

    public static Semantic of(VmxOp op) {
        return switch (op) {
            case VMXON -> VmxInstructions::vmxon;
            case VMXOFF -> VmxInstructions::vmxoff;
            case VMCLEAR -> VmxInstructions::vmclear;
            case VMPTRLD -> VmxInstructions::vmptrld;
            case VMPTRST -> VmxInstructions::vmptrst;
            case VMREAD -> VmxInstructions::vmread;
            case VMWRITE -> VmxInstructions::vmwrite;
            case VMLAUNCH -> (cpu, insn) -> enter(cpu, insn, ExitReason.VMLAUNCH);
            case VMRESUME -> (cpu, insn) -> enter(cpu, insn, ExitReason.VMRESUME);
            case VMCALL -> VmxInstructions::vmcall;
            case VMFUNC -> VmxInstructions::vmfunc;
            case INVEPT -> VmxInstructions::invept;
            case INVVPID -> VmxInstructions::invvpid;
        };
    }

    // Common checks

    private static void requireMode(Cpu cpu) {
        boolean compatibility = cpu.isLongMode() && !cpu.isLongMode64();
        if (!cpu.isProtected() || cpu.isVirtual8086() || compatibility) {
            throw cpu.undefined();
        }
    }

    private static void requirePrivilege(Cpu cpu) {
        if (cpu.cpl != 0) {
            throw cpu.generalProtection();
        }
    }

    /// #UD outside VMX operation, a VM exit in a guest, #GP for lack of privilege.
    private static void begin(Cpu cpu, Insn insn, ExitReason reason) {
        requireOperation(cpu);
        if (cpu.vmx.isNonRoot()) {
            throw exit(cpu, insn, reason);
        }
        requirePrivilege(cpu);
    }

    private static void requireOperation(Cpu cpu) {
        if (!cpu.vmx.isOperating()) {
            throw cpu.undefined();
        }
        requireMode(cpu);
    }

    private static GuestFault exit(Cpu cpu, Insn insn, ExitReason reason) {
        GuestFault exit = cpu.vmx.exit(insn, reason, InstructionForms.displacement(cpu, insn));
        boolean hasRegister =
                switch (reason) {
                    case INVEPT, INVVPID -> true;
                    default -> false;
                };
        boolean either = reason == ExitReason.VMREAD || reason == ExitReason.VMWRITE;
        if (either) {
            cpu.vmx.exit.instructionInformation = InstructionForms.either(insn).toLong();
        } else if (insn.isMemory) {
            int register = hasRegister ? insn.reg : 0;
            cpu.vmx.exit.instructionInformation = InstructionForms.memory(insn, register).toLong();
        }
        return exit;
    }

    private static int registerWidth(Cpu cpu) {
        return cpu.isLongMode64() ? 8 : 4;
    }

    // VMX operation

    private static void vmxon(Cpu cpu, Insn insn) {
        requireMode(cpu);
        if ((cpu.cr4 & ControlBits.CR4_VMXE) == 0) {
            throw cpu.undefined();
        }
        if (cpu.vmx.isNonRoot()) {
            throw exit(cpu, insn, ExitReason.VMXON);
        }
        requirePrivilege(cpu);
        if (cpu.vmx.isOperating()) {
            cpu.vmx.fail(VmInstructionError.VMXON_IN_ROOT);
            return;
        }
        long control = cpu.msrs.read(Msr.IA32_FEATURE_CONTROL.number());
        boolean fixed = (cpu.cr0 & VmxCapabilities.CR0_FIXED0) == VmxCapabilities.CR0_FIXED0;
        if (!fixed || (control & LOCKED_WITH_VMX) != LOCKED_WITH_VMX || cpu.mmu.isA20Masked()) {
            throw cpu.generalProtection();
        }
        long address = cpu.load(insn, 8);
        boolean valid =
                cpu.vmx.isRegion(address)
                        && (int) cpu.mmu.readPhysical(address, 4) == cpu.vmx.layout.revision();
        if (!valid) {
            cpu.vmx.failInvalid();
            return;
        }
        cpu.vmx.enterOperation(address);
        cpu.monitored.disarm();
        cpu.vmx.succeed();
    }

    private static void vmxoff(Cpu cpu, Insn insn) {
        begin(cpu, insn, ExitReason.VMXOFF);
        cpu.vmx.leaveOperation();
        cpu.monitored.disarm();
        cpu.vmx.succeed();
        // An INIT may have waited.
        cpu.attention();
    }

    // VMCS pointers

    private static void vmclear(Cpu cpu, Insn insn) {
        begin(cpu, insn, ExitReason.VMCLEAR);
        long address = cpu.load(insn, 8);
        finish(cpu, cpu.vmx.clear(address));
    }

    private static void vmptrld(Cpu cpu, Insn insn) {
        begin(cpu, insn, ExitReason.VMPTRLD);
        finish(cpu, cpu.vmx.makeCurrent(cpu.load(insn, 8)));
    }

    private static void finish(Cpu cpu, Optional<VmInstructionError> error) {
        error.ifPresentOrElse(cpu.vmx::fail, cpu.vmx::succeed);
    }

    private static void vmptrst(Cpu cpu, Insn insn) {
        begin(cpu, insn, ExitReason.VMPTRST);
        cpu.store(insn, 8, cpu.vmx.currentPointer());
        cpu.vmx.succeed();
    }

    // Fields

    /// The VMCS that VMREAD and VMWRITE reach: the current one, or in a guest its shadow.
    private static Optional<Vmcs> target(Cpu cpu) {
        if (!cpu.vmx.isNonRoot()) {
            return cpu.vmx.current();
        }
        long link = cpu.vmx.vmcs().read(VmcsField.VMCS_LINK_POINTER);
        return link == VmcsRegion.NO_POINTER
                ? Optional.empty()
                : Vmcs.at(cpu.bus.memory(), cpu.vmx.layout, link);
    }

    /// In a guest: whether the access exits, by control, encoding and bitmap.
    private static boolean exits(Cpu cpu, long encoding, VmcsField bitmap) {
        return !cpu.vmx.on(SecondaryControl.VMCS_SHADOWING)
                || ExitBitmaps.field(cpu.vmx.facts, cpu.vmx.vmcs().read(bitmap), encoding);
    }

    private static void beginAccess(
            Cpu cpu, Insn insn, ExitReason reason, long encoding, VmcsField bitmap) {
        requireOperation(cpu);
        if (cpu.vmx.isNonRoot() && exits(cpu, encoding, bitmap)) {
            throw exit(cpu, insn, reason);
        }
        requirePrivilege(cpu);
    }

    private static void vmread(Cpu cpu, Insn insn) {
        long encoding = cpu.get(8 * insn.reg, registerWidth(cpu));
        beginAccess(cpu, insn, ExitReason.VMREAD, encoding, VmcsField.VMREAD_BITMAP_ADDRESS);
        Optional<Vmcs> vmcs = target(cpu);
        if (vmcs.isEmpty()) {
            cpu.vmx.failInvalid();
            return;
        }
        Optional<VmcsField> field = VmcsField.of(encoding).filter(cpu.vmx.layout::has);
        if (field.isEmpty()) {
            failAccess(cpu, VmInstructionError.UNSUPPORTED_COMPONENT);
            return;
        }
        long value = vmcs.get().read(field.get());
        long half = VmcsField.isHigh(encoding) ? value >>> 32 : value;
        cpu.storeRm(insn, insn.destination, registerWidth(cpu), half);
        cpu.vmx.succeed();
    }

    private static void vmwrite(Cpu cpu, Insn insn) {
        long encoding = cpu.get(8 * insn.reg, registerWidth(cpu));
        beginAccess(cpu, insn, ExitReason.VMWRITE, encoding, VmcsField.VMWRITE_BITMAP_ADDRESS);
        Optional<Vmcs> vmcs = target(cpu);
        if (vmcs.isEmpty()) {
            cpu.vmx.failInvalid();
            return;
        }
        long value = cpu.loadRm(insn, insn.source, registerWidth(cpu));
        Optional<VmcsField> field = VmcsField.of(encoding).filter(cpu.vmx.layout::has);
        if (field.isEmpty()) {
            failAccess(cpu, VmInstructionError.UNSUPPORTED_COMPONENT);
            return;
        }
        if (field.get().isReadOnly()
                && !cpu.vmx.capabilities.has(MiscCapability.VMWRITE_ANY_FIELD)) {
            failAccess(cpu, VmInstructionError.READ_ONLY_COMPONENT);
            return;
        }
        if (VmcsField.isHigh(encoding)) {
            long low = vmcs.get().read(field.get()) & 0xFFFF_FFFFL;
            vmcs.get().write(field.get(), value << 32 | low);
        } else {
            vmcs.get().write(field.get(), value);
        }
        cpu.vmx.succeed();
    }

    /// In a guest the error goes to the shadow VMCS, if there is one.
    private static void failAccess(Cpu cpu, VmInstructionError error) {
        cpu.statusFlags(RFlags.ZF);
        target(cpu).ifPresent(vmcs -> vmcs.write(VmcsField.INSTRUCTION_ERROR, error.number()));
    }

    // VM entry

    private static void enter(Cpu cpu, Insn insn, ExitReason reason) {
        begin(cpu, insn, reason);
        Vmx vmx = cpu.vmx;
        boolean launch = reason == ExitReason.VMLAUNCH;
        if (vmx.current().isEmpty() || vmx.vmcs().isShadow()) {
            vmx.entryFailed(FailedEntry.invalid());
            vmx.failInvalid();
            return;
        }
        Optional<VmInstructionError> error = vmx.prepareEntry(launch);
        if (error.isPresent()) {
            vmx.fail(error.get());
            return;
        }
        throw vmx.enter();
    }

    /// VMCALL exits from a guest in any mode and at any privilege level.
    private static void vmcall(Cpu cpu, Insn insn) {
        if (!cpu.vmx.isOperating()) {
            throw cpu.undefined();
        }
        if (cpu.vmx.isNonRoot()) {
            throw cpu.vmx.exit(insn, ExitReason.VMCALL, 0);
        }
        requireMode(cpu);
        requirePrivilege(cpu);
        cpu.vmx.fail(VmInstructionError.VMCALL_IN_ROOT);
    }

    // VM functions

    private static void vmfunc(Cpu cpu, Insn insn) {
        Vmx vmx = cpu.vmx;
        int function = cpu.get32(Cpu.RAX);
        boolean defined = Integer.compareUnsigned(function, 64) < 0;
        if (!vmx.isNonRoot() || !vmx.on(SecondaryControl.ENABLE_VM_FUNCTIONS) || !defined) {
            throw cpu.undefined();
        }
        long enabled = vmx.vmcs().read(VmcsField.VM_FUNCTION_CONTROLS);
        if (function != 0 || (enabled & 1) == 0 || !switchEptPointer(cpu)) {
            throw vmx.exit(insn, ExitReason.VMFUNC, 0);
        }
    }

    /// SDM Vol. 3C, "EPTP Switching".
    private static boolean switchEptPointer(Cpu cpu) {
        Vmx vmx = cpu.vmx;
        int index = cpu.get32(Cpu.RCX);
        if (Integer.compareUnsigned(index, EPT_POINTERS) >= 0) {
            return false;
        }
        long at = vmx.vmcs().read(VmcsField.EPTP_LIST_ADDRESS) + 8L * index;
        long pointer = cpu.mmu.readPhysical(at, 8);
        if (!ExecutionControlRules.isEptPointer(vmx.facts, pointer)) {
            return false;
        }
        vmx.vmcs().write(VmcsField.EPT_POINTER, pointer);
        if (vmx.on(SecondaryControl.EPT_VIOLATION_VE)) {
            vmx.vmcs().write(VmcsField.EPTP_INDEX, index);
        }
        vmx.switchEptPointer();
        return true;
    }

    // Invalidations

    private static void invept(Cpu cpu, Insn insn) {
        if (!cpu.vmx.capabilities.has(EptVpidCapability.INVEPT)) {
            throw cpu.undefined();
        }
        begin(cpu, insn, ExitReason.INVEPT);
        long number = cpu.get(8 * insn.reg, registerWidth(cpu));
        Optional<InvalidationType> type = InvalidationType.ofInvept(number);
        long linear = cpu.linear(insn, 16, false);
        long pointer = cpu.read64(insn.segment, linear);
        long reserved = cpu.read64(insn.segment, linear + 8);
        boolean single =
                type.filter(each -> each == InvalidationType.EPT_SINGLE_CONTEXT).isPresent();
        boolean valid =
                isSupported(cpu, type)
                        && reserved == 0
                        && (!single || ExecutionControlRules.isEptPointer(cpu.vmx.facts, pointer));
        if (!valid) {
            cpu.vmx.fail(VmInstructionError.INVALID_INVALIDATION_OPERAND);
            return;
        }
        if (single) {
            cpu.vmx.tags.invalidateEpt(pointer);
        } else {
            cpu.vmx.tags.invalidateAllEpt();
        }
        cpu.vmx.succeed();
    }

    private static boolean isSupported(Cpu cpu, Optional<InvalidationType> type) {
        return type.filter(each -> cpu.vmx.capabilities.has(each.capability())).isPresent();
    }

    private static void invvpid(Cpu cpu, Insn insn) {
        if (!cpu.vmx.capabilities.has(EptVpidCapability.INVVPID)) {
            throw cpu.undefined();
        }
        begin(cpu, insn, ExitReason.INVVPID);
        long number = cpu.get(8 * insn.reg, registerWidth(cpu));
        Optional<InvalidationType> type = InvalidationType.ofInvvpid(number);
        long linear = cpu.linear(insn, 16, false);
        long vpid = cpu.read64(insn.segment, linear);
        long address = cpu.read64(insn.segment, linear + 8);
        if (!isSupported(cpu, type) || !invalidate(cpu, type.get(), vpid, address)) {
            cpu.vmx.fail(VmInstructionError.INVALID_INVALIDATION_OPERAND);
            return;
        }
        cpu.vmx.succeed();
    }

    /// @return false if the descriptor isn't valid
    private static boolean invalidate(Cpu cpu, InvalidationType type, long vpid, long address) {
        boolean all = type == InvalidationType.VPID_ALL_CONTEXTS;
        if (vpid >>> 16 != 0 || !all && vpid == 0) {
            return false;
        }
        AddressTags tags = cpu.vmx.tags;
        switch (type) {
            case VPID_INDIVIDUAL_ADDRESS -> {
                if (address << 16 >> 16 != address) {
                    return false;
                }
                tags.invalidateAddress(vpid, address);
            }
            case VPID_ALL_CONTEXTS -> tags.invalidateAllVpids();
            // Global translations aren't kept apart from others.
            case VPID_SINGLE_CONTEXT, VPID_RETAINING_GLOBALS -> tags.invalidateVpid(vpid);
            case EPT_SINGLE_CONTEXT, EPT_ALL_CONTEXTS -> throw new IllegalArgumentException();
        }
        return true;
    }
}
