package nestbox.cpu;

/// What VM exits for one reason have cost.
///
/// The cost is the hypervisor's: all that the processor does between an exit and the next VM entry,
/// whichever guest that is of. It includes programs that the hypervisor runs meanwhile.
///
/// @param count of VM exits
/// @param instructions retired between them and the VM entries that followed
/// @param nanos of the board's time that has passed meanwhile, waiting included
public record ExitTally(long count, long instructions, long nanos) {
    public ExitTally plus(ExitTally other) {
        return new ExitTally(
                count + other.count, instructions + other.instructions, nanos + other.nanos);
    }
}
