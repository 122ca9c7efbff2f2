package nestbox.cpu.entry;

import nestbox.x86.Msr;
import nestbox.x86.vmx.MsrAreaEntry;

import java.util.OptionalLong;

/// Lists of model-specific registers that VM entries and VM exits load and store. SDM Vol. 3C,
/// "Loading MSRs" of VM entries, "Saving MSRs" and "Loading MSRs" of VM exits.
///
/// A list longer than IA32_VMX_MISC promises is undefined; here its first excess entry fails, so
/// that a guest can't make the processor work on four billion of them.
public final class MsrAreas {
    /// What loading and storing return when all went well.
    public static final long DONE = 0;

    private static final int X2APIC_RANGE = 8;

    private MsrAreas() {}

    /// Loads registers from a list.
    ///
    /// @param longest how many entries the processor takes
    /// @return [#DONE], or the number of the entry that failed, from 1
    public static long load(
            PhysicalMemory memory, long address, long count, int longest, MsrAccess msrs) {
        for (long i = 0; i < count; i++) {
            if (i == longest) {
                return i + 1;
            }
            MsrAreaEntry entry = read(memory, address + i * MsrAreaEntry.SIZE);
            if (!isLoadable(entry) || !msrs.write(entry.index(), entry.data())) {
                return i + 1;
            }
        }
        return DONE;
    }

    /// Stores the registers that a list names into it.
    ///
    /// @param longest how many entries the processor takes
    /// @return [#DONE], or the number of the entry that failed, from 1
    public static long store(
            PhysicalMemory memory, long address, long count, int longest, MsrAccess msrs) {
        for (long i = 0; i < count; i++) {
            long at = address + i * MsrAreaEntry.SIZE;
            MsrAreaEntry entry = read(memory, at);
            if (i == longest || !isStorable(entry)) {
                return i + 1;
            }
            OptionalLong value = msrs.read(entry.index());
            if (value.isEmpty()) {
                return i + 1;
            }
            memory.writePhysical(at + MsrAreaEntry.DATA, 8, value.getAsLong());
        }
        return DONE;
    }

    /// Why loading from a list failed, right after it did.
    ///
    /// @param number what [#load] has returned
    public static MsrAreaFailure loadFailure(
            PhysicalMemory memory, long address, long number, int longest, MsrAccess msrs) {
        MsrAreaEntry entry = entry(memory, address, number);
        String why;
        if (number > longest) {
            why = tooLong(longest);
        } else if (isNeverLoaded(entry.index())) {
            why = "this register can't be loaded from a list";
        } else {
            why = unusable(entry, "WRMSR", msrs);
        }
        return new MsrAreaFailure(number, entry, why, "Loading MSRs");
    }

    /// Why storing into a list failed, right after it did.
    ///
    /// @param number what [#store] has returned
    public static MsrAreaFailure storeFailure(
            PhysicalMemory memory, long address, long number, int longest, MsrAccess msrs) {
        MsrAreaEntry entry = entry(memory, address, number);
        String why;
        if (number > longest) {
            why = tooLong(longest);
        } else if (entry.index() == Msr.IA32_SMBASE.number()) {
            why = "this register can't be stored into a list";
        } else {
            why = unusable(entry, "RDMSR", msrs);
        }
        return new MsrAreaFailure(number, entry, why, "Saving MSRs");
    }

    private static String tooLong(int longest) {
        return "IA32_VMX_MISC promises no more than %d entries".formatted(longest);
    }

    private static String unusable(MsrAreaEntry entry, String instruction, MsrAccess msrs) {
        if (entry.reserved() != 0) {
            return "bits 63:32 of the entry are 0x%X, and must be 0".formatted(entry.reserved());
        }
        if (isX2apic(entry.index())) {
            return "registers of the local APIC can't be in a list";
        }
        return msrs.read(entry.index()).isEmpty()
                ? "RDMSR and WRMSR are #GP, as for registers that the processor doesn't have"
                : instruction + " is #GP with this value";
    }

    private static MsrAreaEntry entry(PhysicalMemory memory, long address, long number) {
        return read(memory, address + (number - 1) * MsrAreaEntry.SIZE);
    }

    private static MsrAreaEntry read(PhysicalMemory memory, long at) {
        return new MsrAreaEntry(
                (int) memory.readPhysical(at, 4),
                (int) memory.readPhysical(at + 4, 4),
                memory.readPhysical(at + MsrAreaEntry.DATA, 8));
    }

    private static boolean isLoadable(MsrAreaEntry entry) {
        return entry.reserved() == 0 && !isX2apic(entry.index()) && !isNeverLoaded(entry.index());
    }

    private static boolean isNeverLoaded(int index) {
        return index == Msr.IA32_FS_BASE.number()
                || index == Msr.IA32_GS_BASE.number()
                || index == Msr.IA32_SMM_MONITOR_CTL.number()
                || index == Msr.IA32_BIOS_UPDT_TRIG.number()
                || index == Msr.IA32_BIOS_SIGN_ID.number();
    }

    private static boolean isStorable(MsrAreaEntry entry) {
        return entry.reserved() == 0
                && !isX2apic(entry.index())
                && entry.index() != Msr.IA32_SMBASE.number();
    }

    private static boolean isX2apic(int index) {
        return index >>> 8 == X2APIC_RANGE;
    }
}
