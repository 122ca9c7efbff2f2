package nestbox.console.subject;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/// What the shell's commands look at: a hypervisor, as far as one can see it from its console.
///
/// The shell depends on this rather than on a hypervisor, so commands are tested without one. All
/// calls come between the turns of the processors: what one command reads belongs together.
public interface Subject {
    Version version();

    /// How many VMs there may be; a VM id is below it.
    int vmLimit();

    /// How many pCPUs there are.
    int processors();

    /// The pCPU that the shell runs on, whose CPUID and MSRs are meant unless a command names one.
    int consoleProcessor();

    /// All VMs that are configured or were created, by id. One that is not listed is powered off.
    List<Vm> vms();

    default Optional<Vm> vm(int id) {
        return vms().stream().filter(vm -> vm.id() == id).findFirst();
    }

    /// Reads memory as the hypervisor sees it, its own included, without side effects. Any address
    /// may come, and any length up to 64 KiB.
    ///
    /// @return nothing if not all of it is RAM
    Optional<byte[]> hostMemory(long hostPhysicalAddress, int length);

    /// Every interrupt that is allocated.
    List<IrqCount> irqs();

    /// Every interrupt that is passed through to a VM.
    List<PassThroughEntry> passThrough();

    /// Every pin of the physical I/O APICs.
    List<IoapicPin> ioapic();

    LogLevels logLevels();

    void logLevels(LogLevels levels);

    CpuidResult cpuid(int pcpu, int leaf, int subleaf);

    /// @return nothing if the processor answers with #GP
    OptionalLong readMsr(int pcpu, int index);

    /// @return false if the processor answers with #GP
    boolean writeMsr(int pcpu, int index, long value);

    /// Resets the host as soon as the command has returned.
    void reboot();
}
