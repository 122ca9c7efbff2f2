package nestbox.cpu.vmx;

import nestbox.cpu.entry.Explanation;

import java.util.Optional;

/// What a processor remembers of VM entries that failed, for the user.
public final class FailedEntries {
    private long count;
    private long nanos;
    private Optional<FailedEntry> last = Optional.empty();
    private Optional<Explanation> standing = Optional.empty();

    /// A VM entry begins.
    void attempt() {
        standing = Optional.empty();
    }

    /// It has failed.
    void add(FailedEntry failure, long now) {
        count++;
        nanos = now;
        last = Optional.of(failure);
        standing = failure.why();
    }

    public long count() {
        return count;
    }

    /// When the last one failed.
    public long nanos() {
        return nanos;
    }

    /// What happened to the last one that failed.
    public Optional<String> last() {
        return last.map(FailedEntry::toString);
    }

    /// Why the last VM entry of all failed, if it did.
    public Optional<Explanation> standing() {
        return standing;
    }
}
